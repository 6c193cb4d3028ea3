# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster has of the objects of a plan: a list for each kind instead of a request for each object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.drift import Extra, extras
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.ownership import holds
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    INVENTORY_LABEL,
    NAMESPACE,
    Item,
    Plan,
)

#: Up to so many objects of a kind are asked for one by one: a list would bring all others as well.
FEW = 2
#: Objects in one part of a list.
PAGE = 500
_NAMESPACES = Resource(NAMESPACE, "namespaces", namespaced=False, verbs=frozenset())


@dataclass(frozen=True)
class Found:
    """A live object. ``body`` is kept only where something differs: thousands of objects have to fit."""

    holds: bool
    extras: tuple[Extra, ...]
    body: Mapping[str, Any] | None


@dataclass(frozen=True)
class World:
    """The live objects of a plan, and phases of namespaces by name: ``None`` where they may not be read."""

    found: Mapping[Key, Found]
    phases: Mapping[str, str] | None

    def with_namespaces(self, coming: Collection[str]) -> World:
        """The same with namespaces that are sure to come."""
        if self.phases is None:
            return self
        return replace(self, phases={**dict.fromkeys(coming, "Active"), **self.phases})


def of_inventories(inventories: Collection[str]) -> str:
    """A label selector for the objects of inventories."""
    return f"{INVENTORY_LABEL} in ({','.join(sorted(inventories))})"


async def observe(client: Client, plan: Plan, manager: str, inventories: Collection[str]) -> World:
    """Ask for all objects of a plan whose kinds the cluster serves already; what is not there is left out.

    With inventories the lists are of their label; what they do not have, where it can be there at all, is
    asked for without it: an object that was there before its inventory. Raises those of the client.
    """
    items = [item for item in plan.items if not item.defined_by and item.resource.kind != NAMESPACE]
    found: dict[Key, Found] = {}
    selector = of_inventories(inventories) if inventories else ""
    phases, _none = await asyncio.gather(
        _observe_namespaces(client, plan, manager, found),
        _observe_kinds(client, items, manager, selector, found),
    )
    if selector:
        places = None if phases is None else {"", *phases}
        missing = [
            item
            for item in items
            if item.key not in found and (places is None or item.key.namespace in places)
        ]
        await _observe_kinds(client, missing, manager, "", found)
    return World(found, phases)


async def _observe_namespaces(
    client: Client, plan: Plan, manager: str, found: dict[Key, Found]
) -> dict[str, str] | None:
    """All namespaces that the plan touches, be they applied or only used; return their phases."""
    items = {item.key: item for item in plan.items if item.resource.kind == NAMESPACE}
    paths = [_NAMESPACES.path(name=name) for name in plan.namespaces | plan.used_namespaces]
    phases = {}
    try:
        async for body in _bodies(client, _NAMESPACES, paths):
            key = _NAMESPACES.key(body)
            phases[key.name] = body["status"]["phase"]
            if key in items:
                found[key] = compare(items[key], body, manager)
    except KubeError as error:
        if error.reason != "forbidden" or items:
            raise
        return None
    return phases


async def _observe_kinds(
    client: Client, items: list[Item], manager: str, selector: str, found: dict[Key, Found]
) -> None:
    groups: dict[Resource, list[Item]] = {}
    for item in items:
        groups.setdefault(item.resource, []).append(item)
    await asyncio.gather(
        *(_observe_kind(client, group, manager, selector, found) for group in groups.values())
    )


async def _observe_kind(
    client: Client, items: list[Item], manager: str, selector: str, found: dict[Key, Found]
) -> None:
    wanted = {item.key: item for item in items}
    resource = items[0].resource
    places = {item.key.namespace for item in items}
    namespace = places.pop() if len(places) == 1 else ""
    async for body in _bodies(client, resource, [item.path for item in items], namespace, selector):
        key = resource.key(body)
        if key in wanted:
            found[key] = compare(wanted[key], body, manager)


def compare(item: Item, body: Mapping[str, Any], manager: str) -> Found:
    """Compare a live object with what is wanted."""
    body = item.resource.named(body)
    same = holds(item.manifest.body, body, manager)
    more = extras(item.key, item.manifest.body, body)
    return Found(same, tuple(more), body if more or not same else None)


async def _bodies(
    client: Client, resource: Resource, paths: list[str], namespace: str = "", selector: str = ""
) -> AsyncIterator[Mapping[str, Any]]:
    """Objects of a kind: those at ``paths``, and others where a list is shorter than so many questions."""
    if len(paths) > FEW:
        try:
            async for body in _listed(client, resource, namespace, selector):
                yield body
            return
        except KubeError as error:
            # Who may not list them may still ask for each.
            if error.reason != "forbidden":
                raise
    async for body in _one_by_one(client, paths):
        yield body


async def _listed(
    client: Client, resource: Resource, namespace: str, selector: str
) -> AsyncIterator[Mapping[str, Any]]:
    """All objects of a kind, part by part."""
    query = {"limit": str(PAGE)}
    if selector:
        query["labelSelector"] = selector
    while True:
        answer = await client.get(resource.path(namespace), **query)
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


async def _one_by_one(client: Client, paths: list[str]) -> AsyncIterator[Mapping[str, Any]]:
    answers = await asyncio.gather(*(client.get(path) for path in paths))
    for path, answer in zip(paths, answers):
        if answer.status != 404:
            _expect(answer, f"reading {path}")
            yield answer.body


def _expect(answer: Answer, what: str) -> None:
    if not answer.ok:
        raise KubeError(
            "forbidden" if answer.status == 403 else "failed", f"{what}: {answer.message}."
        )
