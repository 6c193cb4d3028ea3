"""Which Job's end is told to whom: of two Jobs of one name the one that the run began, also where the watch lags."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.tracker import (
    MigrationError,
    Tracker,
)

Body = dict[str, Any]


def job(uid: str, *ended: str) -> Body:
    conditions = [{"type": name, "status": "True", "reason": "R"} for name in ended]
    metadata = {"name": "nx-sale", "namespace": "n", "uid": uid}
    return {"kind": "Job", "metadata": metadata, "status": {"conditions": conditions}}


class Slow:
    """An API whose watch tells of Jobs one after another, each when it has been asked for."""

    patience = 0.0

    def __init__(self, listed: Sequence[Body], events: Sequence[tuple[str, Body]]) -> None:
        self._listed = listed
        self._events = events
        self.told = asyncio.Event()

    async def get(self, path: str, **_query: str) -> Answer:
        bodies = list(self._listed) if path.endswith("/jobs") else []
        return Answer(200, {"items": bodies, "metadata": {"resourceVersion": "1"}})

    async def watch(self, path: str, _seconds: float, **_query: str) -> AsyncIterator[Body]:
        if path.endswith("/jobs"):
            await self.told.wait()
            for kind, body in self._events:
                yield {"type": kind, "object": body}
        await asyncio.Event().wait()


async def end(api: Slow, wanted: Body) -> Body:
    """How a Job ends that has just been made, as the run hears of it."""
    async with Tracker(cast(Client, api), ["n"], lambda _name, _text: None) as tracker:
        await asyncio.sleep(0.01)  # the list has been read
        finishing = asyncio.ensure_future(tracker.finished(wanted, "sale"))
        await asyncio.sleep(0.01)
        api.told.set()
        body, _failures = await asyncio.wait_for(finishing, 5)
        return dict(body)


def test_the_end_of_the_job_before_is_not_that_of_the_new_one() -> None:
    async def run() -> Body:
        old = job("old", "Failed")
        new = job("new", "Complete")
        api = Slow([old], [("DELETED", old), ("ADDED", job("new")), ("MODIFIED", new)])
        return await end(api, job("new"))

    assert asyncio.run(run())["metadata"]["uid"] == "new"


def test_one_that_is_deleted_is_missed() -> None:
    async def run() -> Body:
        return await end(Slow([job("new")], [("DELETED", job("new"))]), job("new"))

    with pytest.raises(MigrationError) as missed:
        asyncio.run(run())
    assert missed.value.reason == "job_gone"


def test_who_asks_after_the_watch_was_lost_is_told() -> None:
    class Refusing(Slow):
        async def get(self, path: str, **_query: str) -> Answer:
            return Answer(403, {"message": f"no rights to list {path}"})

    async def run() -> Body:
        return await end(Refusing([], []), job("new"))

    with pytest.raises(KubeError, match="no rights to list"):
        asyncio.run(run())
