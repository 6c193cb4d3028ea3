# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A problem that a check found, and the one message that tells all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, why it matters, and the way out.

    ``reason`` is a code for programs (lower case, underscores); the others are for people and
    never hold a secret's value.
    """

    reason: str
    where: str
    what: str
    why: str
    way_out: str

    def to_dict(self) -> dict[str, str]:
        """Return the problem as plain values."""
        return {
            "reason": self.reason,
            "where": self.where,
            "what": self.what,
            "why": self.why,
            "way_out": self.way_out,
        }


def tell(problems: Sequence[Problem]) -> str:
    """Return one message with all problems, empty without any."""
    if not problems:
        return ""
    lines = [f"{len(problems)} problem{'s' if len(problems) > 1 else ''}:"]
    for number, problem in enumerate(problems, 1):
        lines.append(f"{number}. {problem.where}: {problem.what} [{problem.reason}]")
        lines.append(f"   Why: {problem.why}")
        lines.append(f"   Way out: {problem.way_out}")
    return "\n".join(lines)


def words(text: str) -> frozenset[str]:
    """Return the words of a text, for the long lists of names that the rules know."""
    return frozenset(text.split())
