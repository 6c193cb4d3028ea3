"""An authoritative server of DNS on loopback, for the zones that somebody else keeps.

It asks `lookup` for the zones at every question, so an answer is never older than that: the emulator gives its managed
zones there. Public zones of Google answer from servers of their own as well, without recursion.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

#: What a chain of aliases may have; more are a circle.
LONGEST_CHAIN = 8
#: Bytes of an answer by UDP where the question does not say that it takes more (RFC 1035).
PLAIN_UDP = 512


@dataclass(frozen=True)
class Record:
    """Records of one name and type; `name` ends with a dot, `ttl` is in seconds."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Zone:
    """A zone; `domain` ends with a dot."""

    domain: str
    records: tuple[Record, ...]
    servers: tuple[str, ...] = ("ns.emulator.invalid.",)

    def find(self, name: dns.name.Name, kind: str) -> dns.rrset.RRset | None:
        """Records of a name and type; those of a wildcard take the name that was asked for."""
        for asked in (name, dns.name.Name((b"*", *name.labels[1:]))):
            for record in self.records:
                if record.type == kind and dns.name.from_text(record.name) == asked:
                    return dns.rrset.from_text(name, record.ttl, "IN", kind, *record.values)
            if self._has(asked):
                return None
        return None

    def knows(self, name: dns.name.Name) -> bool:
        """Whether there is the name, or one below it, or a wildcard for it."""
        below = any(dns.name.from_text(each.name).is_subdomain(name) for each in self.records)
        return below or self._has(dns.name.Name((b"*", *name.labels[1:])))

    def _has(self, name: dns.name.Name) -> bool:
        return any(dns.name.from_text(each.name) == name for each in self.records)

    def apex(self) -> Iterable[dns.rrset.RRset]:
        """What each zone has of itself, where it is not among its records."""
        name = dns.name.from_text(self.domain)
        if self.find(name, "SOA") is None:
            text = (
                f"{self.servers[0]} cloud-dns-hostmaster.emulator.invalid. 1 21600 3600 259200 300"
            )
            yield dns.rrset.from_text(name, 21600, "IN", "SOA", text)
        if self.find(name, "NS") is None:
            yield dns.rrset.from_text(name, 21600, "IN", "NS", *self.servers)


Lookup = Callable[[], Iterable[Zone]]


def answer(question: dns.message.Message, zones: Iterable[Zone]) -> dns.message.Message:
    """Answer a question as the zones' own server does: authoritative, or refused."""
    response = dns.message.make_response(question)
    response.flags &= ~dns.flags.RA
    if question.opcode() != 0 or len(question.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
        return response
    asked = question.question[0]
    zone = _zone_of(asked.name, zones)
    if zone is None:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    response.flags |= dns.flags.AA
    found, known = _records(zone, asked.name, dns.rdatatype.to_text(asked.rdtype))
    response.answer.extend(found)
    if not found:
        response.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
        response.authority.extend(_soa(zone))
    return response


def _zone_of(name: dns.name.Name, zones: Iterable[Zone]) -> Zone | None:
    """The nearest zone above a name."""
    above = [zone for zone in zones if name.is_subdomain(dns.name.from_text(zone.domain))]
    return max(above, key=lambda zone: len(dns.name.from_text(zone.domain)), default=None)


def _records(zone: Zone, name: dns.name.Name, kind: str) -> tuple[Sequence[dns.rrset.RRset], bool]:
    """What is found for a name, aliases first, and whether the name is known."""
    found: list[dns.rrset.RRset] = []
    apex = dns.name.from_text(zone.domain)
    known = zone.knows(name) or name == apex
    for _step in range(LONGEST_CHAIN):
        records = zone.find(name, kind)
        if records is None and name == apex:
            records = next(
                (each for each in zone.apex() if dns.rdatatype.to_text(each.rdtype) == kind), None
            )
        if records is not None:
            return [*found, records], True
        alias = zone.find(name, "CNAME") if kind != "CNAME" else None
        if alias is None:
            return found, known
        found.append(alias)
        name = alias[0].target
        if not name.is_subdomain(apex):
            return found, known
    return found, known


def _soa(zone: Zone) -> Iterable[dns.rrset.RRset]:
    own = zone.find(dns.name.from_text(zone.domain), "SOA")
    return [own] if own is not None else [next(iter(zone.apex()))]


def reply(wire: bytes, lookup: Lookup, udp: bool) -> bytes | None:
    """Answer a packet, or nothing where it is none. By UDP what is too long is cut, and asked again by TCP."""
    try:
        question = dns.message.from_wire(wire)
    except (dns.exception.DNSException, struct.error):
        return None
    response = answer(question, lookup())
    limit = max(PLAIN_UDP, question.payload if question.edns >= 0 else PLAIN_UDP) if udp else 65535
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.answer.clear()
        response.authority.clear()
        response.flags |= dns.flags.TC
        return response.to_wire()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        told = reply(data, self._lookup, udp=True)
        if told is not None and self._transport is not None:
            self._transport.sendto(told, addr)


class DnsServer:
    """The server; `port` is the same by UDP and by TCP once it has started."""

    def __init__(self, lookup: Lookup, host: str = "127.0.0.1") -> None:
        self._lookup = lookup
        self._host = host
        self._datagrams: asyncio.BaseTransport | None = None
        self._streams: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen; a free port is taken for 0. Raises `OSError` where that port is taken."""
        loop = asyncio.get_running_loop()
        for attempts_left in range(20 if port == 0 else 1, 0, -1):
            streams = await asyncio.start_server(self._serve, self._host, port)
            chosen = int(streams.sockets[0].getsockname()[1])
            try:
                self._datagrams, _protocol = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self._lookup), local_addr=(self._host, chosen)
                )
            except OSError:
                # Free for streams only: another number.
                streams.close()
                if attempts_left == 1:
                    raise
                continue
            self._streams, self.port = streams, chosen
            return

    async def stop(self) -> None:
        """Listen no more."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
            await self._streams.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = struct.unpack("!H", await reader.readexactly(2))[0]
                told = reply(await reader.readexactly(length), self._lookup, udp=False)
                if told is None:
                    break
                writer.write(struct.pack("!H", len(told)) + told)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
