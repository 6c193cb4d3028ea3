"""How connections are given to members of balancers, as nft rules.

A connection is marked with its member's address as a number; a rule of the kernel's routing sends
what bears a mark to that member. Nothing is rewritten: the member sees the balancer's address and
answers the client directly, as with Google's passthrough balancers. A route whose next hop is a
balancer is the same for other destinations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.firewall import braces, chain, collapsed, port_ranges, quoted
from tests.lab.gcp.fabric.model import Balancer, Network

_FIVE = "ip saddr . ip daddr . th sport . th dport . meta l4proto"
_TWO = "ip saddr . ip daddr"
_HASHES = {
    "CLIENT_IP": _TWO,
    "CLIENT_IP_PROTO": "ip saddr . ip daddr . meta l4proto",
    "CLIENT_IP_NO_DESTINATION": "ip saddr",
}


@dataclass(frozen=True)
class Pool:
    """Addresses that a balancer gives to: new connections, and old ones that may stay."""

    chosen: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Health:
    """What is known of members beside the books."""

    #: Pairs of backend service (key) and address that answered their checks.
    healthy: Set[tuple[str, str]] = frozenset()
    #: By backend service: addresses of members that were removed and may finish.
    draining: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Drains:
    """Remembers who was removed from a balancer and for how long it may finish its connections."""

    def __init__(self) -> None:
        self._members: dict[str, set[str]] = {}
        self._until: dict[tuple[str, str], float] = {}

    def follow(
        self, networks: Iterable[Network], now: float
    ) -> tuple[dict[str, frozenset[str]], float | None]:
        """Take the networks as they are now in.

        Returns who drains, by backend service, and the seconds after which the first has drained.
        """
        balancers = [one for network in networks for one in network.balancers]
        seen: dict[str, set[str]] = {}
        for one in balancers:
            seen.setdefault(one.service, set()).update(member.address for member in one.members)
        patience = {one.service: one.draining for one in balancers}
        for service, members in self._members.items():
            for address in members - seen.get(service, set()):
                self._until.setdefault((service, address), now + patience.get(service, 0))
        self._members = seen
        self._until = {
            (service, address): until
            for (service, address), until in self._until.items()
            if until > now and address not in seen.get(service, set())
        }
        draining: dict[str, set[str]] = {}
        for service, address in self._until:
            draining.setdefault(service, set()).add(address)
        left = min((until - now for until in self._until.values()), default=None)
        return {service: frozenset(found) for service, found in draining.items()}, left


def pool(balancer: Balancer, health: Health) -> Pool:
    """Choose a balancer's members as Google does.

    Healthy ones of the primary backends; the failover backends' where too few of these are healthy
    (failoverRatio); where nobody is healthy all primary ones as a last resort, or none if the
    traffic is to be dropped then. Without a health check everybody is healthy. A member whose host
    has died stays until its checks have failed.
    """
    well = {
        one.address
        for one in balancer.members
        if balancer.check is None or (balancer.service, one.address) in health.healthy
    }
    primary = [one.address for one in balancer.members if not one.failover]
    spare = [one.address for one in balancer.members if one.failover and one.address in well]
    up = [address for address in primary if address in well]
    enough = bool(up) and len(up) >= balancer.failover_ratio * len(primary)
    chosen = up if enough or not spare else spare
    if not chosen and not balancer.drop_if_unhealthy:
        chosen = primary
    draining = health.draining.get(balancer.service, frozenset())
    kept = {one.address for one in balancer.members} | draining
    return Pool(tuple(sorted(set(chosen))), tuple(sorted(kept, key=names.number)))


def steering(
    network: Network,
    routed: Mapping[tuple[str, ...], Iterable[tuple[str, list[IPv4Network]]]],
    health: Health,
) -> list[str]:
    """Write the chains that mark connections.

    `routed` has, by the interfaces that they hold for, the balancers (keys) that are next hops and
    the ranges that they are the next hop for.
    """
    lines: list[str] = []
    known = {}
    for balancer in network.balancers:
        known[balancer.key] = name = "balancer_" + names.digest(balancer.key)
        far = [] if balancer.global_access or balancer.external else _far(network, balancer)
        lines += _chains(name, balancer, pool(balancer, health), far)
    marks = ["ct direction reply accept", "ip daddr 169.254.169.254 accept"]
    marks += [line for one in network.balancers for line in _virtual(one, known[one.key])]
    for links, found in sorted(routed.items()):
        who = quoted(links)
        marks += [
            f"iifname {who} ip daddr {braces(map(str, collapsed(ranges)))} jump {known[key]}"
            for key, ranges in found
            if key in known and ranges
        ]
    hook = "type filter hook prerouting priority mangle"
    return [*lines, *chain("steer", [hook, *marks])]


def _virtual(balancer: Balancer, name: str) -> list[str]:
    """Send what is for the balancer's own address to its members; other ports are closed."""
    to = f"ip daddr {balancer.address}"
    if not balancer.protocol:
        return [f"{to} jump {name}"]
    ports = f"{balancer.protocol} dport {braces(port_ranges(balancer.ports))}"
    return [f"{to} {ports if balancer.ports else f'meta l4proto {balancer.protocol}'} jump {name}"]


def _far(network: Network, balancer: Balancer) -> list[str]:
    """Interfaces of other regions, which a balancer without global access does not serve."""
    return [
        port.link
        for port in network.ports
        if port.instance.zone.rpartition("-")[0] != balancer.region
    ]


def _chains(name: str, balancer: Balancer, members: Pool, far: list[str]) -> list[str]:
    if not members.chosen:
        return chain(name, ["drop"])
    number = len(members.chosen)
    marks = braces(f"{index} : {_mark(one)}" for index, one in enumerate(members.chosen))

    def choose(fields: str) -> str:
        return f"ct mark set jhash {fields} mod {number} seed 0x5eed map {marks}"

    fields = _HASHES.get(balancer.affinity)
    by_ports = "meta l4proto { tcp, udp }"
    chosen = (
        [choose(fields)]
        if fields
        else [f"{by_ports} {choose(_FIVE)}", f"meta l4proto != {{ tcp, udp }} {choose(_TWO)}"]
    )
    stays = {
        "NEVER_PERSIST": (members.chosen, members.chosen),
        "ALWAYS_PERSIST": (members.kept, members.kept),
    }.get(balancer.persistence, (members.kept, members.chosen))
    keep = [
        f"meta l4proto {test} ct mark != {braces(_mark(one) for one in kept)} jump {name}_choose"
        for test, kept in zip(("tcp", "!= tcp"), stays, strict=True)
    ]
    refuse = [f"iifname {quoted(far)} drop"] if far else []
    # Until there was an answer a connection may change its member: its first packet is repeated.
    first = f"ct state new jump {name}_choose"
    return [
        *chain(f"{name}_choose", chosen),
        *chain(name, [*refuse, first, *keep, "meta mark set ct mark", "accept"]),
    ]


def _mark(address: str) -> str:
    return f"0x{names.number(address):08x}"
