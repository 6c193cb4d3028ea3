"""The emulator's side of IAP TCP forwarding: tunnel.cloudproxy.app, as clients of "SSH Relay v4" see it.

Who may, by the emulator's policies; what gets through, by the network's firewall rules; then real TCP
to the instance's internal address. Written from what Google's clients send and expect, apart from
the collection's own client.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.lab.gcp.backend import Resource, World
from tests.lab.gcp.ingress import lets_in
from tests.lab.gcp.tokens import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator

HOST = "tunnel.cloudproxy.app"
SUBPROTOCOL = "relay.tunnel.cloudproxy.app"
#: Seconds for which a broken session can be taken up again, and for a connection to an instance.
KEPT = 60.0
CONNECT = 5.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: The permission that faults can take away, and the role that gives it.
METHOD = "iap.tunnelInstances.accessViaIAP"
ROLE = "roles/iap.tunnelResourceAccessor"


@dataclass
class Session:
    """A connection to an instance, which outlives the WebSocket that carries it."""

    sid: str
    user: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    #: Bytes from the client that went to the instance, and how many of them the client knows of.
    received: int = 0
    told: int = 0
    #: What went to the client and was not confirmed: its first byte's number, and the bytes.
    base: int = 0
    kept: bytearray = field(default_factory=bytearray)
    socket: web.WebSocketResponse | None = None
    ended: bool = False
    pump: asyncio.Task[None] | None = None


class RefusedError(Exception):
    """A close code with its words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Relay:
    """Serves /v4/connect and /v4/reconnect.

    `user` gives the account of an Authorization header, or raises; `may` says whether an account may
    tunnel to an instance; `address` gives where an instance really answers (default: its internal address),
    or `connect` gives the connection.
    """

    def __init__(
        self,
        world: World,
        user: Callable[[str], str],
        may: Callable[[str, Resource, int], bool] = lambda _user, _instance, _port: True,
        address: Callable[[Resource, int, int], tuple[str, int]] | None = None,
        connect: Callable[[Resource, int, int], Awaitable[Streams]] | None = None,
    ) -> None:
        self.world, self.user, self.may = world, user, may
        self.address = address or internal_address
        self.connect = connect or self._open
        self.sessions: dict[str, Session] = {}

    def drop(self) -> int:
        """Cut every WebSocket without a word, as a network that fails does; gives how many there were."""
        cut = [session.socket for session in self.sessions.values() if session.socket]
        for socket in cut:
            transport = socket._req.transport if socket._req else None
            if transport:
                transport.abort()
        return len(cut)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request for the relay's host."""
        try:
            user = self.user(request.headers.get("Authorization", ""))
        except Exception as error:  # whatever the emulator refuses a token with
            return web.Response(status=401, text=str(error))
        if request.headers.get("Origin") != "bot:iap-tunneler":
            return web.Response(status=403, text="Origin")
        if request.path not in ("/v4/connect", "/v4/reconnect"):
            return web.Response(status=404)
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL], max_msg_size=0)
        await socket.prepare(request)
        try:
            if request.path == "/v4/connect":
                session = await self._connect(user, dict(request.query))
                first = struct.pack(">HI", 1, len(session.sid)) + session.sid.encode()
            else:
                session = self._reconnect(user, dict(request.query))
                first = struct.pack(">HQ", 2, session.received)
            await socket.send_bytes(first)
            await _rewind(session, socket)
            if session.pump is None:
                session.pump = asyncio.ensure_future(self._pump(session))
            await self._serve(session, socket)
        except RefusedError as error:
            await socket.close(code=error.code, message=str(error).encode()[:120])
        return socket

    async def _connect(self, user: str, query: dict[str, str]) -> Session:
        instance = self._instance(query)
        port = int(query.get("port", "22"))
        nic = int(query.get("interface", "nic0").removeprefix("nic"))
        if not self.may(user, instance, port):
            raise RefusedError(4033, "not authorized")
        nics = instance.body.get("networkInterfaces", [])
        if nic >= len(nics):
            raise RefusedError(4047, "no such interface")
        if instance.body.get("status", "RUNNING") != "RUNNING":
            raise RefusedError(4003, "failed to connect to backend")
        rules = self.world.list("compute.firewalls", instance.project)
        if not lets_in(rules, instance, nic, port):
            raise RefusedError(4003, "failed to connect to backend")
        try:
            made = self.connect(instance, nic, port)
            reader, writer = await asyncio.wait_for(made, CONNECT)
        except (TimeoutError, OSError) as error:
            raise RefusedError(4003, "failed to connect to backend") from error
        session = Session(secrets.token_urlsafe(16), user, reader, writer)
        self.sessions[session.sid] = session
        return session

    async def _open(self, instance: Resource, nic: int, port: int) -> Streams:
        return await asyncio.open_connection(*self.address(instance, nic, port))

    def _instance(self, query: dict[str, str]) -> Resource:
        project, zone, name = (query.get(key, "") for key in ("project", "zone", "instance"))
        link = f"projects/{project}/zones/{zone}/instances/{name}"
        found = [
            one
            for one in self.world.list("compute.instances", project)
            if (one.location, one.name) == (zone, name)
        ]
        if not found:
            raise RefusedError(4047, f"lookup failed: {link}")
        return found[0]

    def _reconnect(self, user: str, query: dict[str, str]) -> Session:
        session = self.sessions.get(query.get("sid", ""))
        if session is None or session.user != user:
            raise RefusedError(4001, "SID unknown")
        ack = int(query.get("ack", "0"))
        if not session.base <= ack <= session.base + len(session.kept):
            raise RefusedError(4074, "failed to rewind")
        confirm(session, ack)
        session.socket = None
        return session

    async def _serve(self, session: Session, socket: web.WebSocketResponse) -> None:
        """Take what the client sends on one WebSocket, until that one ends."""
        try:
            async for message in socket:
                if message.type != WSMsgType.BINARY:
                    raise RefusedError(4007, "invalid opcode")
                await _take(session, socket, message.data)
        finally:
            if session.socket is socket:
                session.socket = None
                if socket.close_code == 1000 or session.ended:
                    self._forget(session)
                else:
                    asyncio.get_running_loop().call_later(KEPT, self._give_up, session)

    def _give_up(self, session: Session) -> None:
        if session.socket is None:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        self.sessions.pop(session.sid, None)
        if session.pump:
            session.pump.cancel()
        session.writer.close()

    async def _pump(self, session: Session) -> None:
        """Carry what the instance sends to whichever WebSocket there is; what meets none is kept."""
        with contextlib.suppress(OSError):
            while data := await session.reader.read(16384):
                session.kept += data
                if session.socket is not None:
                    await _send(session.socket, data)
        session.ended = True
        if session.socket is not None:
            await session.socket.close(code=1000)


