"""Routes of a VPC as the kernel's rules and routing tables.

Order of the rules: marked connections to their balancer's member; subnetworks, own and peered
ones (no custom route is more specific, as on Google); then the routes that hold for the sender.
Senders for whom the same routes hold share a table.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.model import Network, Route

#: The table of what a network reaches by itself.
SUBNETS = 500
#: Interfaces of a network's namespace.
INTERNET = "internet"
MANAGEMENT = "manage"
#: Where packets of a link without own addresses are sent: the other end, by a fixed neighbour.
FAR = "169.254.0.1"
#: A source of Google's own that the machine plays: tunnels of IAP.
IAP = IPv4Network("35.235.240.0/20")


@dataclass(frozen=True)
class Hop:
    """Where packets go: ``link`` (address and interface), ``balancer`` (a key) or ``nowhere``."""

    kind: str
    links: tuple[tuple[str, str], ...] = ()
    balancer: str = ""


@dataclass(frozen=True)
class View:
    """Routes that hold for some interfaces: by destination the one that counts."""

    links: tuple[str, ...]
    hops: tuple[tuple[IPv4Network, Hop], ...]

    @property
    def table(self) -> int:
        """A number from the contents, so that a changed table never replaces one in use."""
        return 0x40000000 | (zlib.crc32(repr(self.hops).encode()) & 0x0FFFFFFF)


@dataclass(frozen=True)
class Routing:
    """What has to be in the kernel, as the command ``ip`` writes it."""

    rules: tuple[str, ...]
    routes: tuple[str, ...]


def peer_link(network: str, peer: str) -> str:
    """The interface in a network's namespace that leads to a peer."""
    return "p" + names.digest(network, peer)


def views(network: Network, peers: Mapping[str, Network]) -> tuple[View, ...]:
    """Group the senders of a network by the routes that hold for them.

    A peer's packets see the routes that this network exports: those without tags that do not lead
    to the internet.
    """
    imported = tuple(
        Route(route.destination, route.priority, "peering", peering.peer)
        for peering in network.peerings
        if peering.imports_custom and peering.peer in peers
        for route in exported(peers[peering.peer])
    )
    grouped: dict[tuple[tuple[IPv4Network, Hop], ...], list[str]] = {}
    for port in network.ports:
        tags = port.instance.tags
        valid = [one for one in network.routes if not one.tags or one.tags & tags]
        grouped.setdefault(_table(network, [*valid, *imported]), []).append(port.link)
    for peering in network.peerings:
        table = _table(network, exported(network))
        grouped.setdefault(table, []).append(peer_link(network.key, peering.peer))
    return tuple(View(tuple(sorted(links)), table) for table, links in grouped.items())


def exported(network: Network) -> tuple[Route, ...]:
    """Routes that peers may import."""
    return tuple(one for one in network.routes if not one.tags and one.hop != "internet")


def _table(network: Network, routes: Iterable[Route]) -> tuple[tuple[IPv4Network, Hop], ...]:
    by_range: dict[IPv4Network, list[Route]] = {}
    for route in routes:
        by_range.setdefault(route.destination, []).append(route)
    table = {destination: _best(network, found) for destination, found in by_range.items()}
    kept = [(where, hop) for where, hop in table.items() if hop]
    return tuple(sorted(kept, key=lambda one: one[0]))


def _best(network: Network, routes: list[Route]) -> Hop | None:
    """The route of the first priority that can be used; several of one priority share.

    Balancers do not: Google's documentation says that of several with one priority it takes one by
    an algorithm of its own for the whole network, whatever region a sender is in.
    """
    usable = [(route.priority, hop) for route in routes if (hop := _hop(network, route))]
    if not usable:
        return None
    first = min(priority for priority, _ in usable)
    hops = [hop for priority, hop in usable if priority == first]
    links = tuple(sorted({link for hop in hops for link in hop.links}))
    return Hop("link", links) if links else min(hops, key=lambda hop: hop.balancer)


