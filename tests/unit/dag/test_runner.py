"""Working a graph off: order, number at a time, failures, cancellation, times."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import GraphError
from ansible_collections.groundwork.platform.plugins.module_utils.dag.runner import (
    CANCELLED,
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Change,
    Node,
    Report,
    run,
)

from tests.unit.dag.test_graph import SEEDS, graph


class Works:
    """Work that writes down when it begins and ends."""

    def __init__(self, *broken: str, seconds: float = 0.001) -> None:
        self.log: list[tuple[str, str]] = []
        self.most = 0
        self._now = 0
        self._broken = broken
        self._seconds = seconds

    async def work(self, key: str) -> str:
        self.log.append(("begins", key))
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(self._seconds)
            if key in self._broken:
                raise ValueError(f"{key} is broken")
        finally:
            self._now -= 1
            self.log.append(("ends", key))
        return key.upper()

    def nodes(self, needs: dict[str, tuple[str, ...]]) -> list[Node[str]]:
        return [Node(key, partial(self.work, key), wanted) for key, wanted in needs.items()]


def states(report: Report[str]) -> dict[str, str]:
    return {key: result.state for key, result in report.results.items()}


@pytest.mark.parametrize("concurrency", [1, 3, 100])
@pytest.mark.parametrize("seed", SEEDS)
def test_order_is_kept_and_no_more_run_than_may(seed: int, concurrency: int) -> None:
    needs, works = graph(seed), Works(seconds=0)
    report = asyncio.run(run(works.nodes(needs), concurrency))
    assert works.most <= concurrency
    assert list(report.results) == list(needs)
    assert set(states(report).values()) == {DONE}
    assert report.results["n3"].value == "N3"
    for key, wanted in needs.items():
        begins = works.log.index(("begins", key))
        assert all(works.log.index(("ends", need)) < begins for need in wanted)
    assert report.critical_seconds <= report.makespan + 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_what_needs_a_failure_never_starts_and_all_else_finishes(seed: int) -> None:
    needs, broken = graph(seed), f"n{seed % 30}"
    works = Works(broken, seconds=0)
    changes: list[Change] = []
    report = asyncio.run(run(works.nodes(needs), 4, changes.append))
    lost: set[str] = set()
    while more := {key for key in needs if {broken, *lost} & set(needs[key])} - lost:
        lost |= more
    for key, result in report.results.items():
        assert result.state == (FAILED if key == broken else SKIPPED if key in lost else DONE)
        assert result.because == (broken if key in lost else "")
        assert (result.started is None) == (key in lost)
        assert (("begins", key) in works.log) == (key not in lost)
    assert str(report.results[broken].error) == f"{broken} is broken"
    # Each state is told once: what ran has begun and ended, what was lost has only ended.
    told = Counter((change.key, change.state == RUNNING) for change in changes)
    assert told == Counter(
        {
            (key, running): 1
            for key in needs
            for running in (True, False)
            if not running or key not in lost
        }
    )


def test_independent_ones_run_side_by_side_and_the_times_say_so() -> None:
    works = Works(seconds=0.1)
    needs: dict[str, tuple[str, ...]] = {"a": (), "b": (), "c": ("a",), "d": ("c", "b")}
    report = asyncio.run(run(works.nodes(needs), 8))
    assert 0.3 <= report.makespan < 0.4
    assert report.critical_path == ("a", "c", "d")
    assert 0.3 <= report.critical_seconds <= report.makespan
    assert report.results["b"].started == pytest.approx(0, abs=0.05)
    assert report.results["d"].seconds == pytest.approx(0.1, abs=0.05)


def test_a_failure_is_told_while_others_still_run() -> None:
    works = Works("a")
    told: list[tuple[str, str, bool]] = []
    slow_ended = False

    async def slow() -> str:
        nonlocal slow_ended
        await asyncio.sleep(0.1)
        slow_ended = True
        return ""

    def note(change: Change) -> None:
        told.append((change.key, change.state, slow_ended))

    nodes = [*works.nodes({"a": (), "b": ("a", "slow")}), Node("slow", slow)]
    asyncio.run(run(nodes, 4, note))
    assert ("a", FAILED, False) in told
    assert ("b", SKIPPED, False) in told
    assert ("slow", DONE, True) in told


def test_a_graph_with_problems_does_not_begin() -> None:
    works = Works()
    with pytest.raises(GraphError, match="a → b → a") as caught:
        asyncio.run(run(works.nodes({"a": ("b",), "b": ("a",), "c": ("nobody",)}), 4))
    assert [problem.reason for problem in caught.value.problems] == ["unknown_need", "cycle"]
    assert works.log == []


def test_nothing_to_do_is_done() -> None:
    report: Report[str] = asyncio.run(run([], 4))
    assert (report.results, report.makespan, report.critical_path) == ({}, 0.0, ())


async def _cancelled(
    begin: Callable[[], Awaitable[object]], seconds: float
) -> set[asyncio.Task[object]]:
    """Cancel what begins; return the tasks that are left behind."""
    task = asyncio.ensure_future(begin())
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return asyncio.all_tasks() - {asyncio.current_task()}


def test_a_run_that_is_cancelled_leaves_nothing_behind() -> None:
    cleaned: list[str] = []
    changes: list[Change] = []

    async def long(key: str) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)  # what cleans up may need time itself
            cleaned.append(key)
        return key

    nodes = [Node(key, partial(long, key)) for key in ("a", "b", "waits")]
    nodes.append(Node("c", partial(long, "c"), ("a",)))
    left = asyncio.run(_cancelled(lambda: run(nodes, 2, changes.append), 0.05))
    assert left == set()
    assert sorted(cleaned) == ["a", "b"]
    assert [(change.key, change.state) for change in changes[2:]] == [
        ("a", CANCELLED),
        ("c", SKIPPED),
        ("b", CANCELLED),
    ]


def test_work_that_cancels_itself_is_no_success() -> None:
    async def gives_up() -> str:
        raise asyncio.CancelledError

    works = Works()
    nodes = [Node("a", gives_up), *works.nodes({"b": ("a",), "c": ()})]
    report = asyncio.run(run(nodes, 4))
    assert states(report) == {"a": CANCELLED, "b": SKIPPED, "c": DONE}


def test_a_listener_that_fails_ends_the_run_and_what_runs() -> None:
    works = Works(seconds=60)

    def listener(change: Change) -> None:
        if change.key == "b" and change.state == RUNNING:
            raise OSError("the pipe is closed")

    with pytest.raises(OSError, match="pipe"):
        asyncio.run(run(works.nodes({"a": (), "b": ()}), 2, listener))
