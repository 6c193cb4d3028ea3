# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much may fail, and whether it did: pure, for everything that judges health.

``judge`` wants no more of a result than ``Result`` has: attempts that went well or not, with their seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor

from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Result,
    percentile,
)

#: What a latency budget may name, in percent of the attempts.
PERCENTILES: Mapping[str, float] = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}

_SHARE = re.compile(r"(?P<value>\d+(?:\.\d+)?)(?P<percent>\s*%)?")


@dataclass(frozen=True)
class Share:
    """A number, or percent of a whole."""

    value: float = 0
    percent: bool = False

    @classmethod
    def of(cls, text: str) -> Share:
        """Read ``3`` or ``2.5%``. Raises ``ValueError`` with what is wrong."""
        match = _SHARE.fullmatch(str(text).strip())
        if not match:
            raise ValueError(f"{text!r} is neither a whole number nor a percentage such as 5%")
        share = cls(float(match["value"]), bool(match["percent"]))
        if share.percent and share.value > 100:
            raise ValueError(f"{text} is more than all")
        if not share.percent and share.value != floor(share.value):
            raise ValueError(f"{text} is no whole number; a share of them is written {text}%")
        return share

    def allowed(self, total: int) -> int:
        """How many of ``total``; a part of one is none."""
        # A billionth more than nothing, as 7% of 100 is 7.000000000000001 and 29% of 100 is 28.999999999999996.
        return floor(self.value * total / 100 + 1e-9) if self.percent else int(self.value)

    def __str__(self) -> str:
        return f"{self.value:g}{'%' if self.percent else ''}"


@dataclass(frozen=True)
class Budget:
    """What may fail: of all ``checks``, of each check's ``attempts`` in the window; ``latency`` in ms by percentile."""

    checks: Share = field(default_factory=Share)
    attempts: Share = field(default_factory=Share)
    latency: Mapping[str, float] = field(default_factory=dict)

    def problems(self, checks: int) -> list[str]:
        """What is wrong with it for so many checks."""
        found = []
        if self.checks.allowed(checks) > checks:
            found.append(
                f"budget.checks: {self.checks} may fail, and there are only {checks} checks. "
                "Lower it, or write a percentage."
            )
        found += [
            f"budget.latency.{name}: {limit:g} ms is no time in which anything answers."
            for name, limit in self.latency.items()
            if limit <= 0
        ]
        return found


@dataclass(frozen=True)
class Verdict:
    """Whether all is well within the budget; ``failing`` are names of checks, ``allowed`` how many may fail.

    ``slow`` are the percentiles (name, ms, limit) that are above theirs.
    """

    failing: tuple[str, ...]
    allowed: int
    slow: tuple[tuple[str, float, float], ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether the budget holds."""
        return len(self.failing) <= self.allowed and not self.slow


def fails(result: Result, budget: Budget) -> bool:
    """Whether a check counts as failed: it never was healthy, or too many attempts of the window went wrong.

    What may go wrong is counted of all attempts that were planned, so that a verdict before the
    window's end is the one at its end.
    """
    if not result.became_healthy:
        return True
    return len(result.failures) > budget.attempts.allowed(max(result.planned, len(result.watched)))


def judge(results: Sequence[Result], budget: Budget) -> Verdict:
    """Hold results against the budget."""
    return Verdict(
        failing=tuple(result.name for result in results if fails(result, budget)),
        allowed=budget.checks.allowed(len(results)),
        slow=tuple(_slow(results, budget.latency)),
    )


def milliseconds(values: tuple[float, ...]) -> dict[str, float]:
    """The percentiles of seconds, in ms; empty where nothing went well."""
    return {
        name: round(found * 1000, 1)
        for name, percent in PERCENTILES.items()
        if (found := percentile(values, percent)) is not None
    }


def together(results: Iterable[Result]) -> tuple[float, ...]:
    """Seconds of all attempts that went well, of all checks."""
    return tuple(seconds for result in results for seconds in result.latencies)


def _slow(
    results: Sequence[Result], limits: Mapping[str, float]
) -> Iterable[tuple[str, float, float]]:
    found = milliseconds(together(results)) if limits else {}
    for name, limit in limits.items():
        if name in found and found[name] > limit:
            yield name, found[name], limit