async def _send(socket: web.WebSocketResponse, data: bytes) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        for begin in range(0, len(data), 16384):
            piece = data[begin : begin + 16384]
            await socket.send_bytes(struct.pack(">HI", 4, len(piece)) + piece)


async def _rewind(session: Session, socket: web.WebSocketResponse) -> None:
    """Send what the client does not have, and lead what comes later to this WebSocket."""
    sent = session.base
    while data := bytes(session.kept[sent - session.base :]):
        await _send(socket, data)
        sent += len(data)
    session.socket = socket
    if session.ended:
        await socket.close(code=1000)


async def _take(session: Session, socket: web.WebSocketResponse, message: bytes) -> None:
    (tag,) = struct.unpack_from(">H", message)
    if tag == 7:
        (number,) = struct.unpack_from(">Q", message, 2)
        if not session.base <= number <= session.base + len(session.kept):
            raise RefusedError(4006, "invalid ack")
        confirm(session, number)
    elif tag == 4:
        (length,) = struct.unpack_from(">I", message, 2)
        if length > 16384 or length != len(message) - 6:
            raise RefusedError(4013, "invalid data")
        session.writer.write(message[6:])
        session.received += length
        try:
            await session.writer.drain()
        except OSError as error:
            raise RefusedError(4009, "destination write failed") from error
        if session.received - session.told >= 32768:
            session.told = session.received
            with contextlib.suppress(OSError, RuntimeError):
                await socket.send_bytes(struct.pack(">HQ", 7, session.received))
    else:
        raise RefusedError(4008, "invalid tag")


def confirm(session: Session, number: int) -> None:
    """Let go of what the client has."""
    del session.kept[: number - session.base]
    session.base = number


def internal_address(instance: Resource, nic: int, port: int) -> tuple[str, int]:
    """Where an instance of the lab answers."""
    return str(instance.body["networkInterfaces"][nic]["networkIP"]), port


def mounted(emulator: Emulator) -> Relay:
    """The relay of an emulator: its books, its tokens, the bindings of its projects, its faults."""

    def may(user: str, instance: Resource, port: int) -> bool:
        if emulator.faults.of(METHOD, where=instance.name, having={"permission"}):
            return False
        policy = emulator.store.policies.get(f"cloudresourcemanager/projects/{instance.project}")
        bindings = policy.get("bindings", []) if policy else []
        # Who set the emulator up owns everything in it.
        return user == DEFAULT_ACCOUNT or any(_gives(one, user, port) for one in bindings)

    async def connect(instance: Resource, nic: int, port: int) -> Streams:
        # A fabric knows the network itself; this machine may have no route to it, or another's.
        tunnel = getattr(emulator.backend, "tunnel", None)
        if tunnel is None:
            return await asyncio.open_connection(*internal_address(instance, nic, port))
        streams: Streams = await tunnel(instance, port, nic)
        return streams

    return Relay(emulator.world, emulator.tokens.user, may, connect=connect)


def _gives(binding: dict[str, Any], user: str, port: int) -> bool:
    if binding["role"] != ROLE or not {f"serviceAccount:{user}", f"user:{user}"} & set(
        binding["members"]
    ):
        return False
    expression = binding.get("condition", {}).get("expression", "")
    ports = re.findall(r"[0-9]+", expression)
    return not ports or str(port) in ports
