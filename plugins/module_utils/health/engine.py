# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks all checks side by side: until each is healthy or given up, then over a window."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import floor

from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    fails,
    judge,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
    explain,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Attempt,
    Check,
    Pace,
    Result,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.http import TIMEOUT
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: The reason of an attempt that did not get to who is asked, for as long as ``Plan.patience`` says.
NOT_MEASURED = "not_measured"
#: The client's reason where nobody answers at the API, and seconds between two attempts then.
_AWAY, _PAUSE = "unreachable", 0.5


@dataclass(frozen=True)
class Plan:
    """How a run goes: checks in flight, seconds of the window (0 for none), what may fail.

    ``patience`` are seconds for which an attempt is made again while nobody answers at the Kubernetes API that it goes
    through: that says nothing of who is asked. After them its reason is ``NOT_MEASURED``.
    """

    concurrency: int = 128
    window: float = 0.0
    budget: Budget = field(default_factory=Budget)
    patience: float = 0.0


@dataclass(frozen=True)
class Course:
    """What became of a run. ``watched`` is how many seconds the window lasted, ``None`` where it never began."""

    results: tuple[Result, ...]
    seconds: float
    watched: float | None = None


def settled(attempts: Sequence[Attempt], pace: Pace) -> bool | None:
    """Whether a check is healthy after these attempts; ``None`` where it has to be asked again."""
    if attempts and attempts[-1].reason == NOT_MEASURED:
        return False  # it has been tried for long enough
    row = 0
    for attempt in reversed(attempts):
        if not attempt.ok:
            break
        row += 1
    if row >= pace.successes:
        return True
    failed = sum(not attempt.ok for attempt in attempts)
    return False if failed > pace.retries else None


def rounds(window: float, interval: float) -> int:
    """Attempts in a window: one at each full interval after its begin, and one at its end at least."""
    return max(1, floor(window / interval + 1e-9)) if window > 0 else 0


async def run(checks: Sequence[Check], world: World, plan: Plan) -> Course:
    """Ask all checks as planned."""
    return await _Run(checks, world, plan).run()


class _Run:
    def __init__(self, checks: Sequence[Check], world: World, plan: Plan) -> None:
        self._checks = checks
        self._world = world
        self._plan = plan
        self._slots = asyncio.Semaphore(plan.concurrency)
        self._begin = time.monotonic()
        self._stop = asyncio.Event()
        self._failing: set[str] = set()
        # Since when nobody answers at the API, by the checks that go through it.
        self._away: dict[str, float] = {}

    async def run(self) -> Course:
        results = list(await asyncio.gather(*map(self._settle, self._checks)))
        watched = None
        verdict = judge(results, replace(self._plan.budget, latency={}))
        if self._plan.window > 0 and verdict.healthy:
            self._failing = set(verdict.failing)
            begin = time.monotonic()
            results = list(
                await asyncio.gather(
                    *(self._watch(*pair, begin) for pair in zip(self._checks, results))
                )
            )
            watched = time.monotonic() - begin
        return Course(tuple(results), time.monotonic() - self._begin, watched)

    async def _settle(self, check: Check) -> Result:
        """Until it is healthy, or has failed more often than it may."""
        attempts: list[Attempt] = []
        while settled(attempts, check.pace) is None:
            if attempts:
                await asyncio.sleep(check.pace.interval)
            attempts.append(await self._attempt(check))
        return Result(check.name, check.kind, check.question.target, tuple(attempts))

    async def _watch(self, check: Check, result: Result, begin: float) -> Result:
        """At each of its intervals, whether or not the attempt before has ended: who is slow is asked as often."""
        if not result.became_healthy:
            return result
        result = replace(result, planned=rounds(self._plan.window, check.pace.interval))
        seen: list[Attempt] = []

        async def once() -> None:
            attempt = await self._attempt(check)
            seen.append(attempt)
            if not attempt.ok and fails(replace(result, watched=tuple(seen)), self._plan.budget):
                self._give_up(check.name)

        under_way = []
        for number in range(1, result.planned + 1):
            at = begin + min(number * check.pace.interval, self._plan.window)
            if await self._stopped(at - time.monotonic()):
                break
            under_way.append(asyncio.ensure_future(once()))
        await asyncio.gather(*under_way)
        return replace(result, watched=tuple(sorted(seen, key=lambda attempt: attempt.after)))

    def _give_up(self, name: str) -> None:
        """End the window as soon as nothing that comes can save the budget."""
        self._failing.add(name)
        if len(self._failing) > self._plan.budget.checks.allowed(len(self._checks)):
            self._stop.set()

    async def _stopped(self, seconds: float) -> bool:
        """Wait so long; whether the window was ended meanwhile."""
        try:
            await asyncio.wait_for(self._stop.wait(), max(0.0, seconds))
        except asyncio.TimeoutError:
            return False
        return True

    async def _attempt(self, check: Check) -> Attempt:
        async with self._slots:
            while True:
                attempt, api_is_away = await self._once(check)
                if not (api_is_away and self._plan.patience):
                    self._away.pop(check.name, None)
                    return attempt
                # The attempts of a window that pile up meanwhile have one patience in common.
                since = self._away.setdefault(check.name, time.monotonic())
                if time.monotonic() + _PAUSE >= since + self._plan.patience:
                    return replace(attempt, reason=NOT_MEASURED)
                await asyncio.sleep(_PAUSE)

    async def _once(self, check: Check) -> tuple[Attempt, bool]:
        """Ask once; also whether nobody answered at the Kubernetes API that the question goes through."""
        begun = time.monotonic()
        reason, message, facts, api_is_away = "", "", {}, False
        try:
            facts = dict(
                await asyncio.wait_for(
                    check.question.ask(self._world, check.pace.timeout), check.pace.timeout
                )
            )
        except asyncio.TimeoutError:
            reason, message = TIMEOUT, f"no answer within {check.pace.timeout:g} s"
        except (FailedError, KubeError) as error:
            reason, message = error.reason, str(error)
            api_is_away = isinstance(error, KubeError) and error.reason == _AWAY
        except (
            Exception
        ) as error:  # whatever a library raises is this check's failure, not the others'
            found = explain(error)
            reason, message = found.reason, str(found)
        seconds = time.monotonic() - begun
        after = round(begun - self._begin, 3)
        return Attempt(after, seconds, reason, message, facts), api_is_away
