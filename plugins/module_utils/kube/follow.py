# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Follow all objects of a kind: one list, then one watch, for as long as somebody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds between two looks where a watch cannot be had, and seconds of one watch.
PAUSE = 0.5
LENGTH = 300.0

Body = Mapping[str, Any]


async def follow(
    client: Client,
    path: str,
    look: Callable[[Body], None],
    gone: Callable[[Body], None] = lambda _body: None,
    **query: str,
) -> None:
    """Hand over each object as it is now and after each change, until the task is cancelled.

    ``gone`` gets what was deleted while it was watched. What the API drops, or an API that is away for a while, is
    met by a new list. Raises ``KubeError``: ``failed`` where the list is refused, ``unreachable``, ``unauthorized``.
    """
    while True:
        answer = await client.get(path, **query)
        if not answer.ok:
            raise KubeError("failed", f"listing {path}: {answer.message}.")
        for body in answer.body["items"] or ():
            look(body)
        version = answer.body["metadata"]["resourceVersion"]
        if not await _changes(client, path, look, gone, {**query, "resourceVersion": version}):
            await asyncio.sleep(PAUSE)


async def _changes(
    client: Client,
    path: str,
    look: Callable[[Body], None],
    gone: Callable[[Body], None],
    query: Mapping[str, str],
) -> bool:
    """Hand over changes until the watch ends; false where it could not be had."""
    events = client.watch(path, LENGTH, **query)
    try:
        async for event in events:
            if event.get("type") == "ERROR" or "object" not in event:
                return False
            (gone if event["type"] == "DELETED" else look)(event["object"])
    except KubeError:
        # The list that follows is tried again and again, and says it where the API stays away.
        return False
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    return True
