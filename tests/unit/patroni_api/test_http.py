from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    REFUSED,
    SILENT_KINDS,
    TIMEOUT,
    HttpClient,
    HttpError,
    Request,
    Response,
    listens,
)

from tests.unit.patroni_api.play import DROP, Play, closed_port, frames


def test_an_error_status_is_returned() -> None:
    with Play(frames("quorum"), [(412, "no good candidate")]) as play:
        answer = HttpClient().request("POST", play.url("db-1") + "/switchover", {"leader": "x"})
    assert (answer.status, answer.ok, answer.text, answer.json) == (
        412,
        False,
        "no good candidate",
        None,
    )
    assert play.calls[0][:3] == ("POST", "/db-1/switchover", {"leader": "x"})


def test_credentials_are_sent_at_once_and_only_by_their_client() -> None:
    with Play(frames("quorum"), [(200, "")]) as play:
        HttpClient(username="ops", password="pw").request("POST", play.url("db-1") + "/reload", {})
        HttpClient().request("POST", play.url("db-1") + "/reload", {})
    assert [call[3] for call in play.calls] == ["Basic b3BzOnB3", None]


def test_a_failure_names_method_url_and_cause() -> None:
    url = f"http://127.0.0.1:{closed_port()}/patroni"
    with pytest.raises(HttpError) as caught:
        HttpClient().request("GET", url)
    assert caught.value.kind == REFUSED
    assert str(caught.value).startswith(f"GET {url}: ")
    assert "refused" in caught.value.cause


def test_a_dropped_connection_is_no_silence() -> None:
    with Play(frames("quorum"), [DROP]) as play, pytest.raises(HttpError) as caught:
        HttpClient().request("POST", play.url("db-1") + "/switchover", {})
    assert caught.value.kind not in SILENT_KINDS


def test_gather_is_bounded_and_keeps_the_order() -> None:
    with socket.socket() as mute, Play(frames("quorum")) as play:
        mute.bind(("127.0.0.1", 0))
        mute.listen(8)  # the kernel accepts, nobody answers
        stuck = Request(f"http://127.0.0.1:{mute.getsockname()[1]}/")
        good = Request(play.url("db-1") + "/patroni")
        began = time.monotonic()
        first, second, third = HttpClient(timeout=5).gather([stuck, good, stuck], within=0.3)
        assert time.monotonic() - began < 2.0
    assert isinstance(first, HttpError)
    assert first.kind == TIMEOUT
    assert isinstance(second, Response)
    assert second.json["role"] == "replica"
    assert isinstance(third, HttpError)


def test_first_takes_the_good_answer() -> None:
    with Play(frames("quorum")) as play:
        requests = [
            Request(f"http://127.0.0.1:{closed_port()}/"),
            Request(play.url("db-1") + "/patroni"),
        ]
        answer = HttpClient().first(requests)
    assert isinstance(answer, Response)
    assert answer.ok


def test_first_tells_the_failure_where_all_fail() -> None:
    outcome = HttpClient().first([Request(f"http://127.0.0.1:{closed_port()}/")])
    assert isinstance(outcome, HttpError)
    assert outcome.kind == REFUSED


def test_unreadable_certificates_are_named() -> None:
    with pytest.raises(ValueError, match=r"/nowhere/ca\.crt"):
        HttpClient(ca_cert="/nowhere/ca.crt")


def test_listens() -> None:
    opened, kind, words = listens("127.0.0.1", closed_port(), 1.0)
    assert (opened, kind) == (False, REFUSED)
    assert words
    with Play(frames("quorum")) as play:
        assert listens("127.0.0.1", play.server.server_address[1], 1.0)[0]
