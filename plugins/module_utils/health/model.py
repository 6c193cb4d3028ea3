# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A check, its attempts and what became of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World

Facts = Mapping[str, Any]


class Question(Protocol):
    """What is asked, and how: one for each kind of check."""

    @property
    def target(self) -> str:
        """What is asked, in words that hold no secret."""

    async def ask(self, world: World, timeout: float, /) -> Facts:
        """Ask once, within ``timeout`` seconds; return what was seen. Raises ``FailedError``."""


@dataclass(frozen=True)
class Pace:
    """How one check is asked; seconds.

    ``retries`` are further attempts after failed ones, ``successes`` those in a row that make it healthy.
    """

    timeout: float = 5.0
    retries: int = 0
    interval: float = 1.0
    successes: int = 1


@dataclass(frozen=True)
class Check:
    """One check; ``kind`` is the name of its option."""

    name: str
    kind: str
    question: Question
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True)
class Attempt:
    """One attempt: when it began (seconds after the run's begin) and how long it took; no reason where it went well."""

    after: float
    seconds: float
    reason: str = ""
    message: str = ""
    facts: Facts = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return not self.reason


@dataclass(frozen=True)
class Result:
    """What became of one check: attempts until it was healthy or given up, and those of the window after that.

    ``planned`` is how many attempts the window has where it is not cut short.
    """

    name: str
    kind: str = ""
    target: str = ""
    first: tuple[Attempt, ...] = ()
    watched: tuple[Attempt, ...] = ()
    planned: int = 0

    @property
    def became_healthy(self) -> bool:
        """Whether it was healthy before the window began."""
        return bool(self.first) and self.first[-1].ok

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All of them."""
        return self.first + self.watched

    @property
    def failures(self) -> tuple[Attempt, ...]:
        """Attempts of the window that failed."""
        return tuple(attempt for attempt in self.watched if not attempt.ok)

    @property
    def latencies(self) -> tuple[float, ...]:
        """Seconds of the attempts that went well: the others say how patient we are."""
        return tuple(attempt.seconds for attempt in self.attempts if attempt.ok)


def percentile(values: tuple[float, ...], percent: float) -> float | None:
    """The smallest value that is not below ``percent`` of all (nearest rank); ``None`` where there is none."""
    if not values:
        return None
    return sorted(values)[max(1, ceil(percent / 100 * len(values))) - 1]
