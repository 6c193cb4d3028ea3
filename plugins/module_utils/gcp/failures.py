# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Google's errors, as reasons and sentences with the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError

#: Answers after which the same request may succeed.
RETRIED = frozenset((408, 429, 500, 502, 503, 504))
_RATE = frozenset(("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"))
_REASONS: Mapping[str, str] = {
    "alreadyExists": "already_exists",
    "ALREADY_EXISTS": "already_exists",
    "duplicate": "already_exists",
    "conditionNotMet": "changed_meanwhile",
    "ABORTED": "changed_meanwhile",
    "notFound": "not_found",
    "NOT_FOUND": "not_found",
    "quotaExceeded": "quota_exceeded",
    "QUOTA_EXCEEDED": "quota_exceeded",
    "RESOURCE_EXHAUSTED": "quota_exceeded",
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": "in_use",
    "resourceInUseByAnotherResource": "in_use",
    "resourceNotReady": "not_ready",
    "RESOURCE_NOT_READY": "not_ready",
    "ZONE_RESOURCE_POOL_EXHAUSTED": "no_capacity",
    "accessNotConfigured": "service_disabled",
    "SERVICE_DISABLED": "service_disabled",
}
_WAYS_OUT: Mapping[str, str] = {
    "already_exists": "Something else has this name; choose another name, or remove it.",
    "changed_meanwhile": "Somebody else changed it meanwhile; run it again.",
    "in_use": "Remove what uses it first, or declare that with state absent in the same call.",
    "no_capacity": "Google has no free machines of this kind in the zone now; choose another zone or machine type.",
    "not_found": "It is not there, or the account may not see it.",
    "permission_denied": "Give the account that calls a role with this permission, or call with another account.",
    "quota_exceeded": "Ask for a higher quota (IAM & Admin, Quotas), or free what is not used; then run it again.",
    "service_disabled": "Enable the API: declare a resource serviceusage.services of that name, and run it again.",
    "unauthorized": "The token is wrong or has ended; log in again (gcloud auth application-default login) or give "
    "another one.",
}
_PERMISSION = re.compile(r"[Rr]equired '([\w.]+)' permission|[Pp]ermission '?([\w.]+\.[\w.]+)'?")


def busy(status: int, answer: Mapping[str, Any]) -> bool:
    """Whether the same request may succeed a moment later."""
    return status in RETRIED or (status == 403 and google_reason(answer) in _RATE)


def google_reason(answer: Mapping[str, Any]) -> str:
    """Google's own word for what is wrong, the most exact one."""
    error = _error(answer)
    for detail in error.get("details") or ():
        if isinstance(detail, Mapping) and detail.get("reason"):
            return str(detail["reason"])
    for each in error.get("errors") or ():
        if isinstance(each, Mapping) and each.get("reason"):
            return str(each["reason"])
    return str(error.get("status") or "")


def from_answer(status: int, answer: Mapping[str, Any], tries: int = 1) -> GcpError:
    """What an answer with an error status says."""
    error = _error(answer)
    said = str(error.get("message") or answer.get("text") or "").strip() or f"status {status}"
    cause = google_reason(answer)
    reason = _reason(status, cause, str(error.get("status") or ""), said)
    if status in RETRIED and reason == "failed":
        again = f", {tries} times" if tries > 1 else ""
        words = f"Google answered {status}{again}: {_sentence(said)} Run it again later."
        return GcpError("unreachable", words, cause, status)
    return GcpError(reason, _told(reason, said, _details(error)), cause, status)


def from_operation(code: str, said: str, details: Mapping[str, Any] | None = None) -> GcpError:
    """What an operation that failed says."""
    reason = _REASONS.get(code, "")
    if not reason:
        reason = "permission_denied" if "PERMISSION" in code.upper() else "operation_failed"
    more = dict(details or {})
    return GcpError(reason, _told(reason, said or code, more), code)


def _reason(status: int, cause: str, google_status: str, said: str) -> str:
    for word in (cause, google_status):
        if word in _REASONS and not (word == "RESOURCE_EXHAUSTED" and status == 429):
            return _REASONS[word]
    if status == 401:
        return "unauthorized"
    if status == 403:
        return "quota_exceeded" if "uota" in said else "permission_denied"
    if status == 404:
        return "not_found"
    if status == 409:
        return "already_exists" if "already exists" in said.lower() else "changed_meanwhile"
    if status == 412:
        return "changed_meanwhile"
    return "invalid" if status == 400 else "failed"


def _told(reason: str, said: str, details: Mapping[str, Any]) -> str:
    words = [_sentence(said)]
    if reason == "permission_denied":
        permission = details.get("permission") or _permission(said)
        if permission and str(permission) not in said:
            words.append(f"The permission is {permission}.")
    if reason == "quota_exceeded":
        told = [
            f"{name} {details[key]}"
            for name, key in (("metric", "metricName"), ("limit", "limitName"), ("value", "limit"))
            if details.get(key) not in (None, "") and str(details[key]) not in said
        ]
        words += [f"The quota: {', '.join(told)}."] if told else []
    return " ".join([*words, _WAYS_OUT.get(reason, "")]).strip()


def _permission(said: str) -> str:
    match = _PERMISSION.search(said)
    return (match.group(1) or match.group(2)) if match else ""


def _details(error: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for detail in error.get("details") or ():
        if isinstance(detail, Mapping):
            found.update(detail.get("metadata") or {})
            found.update({key: value for key, value in detail.items() if key != "metadata"})
    return found


def _error(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    error = answer.get("error")
    if isinstance(error, Mapping):
        return error
    return {"message": error} if error else {}


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
