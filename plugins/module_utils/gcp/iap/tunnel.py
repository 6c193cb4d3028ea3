# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A TCP connection to a private instance through Google's IAP relay, taken up again where it breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.frames import (
    ACK,
    CONNECT_SUCCESS_SID,
    DATA,
    RECONNECT_SUCCESS_ACK,
    SUBPROTOCOL,
    Frame,
    FrameError,
    decode,
    encode,
    pieces,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.ledger import (
    AckError,
    Ledger,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.words import (
    NORMAL,
    Target,
    TunnelError,
    closed,
    is_transient,
    refused,
)

try:
    import aiohttp
except ImportError:  # said in words when a tunnel is opened
    aiohttp = None  # type: ignore[assignment]

#: A WebSocket, written with https so that HTTPS_PROXY counts: aiohttp would look for WSS_PROXY.
RELAY = "https://tunnel.cloudproxy.app/v4"
#: The relay takes connections of programs from this origin only.
ORIGIN = "bot:iap-tunneler"
#: Seconds in which the relay has to answer, and in which a broken connection has to be taken up again.
OPEN_TIMEOUT = 60.0
RECONNECT_TIMEOUT = 120.0
#: Bytes that may be unconfirmed before writing waits.
WINDOW = 8 * 1024 * 1024


class Tunnel:
    """One connection. ``session`` is an ``aiohttp.ClientSession``, ``token`` gives an access token when called."""

    def __init__(
        self,
        target: Target,
        session: Any,
        token: Callable[[], Awaitable[str]],
        relay: str = RELAY,
        reconnect_timeout: float = RECONNECT_TIMEOUT,
    ) -> None:
        self.target = target
        self.reconnects = 0
        self._session, self._token, self._relay = session, token, relay
        self._patience = reconnect_timeout
        self._ledger = Ledger()
        self._sid = ""
        self._socket: Any = None
        self._usable = asyncio.Event()
        self._room = asyncio.Condition()
        self._failure: TunnelError | None = None
        self.closing = False

    async def open(self) -> None:
        """Connect. Raises ``TunnelError`` where the relay or the instance refuses."""
        if aiohttp is None:
            raise TunnelError(
                "missing_library", "aiohttp is not there; install it (pip install aiohttp)."
            )
        target = self.target
        query = {
            "project": target.project,
            "zone": target.zone,
            "instance": target.instance,
            "interface": target.interface,
            "port": target.port,
            "newWebsocket": "true",
        }
        frame = await self._begin("connect", query, CONNECT_SUCCESS_SID)
        self._sid = frame.data.decode("ascii")
        self._usable.set()

    async def read(self) -> bytes:
        """The next bytes; none when the instance has ended the connection. Raises ``TunnelError``."""
        while True:
            message = await self._socket.receive()
            if message.type == aiohttp.WSMsgType.BINARY:
                data = await self._take(message.data)
                if data:
                    return data
                continue
            code = self._socket.close_code
            words = message.extra if message.type == aiohttp.WSMsgType.CLOSE else ""
            if code == NORMAL or self.closing:
                await self._end(None)
                return b""
            if not is_transient(code):
                raise await self._end(closed(self.target, code, words or ""))
            await self._resume(code)

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the relay confirms nothing. Raises ``TunnelError``."""
        for piece in pieces(data):
            async with self._room:
                await self._room.wait_for(
                    lambda: self._failure or self._ledger.unconfirmed < WINDOW
                )
            if self._failure:
                raise self._failure
            await self._usable.wait()
            self._ledger.send(piece)
            await self._send(Frame(DATA, piece))

    async def close(self) -> None:
        """End the connection in order: what was sent before still arrives."""
        self.closing = True
        if self._socket is not None:
            await self._socket.close(code=NORMAL)

    async def _take(self, message: bytes) -> bytes:
        try:
            frame = decode(message)
            if frame.tag == ACK:
                self._ledger.confirm(frame.number)
                async with self._room:
                    self._room.notify_all()
        except (FrameError, AckError) as error:
            await self._socket.close(code=1002)
            raise await self._end(TunnelError("protocol", f"{self.target}: {error}")) from error
        if frame.tag != DATA:
            return b""
        self._ledger.receive(frame.data)
        due = self._ledger.due()
        if due is not None:
            await self._send(Frame(ACK, number=due))
        return frame.data

    async def _send(self, frame: Frame) -> None:
        try:
            await self._socket.send_bytes(encode(frame))
        except (OSError, RuntimeError, aiohttp.ClientError):
            # The reader finds the same, and sends again what is not confirmed.
            return

    async def _resume(self, code: int | None) -> None:
        """Take the session up on a new connection, within the time that there is for it."""
        self._usable.clear()
        until = time.monotonic() + self._patience
        pause = 0.2
        while True:
            try:
                query = {
                    "sid": self._sid,
                    "ack": self._ledger.received,
                    "zone": self.target.zone,
                    "newWebsocket": "true",
                }
                frame = await self._begin("reconnect", query, RECONNECT_SUCCESS_ACK)
                self._ledger.confirm(frame.number)
                break
            except (TunnelError, AckError) as error:
                final = not isinstance(error, TunnelError) or error.reason not in (
                    "relay_lost",
                    "relay_failed",
                    "session_in_use",
                )
                if final or time.monotonic() + pause > until:
                    cause = (
                        error
                        if isinstance(error, TunnelError)
                        else closed(self.target, code, str(error))
                    )
                    raise await self._end(cause) from error
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 10.0)
        for piece in self._ledger.again():
            await self._send(Frame(DATA, piece))
        self.reconnects += 1
        self._usable.set()

    async def _begin(self, verb: str, query: dict[str, Any], wanted: int) -> Frame:
        """Open a WebSocket and wait for the frame that says it stands."""
        url = f"{self._relay}/{verb}?{urlencode(query)}"
        headers = {"Authorization": f"Bearer {await self._token()}"}
        try:
            # No heartbeat: the relay has a close code for opcodes that it does not like.
            self._socket = await asyncio.wait_for(
                self._session.ws_connect(
                    url, protocols=[SUBPROTOCOL], origin=ORIGIN, headers=headers, max_msg_size=0
                ),
                OPEN_TIMEOUT,
            )
            message = await asyncio.wait_for(self._socket.receive(), OPEN_TIMEOUT)
        except aiohttp.WSServerHandshakeError as error:
            raise refused(self.target, error.status, error.message) from error
        except asyncio.TimeoutError as error:
            raise TunnelError(
                "relay_lost", f"{self.target}: The relay did not answer in {OPEN_TIMEOUT:.0f} s."
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TunnelError(
                "relay_lost",
                f"{self.target}: The relay is not reached: {error}. See whether this machine, or its proxy "
                "(HTTPS_PROXY), lets tunnel.cloudproxy.app through.",
            ) from error
        if message.type != aiohttp.WSMsgType.BINARY:
            raise closed(self.target, self._socket.close_code, message.extra or "")
        frame = decode(message.data)
        if frame.tag != wanted:
            raise TunnelError(
                "protocol",
                f"{self.target}: The relay begins with the frame {frame.tag:#06x}, not {wanted:#06x}.",
            )
        return frame

    async def _end(self, failure: TunnelError | None) -> TunnelError:
        """Let a writer that waits know; returns what it is told."""
        self._failure = failure or TunnelError(
            "backend_closed", f"{self.target}: The instance ended the connection."
        )
        self._usable.set()
        async with self._room:
            self._room.notify_all()
        return self._failure
