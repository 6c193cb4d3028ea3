"""The whole nft ruleset of a VPC's namespace, as one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network

from tests.lab.gcp.fabric.firewall import braces, chain, collapsed, firewall
from tests.lab.gcp.fabric.model import Network
from tests.lab.gcp.fabric.routing import INTERNET
from tests.lab.gcp.fabric.steering import Health, steering

TABLE = "inet groundwork"


def ruleset(
    network: Network,
    routed: Mapping[tuple[str, ...], Iterable[tuple[str, list[IPv4Network]]]],
    health: Health,
) -> str:
    """Write what replaces the namespace's table; connections that are known stay so."""
    lines = [
        f"table {TABLE}",
        f"delete table {TABLE}",
        f"table {TABLE} {{",
        *_guard(network),
        *steering(network, routed, health),
        *firewall(network),
        *_filters(network),
        *_translations(network),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _guard(network: Network) -> list[str]:
    """Nobody sends with another's address, but who may forward."""
    virtual: dict[str, set[IPv4Network]] = {}
    for balancer in network.balancers:
        for member in balancer.members:
            virtual.setdefault(member.address, set()).add(IPv4Network(balancer.address))
    lines = []
    for port in network.ports:
        if not port.instance.forwards:
            own = {IPv4Network(port.nic.address), *port.nic.aliases}
            allowed = collapsed(own | virtual.get(port.nic.address, set()))
            lines.append(f'iifname "{port.link}" ip saddr != {braces(map(str, allowed))} drop')
    return chain("guard", ["type filter hook prerouting priority raw", *lines])


def _filters(network: Network) -> list[str]:
    known = "ct state established,related accept"
    leaving = collapsed(
        [
            *(IPv4Network(port.nic.address) for port in network.ports if port.nic.external),
            *(IPv4Network(one.address) for one in network.balancers if one.external),
            *(one for nat in network.nats for one in nat.ranges),
        ]
    )
    # Only who has an external address, or a Cloud NAT, gets out.
    out = f'oifname "{INTERNET}" ' + (
        f"ip saddr != {braces(map(str, leaving))} drop" if leaving else "drop"
    )
    return [
        *chain(
            "forward",
            [
                "type filter hook forward priority filter; policy drop",
                out,
                known,
                "jump egress",
                "jump ingress",
                "accept",
            ],
        ),
        # What the machine itself sends plays Google's health checks and tunnels.
        *chain("probes", ["type filter hook output priority filter", known, "jump ingress"]),
    ]


def _translations(network: Network) -> list[str]:
    """External addresses, one to one; then the shared ones of Cloud NAT."""
    pairs = [(port.nic.address, port.nic.external) for port in network.ports if port.nic.external]
    arriving, leaving = [], []
    if pairs:
        inward = braces(f"{outer} : {inner}" for inner, outer in pairs)
        outward = braces(f"{inner} : {outer}" for inner, outer in pairs)
        arriving = [f'iifname "{INTERNET}" dnat ip to ip daddr map {inward}']
        leaving = [f'oifname "{INTERNET}" snat ip to ip saddr map {outward}']
    for nat in network.nats:
        shared = braces(f"{index} : {one}" for index, one in enumerate(nat.addresses))
        sources = braces(map(str, collapsed(nat.ranges)))
        leaving.append(
            f'oifname "{INTERNET}" ip saddr {sources} snat ip to '
            f"jhash ip saddr mod {len(nat.addresses)} map {shared}"
        )
    return [
        *chain("arriving", ["type nat hook prerouting priority dstnat", *arriving]),
        *chain("leaving", ["type nat hook postrouting priority srcnat", *leaving]),
    ]
