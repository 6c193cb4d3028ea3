# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measured against promised: every check for itself, then the verdict of the drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PASSED = "passed"
FAILED = "failed"
UNKNOWN = "unknown"
INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Check:
    """One promise. `measured` is None where it is not known, with the reason."""

    name: str
    measured: float | None
    limit: float
    unit: str
    outcome: str
    reason: str | None = None


def at_most(
    name: str,
    measured: float | None,
    limit: float,
    unit: str,
    reason: str | None = None,
    at_least: float | None = None,
) -> Check:
    """`measured` may not exceed `limit`. What is not known but is `at_least` more than it, fails."""
    if measured is not None:
        return Check(name, measured, limit, unit, PASSED if measured <= limit else FAILED)
    if at_least is not None and at_least > limit:
        return Check(name, None, limit, unit, FAILED, f"at least {at_least:g} {unit}; {reason}")
    return Check(name, None, limit, unit, UNKNOWN, reason or "not known")


def verdict_of(checks: Sequence[Check]) -> str:
    """Failed with any failed check; passed only where all are known and hold, and there is one."""
    outcomes = {check.outcome for check in checks}
    if FAILED in outcomes:
        return FAILED
    return PASSED if outcomes == {PASSED} else INCONCLUSIVE
