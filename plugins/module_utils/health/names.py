# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS: the records of a name, as a server or this host's resolver tells them."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health import rules
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.http import NAME, TIMEOUT

_LABEL = r"[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+\.?", re.IGNORECASE)


@dataclass(frozen=True)
class Dns:
    """A question; ``records`` are all that may come, in any order, or empty where any will do.

    ``authoritative``: the server has to know the answer itself; one from a cache does not count.
    """

    name: str
    type: str = "A"
    servers: tuple[str, ...] = ()
    port: int = 53
    records: tuple[str, ...] = ()
    authoritative: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], _defaults: Mapping[str, Any]) -> Dns:
        """Read the options. Raises ``ValueError``."""
        servers = tuple(given["servers"] or ())
        for server in servers:
            if not _is_address(server) and not _HOST.fullmatch(server):
                raise ValueError(f"servers: {server!r} is no address and no whole name of a host")
        if not given["name"].strip("."):
            raise ValueError("name is empty")
        return cls(
            given["name"],
            given["type"],
            servers,
            rules.port(given["port"]),
            tuple(given["records"] or ()),
            given["authoritative"],
        )

    @property
    def target(self) -> str:
        """The question, and who is asked."""
        asked = ", ".join(rules.place(server, self.port) for server in self.servers)
        return f"{self.type} {self.name} at {asked or 'the resolver of this host'}"

    async def ask(self, _world: World, timeout: float, /) -> Facts:
        """Ask; the first server that answers counts, as for everybody who asks."""
        # Only here: the library takes longer to import than most checks take to answer.
        import dns.asyncresolver
        import dns.flags
        import dns.resolver

        resolver = dns.asyncresolver.Resolver(configure=not self.servers)
        if self.servers:
            resolver.nameservers = await _addresses(self.servers)
            resolver.port = self.port
        # An answer that is lost on the way is asked for once more.
        resolver.lifetime, resolver.timeout = timeout * 0.9, timeout * 0.4
        try:
            answer = await resolver.resolve(self.name, self.type, search=False)
        except dns.resolver.NXDOMAIN as error:
            raise FailedError(NAME, f"there is no name {self.name}") from error
        except dns.resolver.NoAnswer as error:
            raise FailedError(
                "records", f"{self.name} has no records of type {self.type}"
            ) from error
        except dns.resolver.NoNameservers as error:
            raise FailedError("answer", f"no server answers well: {_last(error)}") from error
        except dns.resolver.LifetimeTimeout as error:
            raise FailedError(TIMEOUT, f"no answer within {timeout:g} s") from error
        if self.authoritative and not answer.response.flags & dns.flags.AA:
            raise FailedError("not_authoritative", "the server answers from a cache")
        found = [record.to_text() for record in answer]
        judge_records(found, self.records)
        return {"records": sorted(found), "ttl": answer.rrset.ttl if answer.rrset else 0}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


async def _addresses(servers: Iterable[str]) -> list[str]:
    """Addresses of the servers, of which some may be given by name."""
    found: list[str] = []
    for server in servers:
        if _is_address(server):
            found.append(server)
            continue
        try:
            told = await asyncio.get_running_loop().getaddrinfo(
                server, None, type=socket.SOCK_DGRAM
            )
        except OSError as error:
            raise FailedError(NAME, f"the server {server} has no address: {error}") from error
        found += dict.fromkeys(str(each[4][0]) for each in told)
    return found


def judge_records(found: Iterable[str], wanted: Iterable[str]) -> None:
    """Raise ``FailedError`` where other records came than wanted; any do where none is wanted."""
    there, expected = set(map(_plain, found)), set(map(_plain, wanted))
    if expected and there != expected:
        raise FailedError(
            "records",
            f"the records are {', '.join(sorted(there))}, expected {', '.join(sorted(expected))}",
        )


def _plain(record: str) -> str:
    """A record without what does not matter: case, the last dot, quotes of a text."""
    return record.lower().rstrip(".").strip('"')


def _last(error: Exception) -> str:
    return str(error).rpartition(";")[2].strip()[:200]
