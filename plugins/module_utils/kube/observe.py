# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster has of the objects of a plan: a list for each kind instead of a request for each object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.drift import Extra, extras
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.ownership import holds
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    INVENTORY_LABEL,
    Item,
    Plan,
)

#: Up to so many objects of a kind are asked for one by one: a list would bring all others as well.
FEW = 2
#: Objects in one part of a list.
PAGE = 500


@dataclass(frozen=True)
class Found:
    """A live object. ``body`` is kept only where something differs: thousands of objects have to fit."""

    holds: bool
    extras: tuple[Extra, ...]
    body: Mapping[str, Any] | None


async def observe(
    client: Client, plan: Plan, manager: str, inventory: str | None
) -> dict[Key, Found]:
    """Ask for all objects of a plan whose kinds the cluster serves already; what is not there is left out.

    With an inventory the lists are of its label. An object without it may be missing here and there all
    the same; applying it is a change then anyhow, as it gets the label. Raises those of the client.
    """
    groups: dict[Resource, list[Item]] = {}
    for item in plan.items:
        if not item.defined_by:
            groups.setdefault(item.resource, []).append(item)
    found: dict[Key, Found] = {}
    await asyncio.gather(
        *(_observe_kind(client, items, manager, inventory, found) for items in groups.values())
    )
    return found


async def namespaces(client: Client) -> Mapping[str, str] | None:
    """Phases of all namespaces by name, ``None`` where they may not be listed."""
    answer = await client.get("/api/v1/namespaces")
    if not answer.ok:
        return None
    return {item["metadata"]["name"]: item["status"]["phase"] for item in answer.body["items"]}


async def _observe_kind(
    client: Client,
    items: list[Item],
    manager: str,
    inventory: str | None,
    found: dict[Key, Found],
) -> None:
    wanted = {item.key: item for item in items}
    resource = items[0].resource
    places = {item.key.namespace for item in items}
    selector = f"{INVENTORY_LABEL}={inventory}" if inventory else ""
    bodies = (
        _one_by_one(client, items)
        if len(items) <= FEW
        else _listed(client, resource, places.pop() if len(places) == 1 else "", selector, items)
    )
    async for body in bodies:
        key = resource.key(body)
        if key in wanted:
            found[key] = compare(wanted[key], body, manager)


def compare(item: Item, body: Mapping[str, Any], manager: str) -> Found:
    """Compare a live object with what is wanted."""
    body = item.resource.named(body)
    same = holds(item.manifest.body, body, manager)
    more = extras(item.key, item.manifest.body, body)
    return Found(same, tuple(more), body if more or not same else None)


async def _listed(
    client: Client, resource: Resource, namespace: str, selector: str, items: list[Item]
) -> AsyncIterator[Mapping[str, Any]]:
    """All objects of a kind, part by part; who may not list them asks for each."""
    query = {"limit": str(PAGE)}
    if selector:
        query["labelSelector"] = selector
    while True:
        answer = await client.get(resource.path(namespace), **query)
        if answer.status == 403 and "continue" not in query:
            async for body in _one_by_one(client, items):
                yield body
            return
        if answer.status == 410:  # the place in the list has been forgotten: begin anew
            del query["continue"]
            continue
        _expect(answer, f"listing {resource.plural}")
        for body in answer.body["items"] or ():
            yield body
        rest = answer.body["metadata"].get("continue")
        if not rest:
            return
        query["continue"] = rest


async def _one_by_one(client: Client, items: Iterable[Item]) -> AsyncIterator[Mapping[str, Any]]:
    items = list(items)
    answers = await asyncio.gather(*(client.get(item.path) for item in items))
    for item, answer in zip(items, answers):
        if answer.status != 404:
            _expect(answer, f"reading {item.key}")
            yield answer.body


def _expect(answer: Answer, what: str) -> None:
    if not answer.ok:
        raise KubeError(
            "forbidden" if answer.status == 403 else "failed", f"{what}: {answer.message}."
        )
