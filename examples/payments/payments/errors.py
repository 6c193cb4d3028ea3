"""What a caller is told instead of a result."""

from __future__ import annotations

from typing import Any


class RefusedError(Exception):
    """A final no: status, a reason code, a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        return {"reason": self.reason, "message": self.message}


class UnavailableError(RefusedError):
    """Something that is needed does not answer; the same request may be tried again."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(503, "unavailable", f"{what} does not answer: {why}. Try again.")
        self.what = what
