"""Operations that Google forgets, tokens that are not given at once, secrets in Google's own words."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp import client, credentials
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.arguments import (
    secrets_of,
    without_secrets,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.operations import Operations
from google.auth import exceptions, impersonated_credentials

from tests.unit.gcp.test_plan import DISK
from tests.unit.gcp.world import DEFINITIONS, PROJECT, FakeClient, FakeOperations, handlers


class _Forgetful(FakeClient):
    """Begins operations, and knows nothing of them afterwards."""

    async def call(self, *_args: Any, **_options: Any) -> dict[str, Any]:
        link = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/zones/z/operations/o"
        return {"kind": "compute#operation", "name": "o", "status": "RUNNING", "selfLink": link}

    async def send(self, *_args: Any, **_options: Any) -> dict[str, Any]:
        raise GcpError("not_found", "There is no operation o.", "notFound", 404)


def test_a_deletion_whose_operation_is_lost_is_not_taken_for_done():
    own: Any = _Forgetful()
    cloud = Cloud(own, Operations(own, DEFINITIONS, 5.0), DEFINITIONS, 5.0)
    with pytest.raises(GcpError) as lost:
        asyncio.run(handlers(cloud, DISK)[0].delete())
    assert lost.value.reason == "operation_lost"
    assert "A run later finds what became of it" in str(lost.value)


class _Tokens:
    headers: ClassVar[dict[str, str]] = {}

    async def get(self) -> str:
        return "t"


class _Spreading(Client):
    """Knows only after some requests that an API is enabled."""

    def __init__(self, refusals: int) -> None:
        super().__init__(_Tokens(), 1)  # type: ignore[arg-type]
        self.asked = 0
        self.refusals = refusals

    async def _once(self, *_args: Any) -> tuple[int, dict[str, Any], float]:
        self.asked += 1
        if self.asked <= self.refusals:
            words = "Compute Engine API has not been used in project 1 before or it is disabled."
            return (
                403,
                {"error": {"message": words, "errors": [{"reason": "accessNotConfigured"}]}},
                0.0,
            )
        return 200, {"name": "n"}, 0.0


@pytest.mark.parametrize(
    "project, seconds, good",
    [("p", 300.0, True), ("other", 300.0, False), ("p", -1.0, False)],
    ids=["enabled", "of another project", "long ago"],
)
@pytest.mark.parametrize("rest", ["/global/networks", ":getIamPolicy", ""])
def test_an_api_that_was_just_enabled_is_waited_for(monkeypatch, project, seconds, good, rest):
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.0)
    own = _Spreading(20)
    own.spreads(project, seconds)
    url = f"https://compute.googleapis.com/compute/v1/projects/p{rest}"
    if good:
        assert asyncio.run(own.send("POST", url)) == {"name": "n"}
        return
    with pytest.raises(GcpError) as refused:
        asyncio.run(own.send("POST", url))
    assert (refused.value.reason, own.asked) == ("service_disabled", 1)


def test_who_enables_an_api_says_so():
    own: Any = FakeClient()
    cloud = Cloud(own, FakeOperations(), DEFINITIONS, 60.0)  # type: ignore[arg-type]
    service = "- {type: serviceusage.services, name: compute.googleapis.com}"
    asyncio.run(handlers(cloud, service)[0].create())
    assert own.spreading == {PROJECT: 60.0}


class _Source:
    """Credentials that are refused some times before there is a token."""

    token, valid, quota_project_id = "t", False, None

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors

    def refresh(self, _request: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize(
    "error, good",
    [
        (exceptions.TransportError("connection reset", retryable=True), True),
        (exceptions.RefreshError("Unable to acquire impersonated credentials", '{"code": 503}'), True),
        (exceptions.RefreshError("invalid_grant: the account is disabled"), False),
    ],
)  # fmt: skip
def test_a_token_is_asked_for_again_where_that_may_help(monkeypatch, error, good):
    source = _Source([error, error])
    monkeypatch.setattr(credentials, "_load", lambda _account: source)
    monkeypatch.setattr(credentials, "_PAUSE", 0.0)
    tokens = credentials.Tokens(credentials.Account())
    if good:
        assert asyncio.run(tokens.get()) == "t"
    else:
        with pytest.raises(GcpError) as refused:
            asyncio.run(tokens.get())
        assert refused.value.reason == "unauthorized"
    assert len(source.errors) == (0 if good else 1)


def test_secrets_that_google_quotes_are_in_no_message():
    given = [
        {"name": "s", "payload": {"value": "correct-horse"}},
        {"name": "c", "body": {"selfManaged": {"privateKey": "-----BEGIN KEY-----"}}},
        {"name": "short", "payload": {"value": "dev"}},
    ]
    secrets = secrets_of(given)
    assert secrets == {"correct-horse", "-----BEGIN KEY-----"}
    said = {
        "msg": "Invalid value 'correct-horse'",
        "results": [{"message": "x -----BEGIN KEY-----"}],
    }
    told = without_secrets({**said, "name": "correct-horse"}, secrets)
    assert told == {
        "msg": "Invalid value '(secret)'",
        "results": [{"message": "x (secret)"}],
        "name": "correct-horse",
    }


def test_accounts_on_the_way_are_named_as_google_wants_them(monkeypatch):
    given = {}
    monkeypatch.setattr(
        impersonated_credentials, "Credentials", lambda **options: given.update(options)
    )
    chain = ("one@p.iam.gserviceaccount.com", "two@p.iam.gserviceaccount.com")
    credentials._load(credentials.Account("accesstoken", token="t", impersonate=chain))
    assert given["target_principal"] == chain[1]
    assert given["delegates"] == [f"projects/-/serviceAccounts/{chain[0]}"]
