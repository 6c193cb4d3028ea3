"""Google Secret Manager and its token endpoint on loopback, as their REST reference has them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "projects/p/secrets/{}/versions/latest"
TOKEN = "t0ken"


class Google(ThreadingHTTPServer):
    """Answers by the secret's name; remembers who asked for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.busy = 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Google

    def do_GET(self) -> None:
        self.server.asked.append((self.path, str(self.headers["Authorization"])))
        name = self.path.split("/")[5]
        refusals = {"gone": (404, "Secret not found"), "mine": (403, "Permission denied"),
                    "off": (400, "is in DISABLED state")}  # fmt: skip
        if name == "busy" and self.server.busy:
            self.server.busy -= 1
            self._answer(503, {"error": {"message": "busy"}})
        elif name in refusals:
            status, message = refusals[name]
            self._answer(status, {"error": {"code": status, "message": message}})
        elif name == "odd":
            self._answer(200, {"hello": "world"})
        else:
            data = base64.b64encode(f"value of {name}".encode()).decode()
            self._answer(200, {"name": self.path, "payload": {"data": data}})

    def do_POST(self) -> None:
        """The token endpoint that a service account's file names."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert "assertion=" in body
        self._answer(200, {"access_token": TOKEN, "expires_in": 60, "token_type": "Bearer"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def google_is() -> Iterator[Google]:
    """Serve until the block ends."""
    with Google() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
