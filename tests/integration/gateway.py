"""Requests to the edge of the lab's real cluster, and services of busybox behind it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tests.integration.labs import Lab
from tests.integration.real_cluster import pod

NAMESPACE = "nx-backend"
HOST, SHOP = "gw.lab.test", "shop.lab.test"
#: Answers a request by $STATUS and $NAME, and an upgrade by whatever comes in.
_ANSWER = r"""
upgrade=; read -r request
while read -r line && [ "$line" != $'\r' ]; do case $line in [Uu]pgrade:*) upgrade=1 ;; esac; done
if [ "$upgrade" ]; then
    printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
    exec cat
fi
printf 'HTTP/1.1 %s\r\nServer: busybox\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' "$STATUS" ${#NAME} "$NAME"
"""
#: Name of a service and the status that it answers by. commerce is broken.
_SERVICES = {
    "nx-identity": "200 OK",
    "nx-signal": "200 OK",
    "nx-commerce": "500 Broken",
    "stable": "200 OK",
    "canary": "200 OK",
}
#: One whole request needs no more patience than that.
_PATIENCE = 10.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Edge:
    """The node's address, at port 443; certificates are verified."""

    lab: Lab
    address: str

    def connect(self, host: str) -> ssl.SSLSocket:
        """Shake hands as somebody who asks for a host."""
        context = ssl.create_default_context(cafile=self.lab.state / "edge.crt")
        plain = socket.create_connection((self.address, 443), _PATIENCE)
        return context.wrap_socket(plain, server_hostname=host)

    def ask(self, path: str, host: str = HOST) -> Answer:
        """Ask for a page."""
        return self.send("GET", path, host)

    def send(
        self,
        method: str,
        path: str,
        host: str,
        body: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Send a request."""
        connection = http.client.HTTPConnection(host, timeout=_PATIENCE)
        connection.sock = self.connect(host)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return Answer(answer.status, dict(answer.getheaders()), body)

    def flood(self, path: str, times: int) -> Counter[int]:
        """Ask again and again, by eight at once; count the statuses."""
        with ThreadPoolExecutor(8) as callers:
            return Counter(answer.status for answer in callers.map(self.ask, [path] * times))

    def await_status(self, status: int, path: str, host: str = HOST) -> Answer:
        """Ask until a status comes."""
        deadline = time.monotonic() + 60
        while (answer := self.ask(path, host)).status != status:
            assert time.monotonic() < deadline, answer
            time.sleep(0.2)
        return answer

    def upgrade(self, path: str, said: bytes) -> tuple[str, bytes]:
        """Ask for a WebSocket and say something; return the status line and what came back."""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with self.connect(HOST) as connection:
            connection.sendall(head.encode())
            # Bytes beyond the head would be lost with the file, and none come before something is said.
            with connection.makefile("rb", buffering=0) as answer:
                status = answer.readline().decode().strip()
                while answer.readline().strip():
                    pass
            connection.sendall(said)
            return status, connection.recv(len(said))


def services() -> str:
    """Manifests of all services."""
    return _list([found for name, status in _SERVICES.items() for found in _service(name, status)])


def route(stable: int, canary: int) -> str:
    """A route of the Gateway API that divides a host's requests."""
    backends = [
        {"name": "stable", "port": 3000, "weight": stable},
        {"name": "canary", "port": 3000, "weight": canary},
    ]
    return json.dumps(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "shop"},
            "spec": {
                "parentRefs": [
                    {"name": "traefik", "namespace": "nx-internal", "sectionName": "websecure"}
                ],
                "hostnames": [SHOP],
                "rules": [{"backendRefs": backends}],
            },
        }
    )


def _service(name: str, status: str) -> list[dict[str, Any]]:
    environment = [{"name": "STATUS", "value": status}, {"name": "NAME", "value": name}]
    server = pod(
        name,
        "",
        command=["nc", "-ll", "-p", "3000", "-e", "sh", "-c", _ANSWER],
        env=environment,
        readinessProbe={"tcpSocket": {"port": 3000}, "periodSeconds": 1},
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": server["metadata"]["labels"], "ports": [{"port": 3000}]},
    }
    return [server, service]


def _list(items: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
