"""Reading operations, and waiting for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import lists
from tests.lab.gcp.errors import ApiError, not_found
from tests.lab.gcp.operations import Operation
from tests.lab.gcp.shapes import collection_of, short, show
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
#: compute's wait returns after two minutes at the latest.
_LONGEST_WAIT = 120.0
_COMPUTE = ("globalOperations", "regionOperations", "zoneOperations")


def _find(emulator: Emulator, call: Call) -> Operation:
    made = emulator.operations.known.get(f"{call.api.name}/{short(call.key)}")
    right = made is not None and (
        call.api.name != "compute" or call.where.startswith(collection_of(made.target) + "/")
    )
    if made is None or not right:
        if call.api.name == "compute":
            raise not_found(call.where)
        raise ApiError(404, "notFound", f"Operation not found: {call.where}", "NOT_FOUND")
    return made


@handles(*(f"compute.{name}.get" for name in _COMPUTE), "*.operations.get")
async def get(emulator: Emulator, call: Call) -> Body:
    """Give an operation as it stands."""
    return show(_find(emulator, call))


@handles(*(f"compute.{name}.wait" for name in _COMPUTE))
async def wait(emulator: Emulator, call: Call) -> Body:
    """Answer when the operation is done, or after two minutes."""
    made = _find(emulator, call)
    try:
        await asyncio.wait_for(made.finished.wait(), _LONGEST_WAIT)
    except TimeoutError:
        return show(made)
    return show(made)


@handles(*(f"compute.{name}.list" for name in _COMPUTE), "*.operations.list")
async def listed(emulator: Emulator, call: Call) -> Body:
    """List operations of a place."""
    field = lists.items_field(call)
    found = []
    for made in emulator.operations.of_api(call.api.name):
        place = collection_of(made.target) + "/operations"
        if call.api.name != "compute" or place == call.where:
            found.append(("", show(made)))
    shown, token = lists.page(call, found)
    bodies = [body for _, body in shown]
    return {**lists.frame(call, token), **({field: bodies} if bodies else {})}


@handles("compute.globalOperations.aggregatedList")
async def listed_of_all_places(emulator: Emulator, call: Call) -> Body:
    """List compute's operations of a project."""
    project = call.path["project"]
    made = [each for each in emulator.operations.of_api("compute") if each.project == project]
    found = [(lists.scope_of(each.target), show(each)) for each in made]
    return lists.by_place(call, found, "operations")


@handles(*(f"compute.{name}.delete" for name in _COMPUTE), "*.operations.delete")
async def delete(emulator: Emulator, call: Call) -> Body:
    """Forget an operation."""
    made = _find(emulator, call)
    del emulator.operations.known[f"{made.api}/{made.name}"]
    return {}


@handles("*.operations.cancel")
async def cancel(emulator: Emulator, call: Call) -> Body:
    """Accept the wish; operations here go on to their end."""
    _find(emulator, call)
    return {}
