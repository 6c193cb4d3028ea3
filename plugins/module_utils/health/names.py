# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS: the records of a name, as a server or this host's resolver tells them."""

from __future__ import annotations

import ipaddress
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


@dataclass(frozen=True)
class Dns:
    """A question; ``records`` are all that may come, in any order, or empty where any will do."""

    name: str
    type: str = "A"
    servers: tuple[str, ...] = ()
    port: int = 53
    records: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any], _defaults: Mapping[str, Any]) -> Dns:
        """Read the options. Raises ``ValueError``."""
        servers = tuple(given["servers"] or ())
        for server in servers:
            try:
                ipaddress.ip_address(server)
            except ValueError as error:
                raise ValueError(f"servers: {server!r} is no address") from error
        if not given["name"].strip("."):
            raise ValueError("name is empty")
        return cls(
            given["name"],
            given["type"],
            servers,
            rules.port(given["port"]),
            tuple(given["records"] or ()),
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
        import dns.resolver

        resolver = dns.asyncresolver.Resolver(configure=not self.servers)
        if self.servers:
            resolver.nameservers = list(self.servers)
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
        found = [record.to_text() for record in answer]
        judge_records(found, self.records)
        return {"records": sorted(found)}


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
