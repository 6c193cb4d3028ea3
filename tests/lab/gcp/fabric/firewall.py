"""Firewall rules of a VPC as nft rules.

A packet passes the sender's egress rules, then the receiver's ingress rules: who sends and who
receives is known by the interface, so that neighbours of one subnetwork are parted as well.
Connections are followed: what answers an allowed packet is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from tests.lab.gcp.fabric.model import Firewall, Match, Network, Port

_ANYWHERE = IPv4Network("0.0.0.0/0")
#: Names that nft does not know by themselves.
_PROTOCOLS = {"ipip": "4", "icmp": "icmp", "esp": "esp", "ah": "ah", "sctp": "sctp"}


def braces(items: Iterable[str]) -> str:
    """Write an anonymous set of nft."""
    return "{ " + ", ".join(items) + " }"


def quoted(names: Iterable[str]) -> str:
    """Write an anonymous set of interfaces."""
    return braces(f'"{name}"' for name in names)


def chain(name: str, lines: Iterable[str]) -> list[str]:
    """Write a chain of nft."""
    return [f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"]


def firewall(network: Network) -> list[str]:
    """Write the chains ``egress`` and ``ingress``; what comes back from both may pass."""
    rules = sorted(network.firewalls, key=lambda rule: (rule.priority, rule.allows, rule.name))
    ports = quoted(port.link for port in network.ports)
    closing = [f"oifname {ports} drop"] if network.ports else []
    outward = [line for rule in rules if not rule.ingress for line in _rule(rule, network)]
    inward = [line for rule in rules if rule.ingress for line in _rule(rule, network)]
    return [*chain("egress", outward), *chain("ingress", [*inward, *closing])]


def _rule(rule: Firewall, network: Network) -> list[str]:
    """Write a rule, a line for each of its protocols; none where it has no targets or sources."""
    targets = [port.link for port in network.ports if _is_target(rule, port)]
    sources = _sources(rule, network)
    if not targets or (rule.ingress and not sources):
        return []
    where = f"{'oifname' if rule.ingress else 'iifname'} {quoted(targets)}"
    who = [*_addresses("saddr", sources), *_addresses("daddr", rule.destinations)]
    verdict = "return" if rule.allows else "drop"
    return [" ".join([where, *who, *_match(match), verdict]) for match in rule.matches]


def _is_target(rule: Firewall, port: Port) -> bool:
    machine = port.instance
    if not rule.target_tags and not rule.target_accounts:
        return True
    return bool(rule.target_tags & machine.tags or rule.target_accounts & machine.accounts)


def _sources(rule: Firewall, network: Network) -> tuple[IPv4Network, ...]:
    """Ranges and the addresses of those who bear a source's tag or account; any of them will do."""
    named = [
        IPv4Network(port.nic.address)
        for port in network.ports
        if rule.source_tags & port.instance.tags or rule.source_accounts & port.instance.accounts
    ]
    return (*rule.sources, *named)


def _addresses(field: str, ranges: tuple[IPv4Network, ...]) -> list[str]:
    if not ranges or _ANYWHERE in ranges:
        return []
    return [f"ip {field} {braces(map(str, collapsed(ranges)))}"]


def collapsed(ranges: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Ranges without those that others contain: a set of nft takes no overlaps."""
    kept: list[IPv4Network] = []
    for one in sorted(set(ranges), key=lambda found: (found.prefixlen, found)):
        if not any(one.subnet_of(wider) for wider in kept):
            kept.append(one)
    return sorted(kept)


def port_ranges(ports: Iterable[str]) -> list[str]:
    """Ports and ranges (``from-to``) in order, those that touch or overlap as one."""
    pairs = sorted(
        (int(first), int(last or first))
        for first, _, last in (port.partition("-") for port in ports)
    )
    merged: list[tuple[int, int]] = []
    for first, last in pairs:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return [f"{first}-{last}" if last > first else str(first) for first, last in merged]


def _match(match: Match) -> list[str]:
    if match.protocol == "all":
        return []
    if match.protocol in ("tcp", "udp", "sctp") and match.ports:
        return [f"{match.protocol} dport {braces(port_ranges(match.ports))}"]
    return [f"meta l4proto {_PROTOCOLS.get(match.protocol, match.protocol)}"]
