"""One port for everything: the CONNECT proxy with Google's hosts behind it, and plain HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from aiohttp import web

Handler = Callable[[], asyncio.Protocol]
_HEAD = 16384


def allowed(host: str) -> bool:
    """Only Google's hosts can be reached; nothing leaves the machine."""
    return host.endswith((".googleapis.com", ".cloudproxy.app")) or host == "accounts.google.com"


class _Gate(asyncio.Protocol):
    """Keeps what arrives until TLS is complete and the server's own protocol takes over."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.kept: list[bytes] = []
        self.opened = False

    def open(self, transport: asyncio.Transport) -> None:
        self.opened = True
        self.inner.connection_made(transport)
        for data in self.kept:
            self.inner.data_received(data)
        transport.set_protocol(self.inner)

    def data_received(self, data: bytes) -> None:
        if self.opened:
            self.inner.data_received(data)
        else:
            self.kept.append(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received() if self.opened else False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.opened:
            self.inner.connection_lost(exc)


class Front(asyncio.Protocol):
    """Looks at the first line: CONNECT opens a tunnel to the emulated host, all else is HTTP."""

    def __init__(
        self, server: web.Server, tls: ssl.SSLContext, tasks: set[asyncio.Task[None]]
    ) -> None:
        self.server = server
        self.tls = tls
        self.tasks = tasks
        self.transport: asyncio.Transport | None = None
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.head += data
        if not b"CONNECT ".startswith(self.head[:8]):
            inner = self.server()
            self.transport.set_protocol(inner)
            inner.connection_made(self.transport)
            inner.data_received(self.head)
        elif b"\r\n\r\n" in self.head:
            self._connect(self.transport, self.head.split(b"\r\n", 1)[0].decode("latin-1"))
        elif len(self.head) > _HEAD:
            self.transport.close()

    def _connect(self, transport: asyncio.Transport, line: str) -> None:
        host = [*line.split(" "), ""][1].rpartition(":")[0]
        if not allowed(host):
            words = (
                f"The emulator of Google Cloud refuses {host}: only *.googleapis.com is played.\n"
            )
            head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(words)}\r\nConnection: close\r\n\r\n"
            transport.write((head + words).encode())
            transport.close()
            return
        transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        task = asyncio.get_running_loop().create_task(self._upgrade(transport))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _upgrade(self, transport: asyncio.Transport) -> None:
        gate = _Gate(self.server())
        loop = asyncio.get_running_loop()
        try:
            secure = await loop.start_tls(transport, gate, self.tls, server_side=True)
        except (OSError, ssl.SSLError):
            transport.close()
            return
        if secure is not None:
            gate.open(secure)
