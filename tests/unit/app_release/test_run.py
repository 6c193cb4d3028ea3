"""A run from its decision to its record, with services that only say what is done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import run as runs
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING_BACK,
    RELEASED,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Breach,
    Soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.run import Done
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import Watched
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    run as migrations,
)

from tests.unit.app_release.samples import fate, service
from tests.unit.app_release.test_way_back import Recorded

NOBODY: Any = None
Found = TypeVar("Found")


class Held:
    """A Lease that nobody takes away."""

    async def while_held(self, work: Awaitable[Found]) -> Found:
        return await work


def one_run(recorded: Recorded, operation: str = "release", **wishes: Any) -> Any:
    meant = SimpleNamespace(
        operation=operation,
        **{"revision": None, "rollback": "all", "migrate": SimpleNamespace(parallel=8), **wishes},
    )
    told = lambda _name, _text: None  # noqa: E731
    return runs._Run(
        NOBODY, cast(Any, recorded), NOBODY, cast(Any, meant), told, cast(Any, Held()), NOBODY
    )


class Changed(Recorded):
    """Services of which somebody has changed one since it came up."""

    def watched(self, fate: Fate) -> Watched:
        return Watched(fate.service, fate.service.place, fate.service.soak)

    async def replaced(self, fates: Sequence[Fate]) -> list[Breach]:
        return [Breach(fate.service.name, "replaced", "it is another") for fate in fates]


def test_what_is_not_what_was_brought_by_its_end_has_failed() -> None:
    one = fate(service("2", soak=Soak(seconds=0)), state=RELEASED)
    soaked = asyncio.run(one_run(Changed(one))._soak())
    assert [each.reason for each in soaked.breaches] == ["replaced"]
    assert (one.state, one.reason) == ("failed", "replaced")


class Unrecorded(Recorded):
    """Services of which one cannot be recorded."""

    async def record(self, _fates: Sequence[Fate]) -> list[KubeError]:
        return [KubeError("failed", "sale held, but it is not on record.")]


def test_what_held_and_could_not_be_recorded_fails_the_run_with_its_result() -> None:
    one = fate(service("2"), state=RELEASED)
    done = Done({"sale": one}, {}, migrations.Done({}, {}, None))
    asyncio.run(one_run(Unrecorded(one))._end(done))
    assert (done.reason, done.failure) == ("failed", "sale held, but it is not on record.")
    assert one.state == "released"


def unfinished() -> Fate:
    return replace(fate(service("2"), action=BRING_BACK), why="the rollback of 2 was cut short")


@pytest.mark.parametrize(
    "operation, revision, words",
    [
        ("release", None, "is finished now. sale was brought back to 1 and is well. Run again"),
        ("rollback", 7, "Run again to go where you wanted."),
        # Once more would be further back than anybody meant.
        ("rollback", None, ""),
    ],
)
def test_a_rollback_that_is_ended_is_a_failure_where_something_else_was_asked_for(
    operation: str, revision: int | None, words: str
) -> None:
    one = unfinished()
    done = asyncio.run(one_run(Recorded(one), operation, revision=revision).go())
    assert one.state == "rolled_back"
    assert words in done.failure
    assert bool(done.failure) is bool(words)
    assert done.reason == ("rollback_finished" if words else "")


def test_a_rollback_that_could_not_be_ended_is_a_failure_in_any_case() -> None:
    done = asyncio.run(one_run(Recorded(unfinished(), broken="sale"), "rollback").go())
    assert "COULD NOT be brought back" in done.failure
