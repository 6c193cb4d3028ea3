"""Google Secret Manager: requests and answers as its REST reference has them, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets import secret_manager
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.secret_manager import (
    Access,
    fetch,
)
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.kube_secrets.google import SECRET, TOKEN, Google, google_is


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy stands between, and no time is lost."""
    monkeypatch.setattr(secret_manager, "_PAUSE", 0.01)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def google() -> Iterator[Google]:
    with google_is() as server:
        yield server


def test_versions_are_fetched_by_their_names(google: Google) -> None:
    names = [SECRET.format("a"), SECRET.format("b"), SECRET.format("a"), SECRET.format("busy")]
    found = fetch(names, Access(google.url, token=TOKEN))
    assert found == {
        SECRET.format("a"): b"value of a",
        SECRET.format("b"): b"value of b",
        SECRET.format("busy"): b"value of busy",
    }
    assert (f"/v1/{SECRET.format('a')}:access", f"Bearer {TOKEN}") in google.asked
    # Each once, and the one that was busy again.
    assert len(google.asked) == 4


@pytest.mark.parametrize(
    "name,reason,words",
    [
        ("gone", "missing_value", "is 404: Secret not found"),
        ("mine", "forbidden", "is 403: Permission denied"),
        ("off", "missing_value", "is 400: is in DISABLED state"),
        ("odd", "unreachable", "what is no version of a secret"),
    ],
)
def test_what_google_refuses_is_told(google: Google, name: str, reason: str, words: str) -> None:
    found = fetch([SECRET.format(name), SECRET.format("a")], Access(google.url, token=TOKEN))
    missing = found[SECRET.format(name)]
    assert isinstance(missing, MissingError)
    assert missing.reason == reason
    assert words in missing.what
    assert name in missing.what
    assert found[SECRET.format("a")] == b"value of a"


def test_who_does_not_answer_is_named() -> None:
    found = fetch([SECRET.format("a")], Access("http://127.0.0.1:1", token=TOKEN, timeout=1))
    missing = found[SECRET.format("a")]
    assert isinstance(missing, MissingError)
    assert "http://127.0.0.1:1" in missing.what


def test_a_service_account_logs_in_by_google_auth(google: Google, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    file = tmp_path / "account.json"
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "client_email": "deploy@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{google.url}/token",
    }
    file.write_text(json.dumps(account))
    found = fetch([SECRET.format("a")], Access(google.url, credentials=str(file)))
    assert found == {SECRET.format("a"): b"value of a"}
    assert google.asked[0][1] == f"Bearer {TOKEN}"


def test_credentials_that_are_none_are_told(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text("{}")
    with pytest.raises(MissingError, match=r"account.json") as refused:
        fetch([SECRET.format("a")], Access(credentials=str(file)))
    assert refused.value.reason == "no_google_credentials"


def test_nobody_is_asked_for_nothing() -> None:
    assert fetch([], Access()) == {}


@pytest.mark.parametrize(
    "name,endpoint,url",
    [
        ("projects/p/secrets/s/versions/1", "", "https://secretmanager.googleapis.com/v1/"),
        (
            "projects/p/locations/asia-southeast1/secrets/s/versions/1",
            "",
            "https://secretmanager.asia-southeast1.rep.googleapis.com/v1/",
        ),
        ("projects/p/locations/l/secrets/s/versions/1", "http://h:1/", "http://h:1/v1/"),
    ],
)
def test_where_a_secret_is_asked_for(name: str, endpoint: str, url: str) -> None:
    assert secret_manager._url(name, endpoint) == f"{url}{name}:access"
