# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Work off a graph: all whose needs are met at once, up to a number; what needs a failure never starts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, Generic, TypeVar

from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import (
    Frontier,
    GraphError,
    find_problems,
    longest_chain,
)

RUNNING = "running"
DONE, FAILED, SKIPPED, CANCELLED = "done", "failed", "skipped", "cancelled"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Node(Generic[Value]):
    """Something to do: ``work`` returns a value, or fails by raising.

    ``seconds`` is how long it may take. It decides only who goes first where not all may run at once.
    """

    key: str
    work: Callable[[], Awaitable[Value]]
    needs: Sequence[str] = ()
    seconds: float = 1.0


@dataclass(frozen=True)
class Change:
    """Something began or ended, ``elapsed`` seconds after the run began. ``because`` is the failure that it needed."""

    key: str
    state: str
    elapsed: float
    because: str = ""


@dataclass(frozen=True)
class Result(Generic[Value]):
    """How something ended. Times are seconds after the run began, ``None`` where it never began."""

    key: str
    state: str
    started: float | None = None
    finished: float | None = None
    value: Value | None = None
    error: BaseException | None = field(default=None, compare=False)
    because: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished or 0.0) - (self.started or 0.0)


@dataclass(frozen=True)
class Report(Generic[Value]):
    """All results, in the order in which the nodes were given.

    ``critical_path`` is the chain of needs that took longest by itself, in ``critical_seconds``: ``makespan``
    is more only by waiting for a free place and by the scheduler's own time.
    """

    results: Mapping[str, Result[Value]]
    makespan: float
    critical_path: tuple[str, ...]
    critical_seconds: float


async def run(
    nodes: Sequence[Node[Value]],
    concurrency: int,
    on_change: Callable[[Change], None] = lambda _change: None,
) -> Report[Value]:
    """Work off all nodes, up to ``concurrency`` at a time; failures are in the report.

    A cancelled run cancels what runs, waits until it has ended, and tells it before it ends itself.
    Raises ``GraphError`` before anything starts.
    """
    problems = find_problems((node.key, node.needs) for node in nodes)
    if problems:
        raise GraphError(problems)
    return await _Run(nodes, concurrency, on_change).go()


class _Run(Generic[Value]):
    def __init__(
        self,
        nodes: Sequence[Node[Value]],
        concurrency: int,
        on_change: Callable[[Change], None],
    ) -> None:
        self._nodes = {node.key: node for node in nodes}
        self._needs = {node.key: node.needs for node in nodes}
        self._frontier = Frontier(self._needs, {node.key: node.seconds for node in nodes})
        self._concurrency = max(1, concurrency)
        self._on_change = on_change
        self._running: dict[asyncio.Task[Value], str] = {}
        self._started: dict[str, float] = {}
        self._finished: dict[str, float] = {}
        self._results: dict[str, Result[Value]] = {}
        self._beginning = time.monotonic()

    async def go(self) -> Report[Value]:
        try:
            self._start()
            while self._running:
                ended, _others = await asyncio.wait(
                    self._running, return_when=asyncio.FIRST_COMPLETED
                )
                for task in sorted(ended, key=self._ended_at):
                    self._settle(task)
                self._start()
        finally:
            await self._stop()
        return self._report()

    def _start(self) -> None:
        while len(self._running) < self._concurrency:
            key = self._frontier.take()
            if key is None:
                return
            self._started[key] = self._elapsed()
            self._running[asyncio.ensure_future(self._work(key))] = key
            self._on_change(Change(key, RUNNING, self._started[key]))

    async def _work(self, key: str) -> Value:
        try:
            return await self._nodes[key].work()
        finally:
            self._finished[key] = self._elapsed()

    def _settle(self, task: asyncio.Task[Value]) -> None:
        key = self._running.pop(task)
        if task.cancelled():
            self._end(key, CANCELLED)
        elif task.exception() is not None:
            self._end(key, FAILED, error=task.exception())
        else:
            self._end(key, DONE, value=task.result())
            self._frontier.finish(key)
            return
        for lost in self._frontier.lose(key):
            self._end(lost, SKIPPED, because=key)

    def _end(
        self,
        key: str,
        state: str,
        value: Value | None = None,
        error: BaseException | None = None,
        because: str = "",
    ) -> None:
        started, finished = self._started.get(key), self._finished.get(key)
        self._results[key] = Result(key, state, started, finished, value, error, because)
        elapsed = self._elapsed() if finished is None else finished
        self._on_change(Change(key, state, elapsed, because))

    async def _stop(self) -> None:
        """End what still runs where the run itself is ended; nobody's coroutine is left behind."""
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for task in left:
            self._settle(task)

    def _report(self) -> Report[Value]:
        seconds = {key: self._finished[key] - self._started[key] for key in self._finished}
        path, longest = longest_chain(self._needs, seconds)
        return Report(
            {key: self._results[key] for key in self._nodes},
            max(self._finished.values(), default=0.0),
            path,
            longest,
        )

    def _ended_at(self, task: asyncio.Task[Value]) -> float:
        return self._finished[self._running[task]]

    def _elapsed(self) -> float:
        return time.monotonic() - self._beginning
