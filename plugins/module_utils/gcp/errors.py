# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong with resources and Google's APIs, as reasons that a playbook can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something wrong with a declaration: ``reason`` is a code, the message says what, where and the way out."""

    reason: str
    message: str


class GcpError(Exception):
    """Something cannot go on: ``reason`` is a code, the message says what, where and the way out.

    ``cause`` is Google's own word for it (``alreadyExists``, ``FAILED_PRECONDITION``), ``status`` that of the answer.
    """

    def __init__(self, reason: str, message: str, cause: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.cause = cause
        self.status = status


class RefusedError(Exception):
    """Nothing was changed, with all that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)
