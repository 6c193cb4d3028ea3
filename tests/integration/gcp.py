"""An emulator of Google Cloud of one's own (tests/lab/gcp), and a plain client of it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.integration.labs import ROOT

#: Seconds until it answers, on a machine that does much else.
PATIENCE = 60.0

Body = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the emulator answered."""

    status: int
    body: Any
    raw: bytes = b""

    @property
    def message(self) -> str:
        """The error's words, "" where there is none."""
        return str(self.body.get("error", {}).get("message", "")) if self.body else ""

    @property
    def reason(self) -> str:
        """The error's reason or status."""
        error = self.body.get("error", {}) if self.body else {}
        first: Body = error.get("errors", [{}])[0]
        return str(first.get("reason") or error.get("status", ""))


@dataclass
class Emulator:
    """A process that plays Google's APIs; `folder` keeps its state.

    `options` are those of ``python -m tests.lab.gcp``: ``("--operations", "realistic")``.
    """

    folder: Path
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _connections: dict[str, HTTPSConnection] = field(default_factory=dict)

    # -- life
    def start(self) -> Emulator:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ready = self.folder / "environment.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.lab.gcp", "--state", str(self.folder)]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [*command, *self.options], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + PATIENCE
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                text = (self.folder / "log").read_text(encoding="utf-8")
                raise RuntimeError(f"the emulator of Google Cloud did not start:\n{text}")
            time.sleep(0.02)
        self.environment = json.loads(ready.read_text(encoding="utf-8"))
        return self

    def stop(self) -> None:
        """End it; its state stays."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment for a client's process."""
        return {**os.environ, **self.environment}

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return int(self.environment["GCP_EMULATOR"].rpartition(":")[2])

    # -- control
    def control(self, word: str, method: str = "GET", body: Any = None) -> Any:
        """Ask an endpoint below /emulator."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/emulator/{word}", content)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"/emulator/{word}: {text.decode()}")
        return json.loads(text)

    @contextmanager
    def faults(self, *rules: Body) -> Iterator[None]:
        """Let rules hold: {match: {method, name}, effect: {…}, count}."""
        self.control("faults", "POST", list(rules))
        try:
            yield
        finally:
            self.control("faults", "DELETE")

    def state(self) -> Body:
        """All resources by key, all IAM policies."""
        found: Body = self.control("state")
        return found

    def resources(self, type_: str | None = None) -> dict[str, Body]:
        """Bodies of resources by key, of one type or of all."""
        found = self.state()["resources"].items()
        return {key: one["body"] for key, one in found if type_ in (None, one["type"])}

    def requests(self) -> list[Body]:
        """What was asked since the start: method, path, user, status, seconds."""
        found: list[Body] = self.control("requests")
        return found

    def unimplemented(self) -> dict[str, int]:
        """Methods that were asked and are not played, with how often."""
        found: dict[str, int] = self.control("unimplemented")
        return found

    def broken(self) -> list[str]:
        """Responses of the emulator that broke Google's schemas: its own mistakes."""
        found: list[str] = self.control("broken")
        return found

    def complain(self) -> None:
        """Fail where something was asked that is not played, or was answered wrongly."""
        unplayed, broken = self.unimplemented(), self.broken()
        self.control("unimplemented", "DELETE")
        self.control("broken", "DELETE")
        assert not unplayed, f"the emulator does not play {unplayed}"
        assert not broken, f"the emulator broke schemas: {broken}"

    # -- a plain client
    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        token: str = "",
        content: str = "application/json",
        **query: str,
    ) -> Answer:
        """Send a request as any client does: by the proxy, with TLS, with a token."""
        parts = urlsplit(url if "//" in url else f"https://{url}")
        path = parts.path + (f"?{urlencode(query)}" if query else "")
        bearer = token or self.environment["GCP_ACCESS_TOKEN"]
        sent = {"Authorization": f"Bearer {bearer}", "Content-Type": content}
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        host = str(parts.hostname)
        known = host in self._connections
        try:
            answer = self._send(host, method, path, data, sent)
        except ConnectionError:
            # One that was idle for long has been closed by the other side.
            self._connections.pop(host).close()
            if not known:
                raise
            answer = self._send(host, method, path, data, sent)
        raw = answer.read()
        kind = answer.headers.get("Content-Type", "")
        return Answer(answer.status, json.loads(raw) if raw and "json" in kind else {}, raw)

    def _send(self, host: str, *request: Any) -> HTTPResponse:
        connection = self._connection(host)
        connection.request(*request)
        return connection.getresponse()

    def _connection(self, host: str) -> HTTPSConnection:
        if host not in self._connections:
            context = ssl.create_default_context(cafile=self.environment["SSL_CERT_FILE"])
            made = HTTPSConnection("127.0.0.1", self.port, context=context, timeout=PATIENCE)
            made.set_tunnel(host, 443)
            self._connections[host] = made
        return self._connections[host]

    def compute(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """Call compute of a project: ``compute("GET", "p/global/networks")``."""
        return self.call(
            method, f"compute.googleapis.com/compute/v1/projects/{path}", body, **query
        )