def _hop(network: Network, route: Route) -> Hop | None:
    """Where a route leads; None where an instance is off, which Google passes over."""
    if route.hop in ("instance", "address"):
        found = [
            port
            for port in network.ports
            if route.to == (port.nic.address if route.hop == "address" else port.instance.key)
        ]
        return Hop("link", ((found[0].nic.address, found[0].link),)) if found else None
    if route.hop == "balancer":
        for one in network.balancers:
            if route.to in (one.key, one.address):
                return Hop("balancer", balancer=one.key)
    if route.hop == "internet":
        return Hop("link", ((FAR, INTERNET),))
    if route.hop == "peering":
        return Hop("link", ((FAR, peer_link(network.key, route.to)),))
    return Hop("nowhere")


def routed(
    network: Network, seen: Iterable[View], peers: Mapping[str, Network]
) -> dict[tuple[str, ...], list[tuple[str, list[IPv4Network]]]]:
    """By interfaces: balancers that are next hops, and the ranges left to them by nearer routes."""
    near = [one for subnet in network.subnets for one in subnet.ranges]
    near += [one for peer in _active(network, peers) for one in _ranges(peer)]
    found: dict[tuple[str, ...], list[tuple[str, list[IPv4Network]]]] = {}
    for view in seen:
        for where, hop in view.hops:
            if hop.kind == "balancer":
                nearer = [one for one, _ in view.hops if one != where and one.subnet_of(where)]
                left = without(where, [*near, *nearer])
                found.setdefault(view.links, []).append((hop.balancer, left))
    return found


def without(whole: IPv4Network, parts: Iterable[IPv4Network]) -> list[IPv4Network]:
    """What is left of a range without some parts of it."""
    left = [whole]
    for part in parts:
        left = [
            piece
            for one in left
            for piece in (
                one.address_exclude(part)
                if part.subnet_of(one)
                else ([] if one.subnet_of(part) else [one])
            )
        ]
    return sorted(left)


def _active(network: Network, peers: Mapping[str, Network]) -> list[Network]:
    return [peers[one.peer] for one in network.peerings if one.peer in peers]


def _ranges(network: Network) -> list[IPv4Network]:
    return [one for subnet in network.subnets for one in subnet.ranges]


def routing(
    network: Network, seen: Iterable[View], peers: Mapping[str, Network], marks: Iterable[str]
) -> Routing:
    """Write rules and routes; `marks` are addresses of balancers' members."""
    rules = [f"200: from all lookup {SUBNETS}"]
    routes = [_write(SUBNETS, IAP, ((FAR, MANAGEMENT),))]
    legs = {port.nic.address: ((port.nic.address, port.link),) for port in network.ports}
    for address in marks:
        number = names.number(address)
        rules.append(f"100: from all fwmark 0x{number:x} lookup {number}")
        routes.append(_write(number, "default", legs.get(address, ())))
    delivered = {
        where: legs[port.nic.address]
        for port in network.ports
        for where in (IPv4Network(port.nic.address), *port.nic.aliases, *port.nic.behind)
    }
    nobody = dict.fromkeys(_ranges(network), ())
    routes += [_write(SUBNETS, where, to) for where, to in {**nobody, **delivered}.items()]
    for peer in _active(network, peers):
        link = peer_link(network.key, peer.key)
        routes += [_write(SUBNETS, one, ((FAR, link),)) for one in _ranges(peer)]
    for view in seen:
        rules += [f"300: from all iif {link} lookup {view.table}" for link in view.links]
        routes += [_write(view.table, where, hop.links) for where, hop in view.hops]
    return Routing(tuple(sorted(set(rules))), tuple(sorted(set(routes))))


def _write(table: int, where: IPv4Network | str, links: tuple[tuple[str, str], ...]) -> str:
    """A route in the spelling of the command's own lists: table, destination, next hops."""
    to = "default" if str(where) == "0.0.0.0/0" else str(where).removesuffix("/32")
    if not links:
        return f"{table} blackhole {to}"
    return " ".join([f"{table} {to}", *(f"via {one} dev {link}" for one, link in links)])
