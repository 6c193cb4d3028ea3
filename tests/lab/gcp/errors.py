"""Errors as Google's front ends write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: HTTP status → canonical code of google.rpc.
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
#: APIs that answer with the older list of errors (domain, reason, message).
_WITH_REASONS = {"compute", "dns", "storage"}


@dataclass
class ApiError(Exception):
    """A refusal: HTTP status, the reason of the older APIs, Google's words."""

    code: int
    reason: str
    message: str
    status: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)

    def body(self, api: str) -> dict[str, Any]:
        """Give what the client of an API reads."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if api in _WITH_REASONS:
            entry = {"message": self.message, "domain": "global", "reason": self.reason}
            error["errors"] = [entry]
        if api not in _WITH_REASONS or self.status or self.details:
            error["status"] = self.status or _STATUS.get(self.code, "UNKNOWN")
        if self.details:
            error["details"] = self.details
        return {"error": error}


def not_found(path: str) -> ApiError:
    """There is no such resource."""
    return ApiError(404, "notFound", f"The resource '{path}' was not found")


def exists(path: str) -> ApiError:
    """The name is taken."""
    return ApiError(409, "alreadyExists", f"The resource '{path}' already exists")


def invalid(where: str, value: Any, why: str) -> ApiError:
    """A value that the API understands and refuses; `where` is ``network``, ``tags.items[0]``."""
    shown = str(value).lower() if isinstance(value, bool) else value
    shown = "" if value is None else shown
    return ApiError(400, "invalid", f"Invalid value for field 'resource.{where}': '{shown}'. {why}")


def required(where: str) -> ApiError:
    """A field without which there can be none."""
    return ApiError(400, "required", f"Required field 'resource.{where}' not specified")


def malformed(where: str, problem: str) -> ApiError:
    """What the front end refuses before the service sees it."""
    violation = {"description": problem, **({"field": where} if where else {})}
    details = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    ]
    return ApiError(400, "badRequest", problem, "INVALID_ARGUMENT", details)


def precondition(message: str) -> ApiError:
    """The state does not allow it (HTTP 400, FAILED_PRECONDITION)."""
    return ApiError(400, "failedPrecondition", message, "FAILED_PRECONDITION")


def stale(
    message: str = "Supplied fingerprint does not match current metadata fingerprint.",
) -> ApiError:
    """Somebody changed it in between."""
    return ApiError(412, "conditionNotMet", message)
