"""1,000 HTTP endpoints in one process: each address of 127.1.0.0/16 at one port. Prints the port.

Those in 127.1.9.0/24 are slow: their answers come after 5 seconds.
"""

from __future__ import annotations

import asyncio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n" + b'{"status":"ok"}'
SLOW, PAUSE = "127.1.9.", 5.0


class Endpoint(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        if self._transport.get_extra_info("sockname")[0].startswith(SLOW):
            asyncio.get_running_loop().call_later(PAUSE, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)
            self._transport.close()


async def main() -> None:
    loop = asyncio.get_running_loop()
    # Every address of loopback at once takes 0.0.0.0; the port is anyone's for as long as the bench runs.
    server = await loop.create_server(Endpoint, "0.0.0.0", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
