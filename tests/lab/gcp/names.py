"""The emulator's public zones, as its name server tells them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.gcp.dns_server import DnsServer, Record, Zone
from tests.lab.gcp.store import Store


def zones_of(store: Store) -> Iterator[Zone]:
    """All public zones with their records; private ones are seen by their networks alone."""
    for zone in store.of_type("dns.managedZones"):
        if zone.body.get("visibility") == "private" or not zone.ready:
            continue
        records = tuple(
            Record(body["name"], body["type"], int(body["ttl"]), tuple(body["rrdatas"]))
            for body in (record.body for record in store.below(f"{zone.key}/rrsets"))
            if body.get("rrdatas")
        )
        yield Zone(zone.body["dnsName"], records, tuple(zone.body["nameServers"]))


def name_server(store: Store) -> DnsServer:
    """A server for them; it has to be started."""
    return DnsServer(lambda: zones_of(store))
