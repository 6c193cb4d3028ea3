"""Close codes in words, and who calls."""

from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.client import (
    account,
    listening_at,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.words import (
    Target,
    TunnelError,
    closed,
    is_transient,
    refused,
)

TARGET = Target("project-1-dev-payments", "asia-southeast1-a", "pay-main-1", 22)


@pytest.mark.parametrize(
    "code, reason, words",
    [
        (4003, "backend_unreachable", "no firewall rule of its network lets 35.235.240.0/20 in"),
        (4033, "not_authorized", "needs roles/iap.tunnelResourceAccessor"),
        (4047, "instance_not_found", "no such instance in that project and zone"),
        (4004, "reauthentication", "Log in again"),
        (1006, "relay_lost", "could not be taken up again"),
        (None, "relay_lost", "could not be taken up again"),
    ],
)
def test_a_code_is_said_with_the_way_out(code: int | None, reason: str, words: str) -> None:
    error = closed(TARGET, code, "their own words")
    assert error.reason == reason
    assert words in str(error)
    assert "pay-main-1:22 (project-1-dev-payments, asia-southeast1-a, nic0)" in str(error)
    assert "their own words" in str(error)


def test_what_breaks_is_taken_up_again_and_what_is_refused_is_not() -> None:
    transient = {code: is_transient(code) for code in (None, 1006, 1001, 4000, 4002)}
    assert set(transient.values()) == {True}
    final = {code: is_transient(code) for code in (1000, 4001, 4003, 4010, 4033, 4047, 4074)}
    assert set(final.values()) == {False}


@pytest.mark.parametrize(
    "status, reason", [(401, "unauthorized"), (403, "not_authorized"), (502, "relay_failed")]
)
def test_a_relay_that_does_not_begin(status: int, reason: str) -> None:
    assert refused(TARGET, status).reason == reason


def test_the_environment_says_who_calls() -> None:
    assert account({}, []).kind == "application"
    assert account({"GCP_ACCESS_TOKEN": "t"}, []).kind == "accesstoken"
    told = account({"GCP_IMPERSONATE_SERVICE_ACCOUNT": "one@p", "GCP_AUTH_KIND": "application"}, [])
    assert told.impersonate == ("one@p",)
    assert account({}, ["a@p", "b@p"]).impersonate == ("a@p", "b@p")
    for environment, words in (
        ({"GCP_AUTH_KIND": "other"}, "choose one of application"),
        ({"GCP_AUTH_KIND": "accesstoken"}, "GCP_ACCESS_TOKEN is not set"),
    ):
        with pytest.raises(TunnelError, match=words):
            account(environment, [])


def test_where_it_listens() -> None:
    assert listening_at("8888") == ("127.0.0.1", 8888)
    assert listening_at("127.0.0.2:0") == ("127.0.0.2", 0)
    with pytest.raises(TunnelError, match="give a port"):
        listening_at("here")
