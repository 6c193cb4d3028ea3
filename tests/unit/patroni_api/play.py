"""Plays recorded answers of a Patroni cluster (and etcd) back over time, on loopback."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
Frame = dict[str, Any]

#: Stands for a connection that ends without an answer.
DROP = (0, "")


def frames(name: str) -> list[Frame]:
    """A fresh copy of a recording: one frame for each change that was seen."""
    loaded: list[Frame] = json.loads((FIXTURES / f"{name}.json").read_text())
    return loaded


def closed_port() -> int:
    """A loopback port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Play:
    """A cluster that begins with the first frame and moves on after the first unsafe call.

    Each later frame lasts for ``looks`` questions for ``/cluster``, the last one for good: the
    asking client is the clock, so that a busy machine changes nothing.
    ``answers`` are what unsafe calls get, in their order, the last one again and again.
    The first ``hesitates`` questions for ``/cluster`` are answered as by a Patroni whose store is away.
    """

    frames: list[Frame]
    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, "ok")])
    looks: int = 2
    moves_on: bool = True
    silent: tuple[str, ...] = ()
    hesitates: int = 0
    etcd: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str, Any, str | None]] = field(default_factory=list)
    moving: bool = False
    asked: int = 0

    def __enter__(self) -> Play:
        self.dead_port = closed_port()
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def url(self, member: str) -> str:
        host = f"http://127.0.0.1:{self.dead_port}" if member in self.silent else self.base
        return f"{host}/{member}"

    def move_on(self) -> None:
        self.moving = self.moves_on

    def frame(self) -> Frame:
        if not self.moving:
            return self.frames[0]
        return self.frames[min(self.asked // self.looks + 1, len(self.frames) - 1)]

    def localized(self, document: Any) -> Any:
        """Recorded addresses become this server's (or nobody's, for silent members)."""
        text = re.sub(
            r"http://10\.0\.0\.(\d):8008", lambda m: self.url(f"db-{m[1]}"), json.dumps(document)
        )
        return json.loads(
            re.sub(
                r'"host": "10\.0\.0\.\d", "port": \d+',
                f'"host": "127.0.0.1", "port": {self.dead_port}',
                text,
            )
        )

    def get(self, path: str) -> tuple[int, Any]:
        _empty, member, what = path.split("/", 2)
        frame = self.frame()
        own = frame["patroni"].get(member)
        if own is None:
            return DROP
        if what == "patroni":
            return int(own["status"]), own["body"]
        if what == "cluster" and self.hesitates:
            self.hesitates -= 1
            return 503, ""
        self.asked += what == "cluster" and self.moving
        document = frame[what]
        return (200, self.localized(document)) if document is not None else (503, "")

    def unsafe(
        self, method: str, path: str, body: Any, authorization: str | None
    ) -> tuple[int, Any]:
        self.calls.append((method, path, body, authorization))
        if path.startswith("/v3/"):
            return self.etcd_answer(path, body, authorization)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if method == "PATCH" and answer[0] == 200:
            _merge(self.frames[0]["config"], body)
            return 200, self.frames[0]["config"]
        self.move_on()
        return answer

    def etcd_answer(self, path: str, body: Any, authorization: str | None) -> tuple[int, Any]:
        """etcd's gateway over a dictionary, as 3.4 answers."""
        if path == "/v3/auth/authenticate":
            if body["password"] != "right":
                words = "etcdserver: authentication failed, invalid user ID or password"
                return 400, {"error": words, "message": words, "code": 3}
            return 200, {"header": {}, "token": "token.1"}
        if authorization != "token.1":
            return 401, {"error": "etcdserver: user name is empty", "code": 16}
        if path == "/v3/kv/range":
            return 200, self.range_of(body)
        held = all(self.etcd.get(_text(c["key"])) == _text(c["value"]) for c in body["compare"])
        if not held:
            parts = [{"response_range": self.range_of(p["requestRange"])} for p in body["failure"]]
            return 200, {"header": {}, "responses": parts}
        for part in body["success"]:
            if "requestPut" in part:
                self.etcd[_text(part["requestPut"]["key"])] = _text(part["requestPut"]["value"])
            else:
                self.etcd.pop(_text(part["requestDeleteRange"]["key"]), None)
        self.move_on()
        return 200, {"header": {}, "succeeded": True, "responses": [{}]}

    def range_of(self, request: dict[str, str]) -> dict[str, Any]:
        value = self.etcd.get(_text(request["key"]))
        if value is None:
            return {"header": {}}
        encoded = base64.b64encode(value.encode()).decode()
        return {"header": {}, "kvs": [{"key": request["key"], "value": encoded}], "count": "1"}


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def _merge(config: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if value is None:
            config.pop(key, None)
        elif isinstance(value, dict) and isinstance(config.get(key), dict):
            _merge(config[key], value)
        else:
            config[key] = value


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # all members share it: with 5, connections wait a second


def _handler(play: Play) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: Any) -> None:
            if status == 0:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.answer(*play.get(self.path))

        def unsafe(self) -> None:
            body = json.loads(
                self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null"
            )
            self.answer(
                *play.unsafe(self.command, self.path, body, self.headers.get("Authorization"))
            )

        def do_POST(self) -> None:
            self.unsafe()

        def do_PATCH(self) -> None:
            self.unsafe()

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
