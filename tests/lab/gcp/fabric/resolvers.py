"""A resolver for each network, and what it knows."""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.overlay import Overlay
from tests.lab.gcp.fabric.resolver import Look, Resolver

_INTERNAL = ".internal"


class Resolvers:
    """Resolvers by network; each is asked in its network's namespace."""

    def __init__(self, books: Overlay) -> None:
        self.books = books
        self._known: dict[str, Resolver] = {}

    async def follow(self, spaces: Mapping[str, str]) -> None:
        """Have one for each of these networks (key → namespace)."""
        for network in set(self._known) - set(spaces):
            self._known.pop(network).close()
        for network, namespace in spaces.items():
            if network not in self._known:
                self._known[network] = made = Resolver(self._looker(network))
                await made.start(namespace)

    def close(self) -> None:
        """Answer nobody any more."""
        for one in self._known.values():
            one.close()
        self._known = {}

    def _looker(self, network: str) -> Look:
        return lambda name, kind: self._look(network, name, kind)

    def _look(self, network: str, name: str, kind: str) -> list[str] | None:
        if name.endswith(_INTERNAL) and ".c." in name:
            return self._instance(network, name) if kind == "A" else []
        for zone in self.books.list("dns.managedZones"):
            origin = zone.body.get("dnsName", "").rstrip(".").lower()
            if name == origin or name.endswith(f".{origin}"):
                visible = zone.body.get("privateVisibilityConfig", {}).get("networks", [])
                keys = {names.key(one.get("networkUrl", "")) for one in visible}
                if zone.body.get("visibility") == "private" and network in keys:
                    return self._records(zone.name, zone.project, name, kind)
        return None

    def _instance(self, network: str, name: str) -> list[str]:
        host, zone, _, project = name.removesuffix(_INTERNAL).split(".", 3)
        return [
            leg["networkIP"]
            for one in self.books.list("compute.instances", project)
            if one.name == host and one.location == zone
            for leg in one.body.get("networkInterfaces", [])
            if names.key(leg.get("network", "")) == network
        ]

    def _records(self, zone: str, project: str, name: str, kind: str) -> list[str]:
        return [
            value
            for one in self.books.list("dns.resourceRecordSets", project)
            if f"/managedZones/{zone}/" in one.link
            and one.body.get("name", "").rstrip(".").lower() == name
            and one.body.get("type") == kind == "A"
            for value in one.body.get("rrdatas", [])
        ]
