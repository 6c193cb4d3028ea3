# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an outage takes of the availability that was promised."""

from __future__ import annotations

from dataclasses import dataclass

DAY_SECONDS = 86_400
PERIODS = (("day", 1), ("30 days", 30))


@dataclass(frozen=True)
class Budget:
    """The outage that a period may have (seconds), and the share of it that one drill spent."""

    period: str
    budget_seconds: float
    spent_share: float


@dataclass(frozen=True)
class SloBudget:
    """An objective such as 0.9999, and what is left of it."""

    objective: float
    spent_seconds: float
    periods: tuple[Budget, ...]


def spend(outage_seconds: float, objective: float) -> SloBudget:
    """Budget of a period = its length x (1 - objective): at 99.99% 8.64 s a day, 259.2 s in 30 days.

    Raises ValueError where `objective` leaves no budget or is no share.
    """
    if not 0 < objective < 1:
        raise ValueError(f"an objective is a share between 0 and 1, not {objective}")
    periods = []
    for name, days in PERIODS:
        allowed = days * DAY_SECONDS * (1 - objective)
        periods.append(Budget(name, round(allowed, 3), round(outage_seconds / allowed, 4)))
    return SloBudget(objective, round(outage_seconds, 3), tuple(periods))
