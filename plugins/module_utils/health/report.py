# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of a run: the module's result, and in words what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    Verdict,
    fails,
    judge,
    milliseconds,
    together,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import Course
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import advice
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Attempt,
    Result,
)

#: Failing checks that the message tells; the result has all.
TOLD = 20
#: Failures of a window that the result has of each check, the first ones.
KEPT = 100


def report(course: Course, budget: Budget) -> dict[str, Any]:
    """The result; with ``msg`` and ``reason`` where the budget is broken."""
    verdict = judge(course.results, budget)
    entries = [_entry(result, fails(result, budget)) for result in course.results]
    found = {
        "changed": False,
        "healthy": verdict.healthy,
        "checks": sorted(entries, key=lambda entry: entry["state"] != "failed"),
        "failing": list(verdict.failing),
        "counts": {
            "healthy": len(entries) - len(verdict.failing),
            "failed": len(verdict.failing),
            "allowed": verdict.allowed,
        },
        "latency": milliseconds(together(course.results)),
        "seconds": round(course.seconds, 2),
        "watched": None if course.watched is None else round(course.watched, 2),
    }
    if not verdict.healthy:
        found["reason"] = "slow" if len(verdict.failing) <= verdict.allowed else "unhealthy"
        found["msg"] = "\n".join(message(course.results, verdict))
    return found


def _entry(result: Result, failed: bool) -> dict[str, Any]:
    last = telling(result, failed)
    entry: dict[str, Any] = {
        "name": result.name,
        "kind": result.kind,
        "target": result.target,
        "state": "failed" if failed else "healthy",
        "reason": last.reason if last else "",
        "message": last.message if last else "",
        "attempts": len(result.attempts),
        "failed_attempts": sum(not attempt.ok for attempt in result.attempts),
        "latency": milliseconds(result.latencies),
        "facts": dict(result.attempts[-1].facts) if result.attempts else {},
    }
    if result.planned:
        entry["failures"] = [
            {"after": attempt.after, "reason": attempt.reason, "message": attempt.message}
            for attempt in result.failures[:KEPT]
        ]
        entry["failures_in_window"] = len(result.failures)
        entry["attempts_in_window"] = len(result.watched)
    return entry


def telling(result: Result, failed: bool) -> Attempt | None:
    """The attempt that says why a check failed, ``None`` where it did not: the window's first, or else the last."""
    if not failed:
        return None
    return result.failures[0] if result.became_healthy else result.first[-1]


def message(results: Sequence[Result], verdict: Verdict) -> Iterator[str]:
    """What failed, first of all by name, then what is too slow."""
    failing = [result for result in results if result.name in set(verdict.failing)]
    if len(failing) > verdict.allowed:
        may = f"{verdict.allowed} may" if verdict.allowed else "none may"
        yield f"{len(failing)} of {len(results)} checks failed, {may}:"
    elif failing:
        yield f"{len(failing)} of {len(results)} checks failed, as many as may:"
    for number, result in enumerate(failing[:TOLD], 1):
        yield f"{number}. {_sentence(result)}"
    if len(failing) > TOLD:
        names = ", ".join(result.name for result in failing[TOLD : TOLD + 10])
        yield f"and {len(failing) - TOLD} more: {names}{', ...' if len(failing) > TOLD + 10 else ''}"
    for name, found, limit in verdict.slow:
        yield (
            f"Answers are too slow: {name} of all attempts is {found:g} ms, the budget is {limit:g} ms; "
            f"slowest: {', '.join(_slowest(results))}."
        )


def _sentence(result: Result) -> str:
    last = telling(result, True)
    if last is None:
        raise AssertionError(f"{result.name} failed without an attempt that did")
    said = f"{result.name} ({result.target}): {last.message.rstrip('.')}"
    if result.became_healthy:
        count, of = len(result.failures), result.planned
        said += (
            f", {last.after:.1f} s after the begin; {count} of {of} attempts of the window failed"
        )
    elif len(result.first) > 1:
        failed = sum(not attempt.ok for attempt in result.first)
        said += f", {failed} of {len(result.first)} attempts failed"
    way_out = advice(last.reason)
    return f"{said}. {way_out}".rstrip()


def _slowest(results: Sequence[Result]) -> list[str]:
    known = [(max(result.latencies), result.name) for result in results if result.latencies]
    return [
        f"{name} ({seconds * 1000:.0f} ms)" for seconds, name in sorted(known, reverse=True)[:3]
    ]
