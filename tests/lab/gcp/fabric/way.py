"""A way into one network for programs of this machine: a CONNECT proxy on loopback whose connections begin there.

This machine's own routes lead to one lab's network alone; another lab may have the same ranges.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.lab.gcp.fabric import sockets


@contextlib.asynccontextmanager
async def way(namespace: str, source: str) -> AsyncIterator[str]:
    """Give the proxy's URL while it stands; in the network its connections come from `source`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _serve(namespace, source, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _serve(
    namespace: str, source: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, *_ = head.split()
    host, _, port = target.rpartition(":")
    if method != "CONNECT":
        writer.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        return
    try:
        async with asyncio.timeout(10):
            made = await sockets.connect(namespace, source, host, int(port))
            far_reader, far_writer = await asyncio.open_connection(sock=made)
    except OSError as error:
        writer.write(f"HTTP/1.1 502 {error}\r\n\r\n".encode())
        return
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
