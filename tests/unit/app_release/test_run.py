"""A run from its decision to its record, with services that only say what is done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import run as runs
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING_BACK,
    Fate,
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
