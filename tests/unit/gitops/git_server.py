"""A Git server that speaks HTTP on loopback: git's own back end, behind a password."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "releases", "s3cret-of-the-forge"


@dataclass
class Served:
    """A repository's address, and the passwords that were shown to the server."""

    url: str
    passwords: list[str] = field(default_factory=list)


@contextmanager
def serving(bare: Path, redirect: str = "", password: str | None = PASSWORD) -> Iterator[Served]:
    """Serve a repository until the block ends; without a password, to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_arguments: object) -> None:
            pass

        def _answer(self) -> None:
            if redirect:
                self.send_response(302)
                self.send_header("Location", redirect + self.path.removeprefix(f"/{bare.name}"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if not self._known():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._back_end()

        def _known(self) -> bool:
            header = self.headers.get("Authorization", "").removeprefix("Basic ")
            shown = base64.b64decode(header).decode()
            served.passwords.extend([shown] if shown else [])
            return password is None or shown == f"{USER}:{password}"

        def _back_end(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            done = subprocess.run(
                ["git", "http-backend"],
                input=self.rfile.read(length),
                env=_variables(bare, self),
                capture_output=True,
                check=False,
            )
            head, _blank, body = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Served(f"http://127.0.0.1:{server.server_address[1]}/{bare.name}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def _variables(bare: Path, request: BaseHTTPRequestHandler) -> dict[str, str]:
    """What a web server tells git's back end of a request."""
    path, _mark, query = request.path.partition("?")
    return {
        "GIT_PROJECT_ROOT": str(bare.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": request.headers.get("Content-Length", "0"),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": USER,
        "PATH": os.environ["PATH"],
    }
