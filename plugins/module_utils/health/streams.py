# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TCP: whether a connection opens, and whether what listens there answers as it should."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health import rules
from ansible_collections.groundwork.platform.plugins.module_utils.health.certificate import (
    judge_days,
    left,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    CLOSED,
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import (
    Tls,
    World,
)

#: Bytes of an answer that are looked at.
LONGEST = 65536


@dataclass(frozen=True)
class Place:
    """Where a connection goes, with TLS or without."""

    host: str
    port: int
    tls: Tls | None = None
    certificate_days: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Place:
        """Read the options. Raises ``ValueError``."""
        tls = rules.tls(given, defaults)
        return cls(
            rules.host(given["host"]),
            rules.port(given["port"]),
            tls if given["tls"] else None,
            rules.days(given.get("certificate_days"), tls, given["tls"]),
        )

    def __str__(self) -> str:
        return rules.place(self.host, self.port) + (" (TLS)" if self.tls else "")


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter, dict[str, Any]]


@asynccontextmanager
async def opened(world: World, place: Place) -> AsyncIterator[Stream]:
    """A connection, and what was seen of its certificate. Raises ``FailedError`` and those of asyncio."""
    context = world.tls(place.tls) if place.tls else None
    reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
    try:
        facts = {}
        if place.certificate_days is not None:
            found = left(writer.get_extra_info("ssl_object").getpeercert(), time.time())
            facts["certificate_days"] = round(found, 1)
            judge_days(found, place.certificate_days)
        yield reader, writer, facts
    finally:
        writer.close()


@dataclass(frozen=True)
class Tcp:
    """Whether a connection opens."""

    place: Place

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Tcp:
        """Read the options. Raises ``ValueError``."""
        return cls(Place.of(given, defaults))

    @property
    def target(self) -> str:
        """Host and port."""
        return str(self.place)

    async def ask(self, world: World, _timeout: float, /) -> Facts:
        """Connect."""
        async with opened(world, self.place) as (_reader, _writer, facts):
            return facts


@dataclass(frozen=True)
class Banner:
    """What is sent, and what the answer has to hold; bytes are taken for Latin-1, each for one character."""

    place: Place
    send: bytes
    expect: str

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Banner:
        """Read the options. Raises ``ValueError``."""
        sent = (given["send"] or "").encode()
        if given["send_hex"]:
            try:
                sent = bytes.fromhex(given["send_hex"])
            except ValueError as error:
                raise ValueError(f"send_hex {given['send_hex']!r}: {error}") from error
        expect = rules.pattern(given["expect"], "expect")
        if re.search(expect, "", re.DOTALL):
            raise ValueError(
                f"expect {expect!r} fits no answer as well; use tcp to see if a port is open"
            )
        return cls(Place.of(given, defaults), sent, expect)

    @property
    def target(self) -> str:
        """Host and port."""
        return str(self.place)

    async def ask(self, world: World, timeout: float, /) -> Facts:
        """Read until what is expected has come, or nothing comes any more."""
        seen = ""
        async with opened(world, self.place) as (reader, writer, facts):
            if self.send:
                writer.write(self.send)
                await writer.drain()
            try:
                while not re.search(self.expect, seen, re.DOTALL):
                    # It ends itself: at the outer time-out nobody could say what has come.
                    data = await asyncio.wait_for(reader.read(LONGEST), timeout * 0.9)
                    if not data or len(seen) > LONGEST:
                        raise FailedError(*self._other(seen, "then the connection was closed"))
                    seen += data.decode("latin-1")
            except asyncio.TimeoutError as error:
                raise FailedError(*self._other(seen, "then nothing more")) from error
            return facts

    def _other(self, seen: str, end: str) -> tuple[str, str]:
        if not seen:
            return CLOSED if "closed" in end else "timeout", f"no word came, {end}"
        return "answer", f"it answered {seen[:80]!a}, {end}; expected {self.expect!r}"


@dataclass(frozen=True)
class Redis:
    """A server of Redis' protocol: it answers, has the role, and a replica is linked to its primary."""

    place: Place
    role: str = "any"
    username: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Redis:
        """Read the options. Raises ``ValueError``."""
        return cls(Place.of(given, defaults), given["role"], given["username"], given["password"])

    @property
    def target(self) -> str:
        """Host and port."""
        return f"redis {self.place}"

    async def ask(self, world: World, _timeout: float, /) -> Facts:
        """Log in where there is a password, then PING and ROLE."""
        async with opened(world, self.place) as (reader, writer, facts):

            async def call(*words: str) -> Any:
                writer.write(command(*words))
                return await reply(reader)

            if self.password is not None:
                who = (self.username,) if self.username else ()
                await call("AUTH", *who, self.password)
            await call("PING")
            return {**facts, **judge_role(await call("ROLE"), self.role)}


def command(*words: str) -> bytes:
    """A command of the protocol (RESP)."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


async def reply(reader: asyncio.StreamReader) -> Any:
    """Read an answer of the protocol (RESP2). Raises ``FailedError`` for an error of the server."""
    line = await reader.readuntil(b"\r\n")
    kind, text = line[:1], line[1:-2].decode("utf-8", "replace")
    if kind == b"-":
        word = text.partition(" ")[0]
        reasons = {"NOAUTH": "authentication", "WRONGPASS": "authentication", "LOADING": "loading"}
        raise FailedError(reasons.get(word, "answer"), f"it answered: {text}")
    if kind == b"+":
        return text
    try:
        number = int(text)
    except ValueError as error:
        said = ascii(line[:80].decode("latin-1"))
        raise FailedError("answer", f"it does not speak Redis' protocol: {said}") from error
    if kind == b":" or number < 0:
        return None if kind != b":" else number
    if kind == b"$":
        return (await reader.readexactly(number + 2))[:-2].decode("utf-8", "replace")
    return [await reply(reader) for _count in range(number)]


def judge_role(answer: Any, wanted: str) -> dict[str, Any]:
    """The role in words of today. Raises ``FailedError`` where it is another one or the link is down."""
    words = answer if isinstance(answer, list) and answer else [""]
    role = {"master": "primary", "slave": "replica"}.get(words[0], str(words[0]))
    if wanted not in ("any", role):
        raise FailedError("role", f"it is a {role or 'server without a role'}, expected {wanted}")
    if role == "replica" and words[3] != "connected":
        raise FailedError(
            "lag", f"it is not linked to its primary {words[1]}:{words[2]} ({words[3]})"
        )
    return {"role": role}
