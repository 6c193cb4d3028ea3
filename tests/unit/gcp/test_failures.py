from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.failures import (
    busy,
    from_answer,
    from_operation,
)


def answer(
    code: int, message: str, reason: str = "", status: str = "", **detail: object
) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if reason:
        error["errors"] = [{"reason": reason, "message": message}]
    if detail:
        error["details"] = [detail]
    return {"error": error}


@pytest.mark.parametrize(
    "status, body, reason, words",
    [
        (
            403,
            answer(403, "Required 'compute.networks.create' permission for 'p'", "forbidden"),
            "permission_denied",
            "Give the account that calls a role with this permission",
        ),
        (
            403,
            answer(
                403,
                "Denied",
                status="PERMISSION_DENIED",
                reason="",
                metadata={"permission": "secretmanager.secrets.get"},
            ),
            "permission_denied",
            "The permission is secretmanager.secrets.get.",
        ),
        (
            403,
            answer(403, "Quota 'CPUS' exceeded. Limit: 24.0", "quotaExceeded"),
            "quota_exceeded",
            "higher quota",
        ),
        (
            403,
            {"error": {"message": "Off", "details": [{"reason": "SERVICE_DISABLED"}]}},
            "service_disabled",
            "serviceusage.services",
        ),
        (401, answer(401, "Invalid credentials", "authError"), "unauthorized", "log in again"),
        (404, answer(404, "Not there", "notFound"), "not_found", "It is not there"),
        (409, answer(409, "It already exists", "alreadyExists"), "already_exists", "another name"),
        (409, answer(409, "etag", status="ABORTED"), "changed_meanwhile", "run it again"),
        (412, answer(412, "fingerprint", "conditionNotMet"), "changed_meanwhile", "run it again"),
        (
            400,
            answer(400, "In use by x", "resourceInUseByAnotherResource"),
            "in_use",
            "Remove what uses it first",
        ),
        (400, answer(400, "Invalid value"), "invalid", "Invalid value."),
        (503, answer(503, "Busy", "backendError"), "unreachable", "Google answered 503"),
        (502, {"text": "<html>"}, "unreachable", "<html>"),
    ],
)
def test_answers_become_reasons_with_a_way_out(status, body, reason, words):
    error = from_answer(status, body)
    assert error.reason == reason
    assert words in str(error)


def test_an_operation_tells_which_quota():
    details = {"metricName": "compute.googleapis.com/cpus", "limitName": "CPUS", "limit": 24.0}
    error = from_operation("QUOTA_EXCEEDED", "Quota exceeded", details)
    assert error.reason == "quota_exceeded"
    for word in ("metric compute.googleapis.com/cpus", "limit CPUS", "value 24.0"):
        assert word in str(error)


@pytest.mark.parametrize(
    "code, reason",
    [
        ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "in_use"),
        ("ZONE_RESOURCE_POOL_EXHAUSTED", "no_capacity"),
        ("PERMISSIONS_ERROR", "permission_denied"),
        ("SOMETHING_ELSE", "operation_failed"),
    ],
)
def test_operations_that_fail_have_reasons(code, reason):
    assert from_operation(code, "said").reason == reason


@pytest.mark.parametrize(
    "status, reason, again",
    [
        (429, "", True),
        (503, "", True),
        (403, "rateLimitExceeded", True),
        (403, "forbidden", False),
        (409, "alreadyExists", False),
        (400, "invalid", False),
    ],
)
def test_what_may_pass_is_tried_again(status, reason, again):
    assert busy(status, answer(status, "said", reason)) is again
