"""Names for instances: the resolver that stands at 169.254.169.254 of every network.

Knows the internal names of the network's instances and the records of private zones that are
visible to it; everything else is asked of this machine's own resolver.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from tests.lab.gcp.fabric import sockets
from tests.lab.gcp.fabric.plan import METADATA

#: A name and a type (A …) → values; None where the name is not the network's business.
Look = Callable[[str, str], list[str] | None]
_TYPES = {1: "A", 5: "CNAME", 28: "AAAA"}


class Resolver(asyncio.DatagramProtocol):
    """Answers one network."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, namespace: str) -> None:
        """Stand in a namespace."""
        made = sockets.make(namespace, socket.SOCK_DGRAM)
        made.bind((METADATA, 53))
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=made)

    def close(self) -> None:
        """Answer no more."""
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is answered with."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question."""
        task = asyncio.create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, IndexError):
            name, kind, end = question(data)
            known = self.look(name, _TYPES.get(kind, ""))
            answer = await _ask(data) if known is None else reply(data, end, known)
            if self._transport:
                self._transport.sendto(answer, addr)


def question(data: bytes) -> tuple[str, int, int]:
    """Read the question of a DNS message: name, type, and where it ends.

    Raises:
        IndexError, ValueError: this is no such message.
    """
    words, at = [], 12
    while data[at]:
        words.append(data[at + 1 : at + 1 + data[at]].decode("ascii"))
        at += 1 + data[at]
    return ".".join(words).lower(), int.from_bytes(data[at + 1 : at + 3], "big"), at + 5


def reply(data: bytes, end: int, values: list[str]) -> bytes:
    """Write the answer with IPv4 addresses; none says that the name has no such record."""
    header = data[:2] + b"\x85\x80" + b"\x00\x01" + len(values).to_bytes(2, "big") + bytes(4)
    records = b"".join(
        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04" + socket.inet_aton(value)
        for value in values
    )
    return header + data[12:end] + records


def machine_resolver() -> str:
    """The first name server of this machine."""
    for line in Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and ":" not in words[1]:
            return words[1]
    return "127.0.0.53"


async def _ask(data: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
        upstream.setblocking(False)
        upstream.connect((machine_resolver(), 53))
        await loop.sock_sendall(upstream, data)
        async with asyncio.timeout(5):
            return await loop.sock_recv(upstream, 4096)
