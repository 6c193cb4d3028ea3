# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Follow all objects of a kind: one list, then one watch, for as long as somebody listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
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

    ``gone`` gets what was deleted. What the API drops, or an API that is away for as long as the client has patience,
    is met by a new list. Raises ``KubeError``: ``failed`` where the list is refused, ``unreachable``, ``unauthorized``.
    """
    seen, good = _Seen(look, gone), 0.0
    while True:
        answer = await client.get(path, **query)
        if not answer.ok:
            # An API that has just come back may refuse for a moment what it allowed before.
            if good and time.monotonic() - good < client.patience:
                await asyncio.sleep(PAUSE)
                continue
            raise KubeError("failed", f"listing {path}: {answer.message}.")
        seen.all(answer.body["items"] or ())
        version = answer.body["metadata"]["resourceVersion"]
        if not await _changes(client, path, seen, {**query, "resourceVersion": version}):
            await asyncio.sleep(PAUSE)
        good = time.monotonic()


class _Seen:
    """What is there as far as is known here, so that a list tells what went while nobody watched."""

    def __init__(self, look: Callable[[Body], None], gone: Callable[[Body], None]) -> None:
        self._look, self._gone = look, gone
        self._bodies: dict[str, Body] = {}

    def all(self, bodies: Sequence[Body]) -> None:
        for uid in self._bodies.keys() - {body["metadata"]["uid"] for body in bodies}:
            self._gone(self._bodies.pop(uid))
        for body in bodies:
            self.one("MODIFIED", body)

    def one(self, event: str, body: Body) -> None:
        uid = body["metadata"]["uid"]
        if event == "DELETED":
            self._bodies.pop(uid, None)
            self._gone(body)
        else:
            self._bodies[uid] = body
            self._look(body)


async def _changes(
    client: Client,
    path: str,
    seen: _Seen,
    query: Mapping[str, str],
) -> bool:
    """Hand over changes until the watch ends; false where it could not be had."""
    events = client.watch(path, LENGTH, **query)
    try:
        async for event in events:
            if event.get("type") == "ERROR" or "object" not in event:
                return False
            seen.one(event["type"], event["object"])
    except KubeError:
        # The list that follows is tried again and again, and says it where the API stays away.
        return False
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    return True
