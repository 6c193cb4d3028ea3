"""Lists: filtered, ordered, page by page; of one collection or of all places."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import catalogue, filters
from tests.lab.gcp.call import Call
from tests.lab.gcp.discovery import Schema
from tests.lab.gcp.errors import ApiError
from tests.lab.gcp.links import link_of

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_DEFAULT = 500


def page(call: Call, items: list[tuple[str, Body]]) -> tuple[list[tuple[str, Body]], str]:
    """Cut a page out of (place, body) pairs: what is on it and the next page's token."""
    test = filters.parse(call.query.get("filter", ""))
    chosen = [item for item in items if test(item[1])]
    order = call.query.get("orderBy", "")
    if order == "creationTimestamp desc":
        chosen.sort(key=lambda item: str(item[1].get("creationTimestamp", "")), reverse=True)
    elif order not in ("", "name"):
        raise ApiError(400, "invalid", f"Invalid value for field 'orderBy': '{order}'.")
    size = int(call.query.get("maxResults") or call.query.get("pageSize") or _DEFAULT) or _DEFAULT
    start = _start(call.query.get("pageToken", ""))
    shown = chosen[start : start + size]
    token = ""
    if start + size < len(chosen):
        token = base64.urlsafe_b64encode(f"from:{start + size}".encode()).decode()
    return shown, token


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        return int(text.removeprefix("from:"))
    except ValueError as error:
        words = f"Invalid value for field 'pageToken': '{token}'. Invalid pageToken."
        raise ApiError(400, "invalid", words) from error


def items_field(call: Call) -> str:
    """Give the field of a list response that has the items."""
    known: dict[str, Schema] = call.api.schemas[str(call.method.response)]["properties"]
    if "items" in known:
        return "items"
    lists = [
        name
        for name, entry in known.items()
        if entry.get("type") == "array" and "$ref" in entry.get("items", {})
    ]
    return lists[0]


def frame(call: Call, token: str) -> Body:
    """Give what is around the items of a list."""
    known = call.api.schemas[str(call.method.response)]["properties"]
    body: Body = {}
    if known.get("kind", {}).get("default"):
        body["kind"] = known["kind"]["default"]
    if "id" in known:
        body["id"] = call.key.partition("/")[2]
    if "selfLink" in known:
        body["selfLink"] = link_of(call.key)
    if token:
        body["nextPageToken"] = token
    return body


async def plain(emulator: Emulator, call: Call) -> Body:
    """List a collection."""
    emulator.require_parent(call)
    key = emulator.wildcard(call.key)
    records = key if isinstance(key, list) else emulator.store.below(key)
    items = [("", emulator.answer(record)) for record in records if _seen(record)]
    if call.api.name == "compute":
        made = {body.get("name") for _, body in items}
        listed = [name for name in catalogue.names(call.key) if name not in made]
        items += [("", catalogue.get(f"{call.key}/{name}") or {}) for name in listed]
    shown, token = page(call, items)
    return {**frame(call, token), **_content(call, [body for _, body in shown])}


def _seen(record: Any) -> bool:
    return bool(record.ready or record.type.startswith(("compute.", "container.")))


def _content(call: Call, bodies: list[Body]) -> Body:
    # Google's older APIs leave an empty list out.
    return {items_field(call): bodies} if bodies else {}


def _family(type_: str) -> list[str]:
    """Give the types that an aggregated list shows: regional and global variants belong together."""
    api, _, name = type_.partition(".")
    upper = name[:1].upper() + name[1:]
    return [type_, f"{api}.region{upper}", f"{api}.global{upper}"]


async def aggregated(emulator: Emulator, call: Call) -> Body:
    """List a type in all places."""
    schema = call.api.schemas[str(call.method.response)]["properties"]["items"]
    scoped = call.api.schemas[schema["additionalProperties"]["$ref"]]["properties"]
    field = next(name for name, entry in scoped.items() if entry.get("type") == "array")
    project = call.path["project"]
    items = [
        (scope_of(record.key), emulator.answer(record))
        for type_ in _family(call.type)
        for record in emulator.store.of_type(type_, project)
    ]
    items += _listed(call.type, project)
    items.sort(key=lambda item: (item[0], str(item[1].get("name", ""))))
    return by_place(call, items, field)


def by_place(call: Call, items: list[tuple[str, Body]], field: str) -> Body:
    """Write (place, body) pairs as an aggregated list does."""
    shown, token = page(call, items)
    scopes: dict[str, Body] = {}
    for scope, body in shown:
        scopes.setdefault(scope, {}).setdefault(field, []).append(body)
    if not shown:
        scopes["global"] = {"warning": _nothing("global")}
    return {**frame(call, token), "items": scopes}


def _listed(type_: str, project: str) -> list[tuple[str, Body]]:
    name = type_.partition(".")[2]
    if name not in ("machineTypes", "diskTypes"):
        return []
    return [
        (f"zones/{zone}", catalogue.get(f"{collection}/{entry}") or {})
        for zone in catalogue.ZONES
        if zone.startswith("asia-southeast")
        for collection in [f"compute/projects/{project}/zones/{zone}/{name}"]
        for entry in catalogue.names(collection)
    ]


def scope_of(key: str) -> str:
    """Give the part of an aggregated list that a resource stands in."""
    words = key.split("/")
    return "/".join(words[3:5]) if words[3] in ("zones", "regions") else "global"


def _nothing(scope: str) -> Body:
    return {
        "code": "NO_RESULTS_ON_PAGE",
        "message": f"There are no results for scope '{scope}' on this page.",
        "data": [{"key": "scope", "value": scope}],
    }
