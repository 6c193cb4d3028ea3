# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until objects are ready: one watch for each kind and namespace, no polling of objects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Item
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import (
    failed,
    waits_for,
)

#: Seconds between two looks where a watch cannot be had.
PAUSE = 0.5


async def until_ready(
    client: Client, items: Iterable[Item], conditions: Mapping[str, str], timeout: float
) -> dict[Key, str]:
    """Wait for all items; return what the rest still waits for after ``timeout`` seconds, or why it failed.

    ``conditions`` names, by kind, the condition that has to be true in place of the kind's own rule.
    An API that is away once the objects have been seen is asked again until then.
    Raises those of the client.
    """
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.resource.path(), item.key.namespace), []).append(item)
    deadline = time.monotonic() + timeout
    open_items = await asyncio.gather(
        *(_wait_for_kind(client, group, conditions, deadline) for group in groups.values())
    )
    return {key: text for group in open_items for key, text in group.items()}


async def _wait_for_kind(
    client: Client, items: list[Item], conditions: Mapping[str, str], deadline: float
) -> dict[Key, str]:
    """Wait for objects of one kind in one namespace (or of a kind that has none)."""
    first = items[0]
    path = first.resource.path(first.key.namespace)
    condition = conditions.get(first.resource.kind.name)
    waiting = {item.key.name: (item.key, "it is not there") for item in items}
    ended: dict[Key, str] = {}

    def look(body: Mapping[str, Any]) -> None:
        name = body["metadata"]["name"]
        if name not in waiting:
            return
        key = waiting[name][0]
        full = first.resource.named(body)
        broken = failed(full)
        text = broken or waits_for(full, condition)
        waiting[name] = (key, text)
        if broken:
            ended[key] = broken
        if broken or not text:
            del waiting[name]

    until = 0.0
    while waiting:
        answer = await _list(client, path, first.resource.plural, until)
        # Once it has answered, an API that is away may come back in time.
        until = deadline
        for body in answer.body["items"] or ():
            look(body)
        left = deadline - time.monotonic()
        if not waiting or left <= 0:
            break
        if not await _follow(
            client, path, answer.body["metadata"]["resourceVersion"], left, look, waiting
        ):
            await asyncio.sleep(PAUSE)
    return {**ended, **dict(waiting.values())}


async def _list(client: Client, path: str, plural: str, until: float) -> Answer:
    """List objects, again and again until a time. Raises ``KubeError`` then, at once where nobody knows who asks."""
    while True:
        try:
            answer = await client.get(path)
            if answer.ok:
                return answer
            raise KubeError("failed", f"waiting for {plural}: {answer.message}.")
        except KubeError as error:
            if error.reason == "unauthorized" or time.monotonic() >= until:
                raise
        await asyncio.sleep(PAUSE)


async def _follow(
    client: Client,
    path: str,
    version: str,
    seconds: float,
    look: Any,
    waiting: Mapping[str, Any],
) -> bool:
    """Look at each change until nothing waits or the watch ends; false where it could not be had."""
    events = client.watch(path, seconds, resourceVersion=version)
    try:
        async for event in events:
            if event.get("type") == "ERROR" or "object" not in event:
                return False
            look(event["object"])
            if not waiting:
                break
    except KubeError:
        # A balancer ends what says nothing for a while, and an API may begin anew: the list that follows tells.
        return False
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    return True
