"""Requests of the snapshot job, to a server on loopback that answers as it was told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint import (
    snapshot_disks,
    snapshot_google,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshot_job import (
    program,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GIVEN = {"PREFIX": "auto-", "LABEL": "a=b", "LOCATION": "", "WAIT_SECONDS": "30"}
DISK = {"name": "d", "id": "1", "selfLink": "projects/p/zones/a/disks/d"}


class Played(HTTPServer):
    """Answers in the order in which they were given; what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, str]] = []
        self.asked: list[tuple[str, str, str]] = []
        self.google = snapshot_google.Google("p", "old")
        self.google.base = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Played

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/computeMetadata"):
            status, text = 200, json.dumps({"access_token": "new"})
        else:
            token = self.headers["Authorization"].rpartition(" ")[2]
            self.server.asked.append((self.command, self.path, token))
            status, text = self.server.answers.pop(0)
        # Status 0 stands for an answer that breaks off.
        self.send_response(status or 200)
        self.send_header("Content-Length", str(len(text) + (0 if status else 9)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - what the library asks for


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    server = Played()
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def said(message: str) -> str:
    return json.dumps({"error": {"message": message}})


def test_googles_own_words_are_told() -> None:
    assert snapshot_google.words(b'{"error": {"message": "Quota exceeded"}}') == "Quota exceeded"
    assert snapshot_google.words(b"<html>") == "<html>"


@pytest.mark.parametrize("first", [(503, said("Later")), (0, "{}"), (200, "<html>")])
def test_what_is_sent_again_is_the_same_request(played: Played, first: tuple[int, str]) -> None:
    """The snapshot is there already, perhaps: with another request its name would be taken."""
    played.answers = [first, (200, '{"name": "operation-1"}')]
    _, operation = snapshot_disks.take(played.google, DISK, GIVEN, NOW)
    assert operation == "operation-1"
    sent = [parse_qs(urlsplit(path).query)["requestId"] for _, path, _ in played.asked]
    assert len(sent) == 2
    assert sent[0] == sent[1]


@pytest.mark.parametrize("answer", [(0, "{}"), (200, "<html>")])
def test_what_breaks_off_to_the_end_is_refused_in_words(
    played: Played, answer: tuple[int, str]
) -> None:
    played.answers = [answer] * 4
    with pytest.raises(snapshot_google.RefusedError, match="GET /zones"):
        played.google.ask("GET", "/zones")
    assert played.answers == []


def test_a_token_that_has_ended_is_replaced_once(played: Played) -> None:
    played.answers = [(401, said("Expired")), (200, '{"items": []}')]
    assert played.google.snapshots("auto-") == []
    played.answers = [(401, said("Expired"))]
    # The metadata server has no other.
    with pytest.raises(snapshot_google.RefusedError, match="Expired"):
        played.google.snapshots("auto-")
    assert [token for _, _, token in played.asked] == ["old", "new", "new"]


def test_what_is_gone_is_deleted(played: Played) -> None:
    played.answers = [(503, said("Later")), (404, said("Not found"))]
    assert snapshot_disks.delete(played.google, "auto-1")
    played.answers = [(403, said("Not you"))]
    with pytest.raises(snapshot_google.RefusedError, match="Not you"):
        snapshot_disks.delete(played.google, "auto-1")


def test_a_refused_look_ends_no_wait(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    """Before, it ended the run without a word about any disk."""
    under_way, ready = (200, '{"status": "UPLOADING"}'), (200, '{"status": "READY"}')
    played.answers = [(403, said("Not now")), under_way, (500, said("Sorry")), ready, ready]
    begun = {"auto-1": "operation-1", "auto-2": "operation-2"}
    assert snapshot_disks.await_all(played.google, GIVEN, begun) == {}
    assert played.answers == []
    told = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert [line.partition(":")[0] for line in told] == [
        "Asking after auto-1 failed",
        "Asking after auto-1 failed",
    ]


def test_a_snapshot_that_is_not_there_says_why(played: Played) -> None:
    failed = json.dumps({"error": {"errors": [{"message": "No room"}]}})
    played.answers = [(404, said("Not found")), (200, failed), (404, said("Not found"))]
    begun = {"auto-1": "operation-1", "auto-2": ""}
    pending = snapshot_disks.await_all(played.google, GIVEN, begun)
    assert pending == {"auto-1": "No room", "auto-2": "gone"}


def test_the_program_needs_pythons_library_alone() -> None:
    command = [sys.executable, "-I", "-S", "-c", program()]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    assert json.loads(done.stdout)["message"] == "KeyError: 'PROJECT'"
    assert done.returncode == 1
