"""What has to be on the machine for the emulator's resources: `plan` is pure, `apply` follows it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.model import Network, Port
from tests.lab.gcp.fabric.routing import (
    INTERNET,
    MANAGEMENT,
    Routing,
    peer_link,
    routed,
    routing,
    views,
)
from tests.lab.gcp.fabric.ruleset import ruleset
from tests.lab.gcp.fabric.steering import Health

#: Who asks members of balancers, and who stands behind a tunnel of IAP that begins in the network.
PROBER = "35.191.0.1"
TUNNEL = "35.235.240.2"
#: Who comes from the machine itself: the controller, as if through IAP.
CONTROLLER = "35.235.240.1"
METADATA = "169.254.169.254"


@dataclass(frozen=True)
class Wire:
    """A pair of interfaces: name, namespace and hardware address of both ends."""

    name: str
    namespace: str
    far_name: str
    far_namespace: str
    mac: str
    far_mac: str
    mtu: int = 1460

    @property
    def to_host(self) -> bool:
        """Whether the far end is an instance's."""
        return self.far_namespace.startswith("/")


@dataclass(frozen=True)
class Leg:
    """An instance's end of its wire: what its own side has to have."""

    namespace: str
    link: str
    address: str
    gateway: str
    #: Its subnetwork's primary range, all that a further interface reaches.
    near: str
    #: Addresses beside its own that the instance takes for local, as Google's guest agent sets.
    local: tuple[str, ...]
    #: Whether it may forward, which no instance of the lab can set itself.
    forwards: bool


@dataclass(frozen=True)
class Space:
    """One VPC's namespace."""

    key: str
    name: str
    addresses: tuple[str, ...]
    wires: tuple[Wire, ...]
    legs: tuple[Leg, ...]
    routing: Routing
    ruleset: str


@dataclass(frozen=True)
class Plan:
    """All namespaces, and where external addresses and internal ranges are found."""

    spaces: tuple[Space, ...]
    #: External address → the interface of the internet that leads to its network.
    outside: tuple[tuple[str, str], ...]
    #: Range → the machine's interface that leads to its network.
    inside: tuple[tuple[str, str], ...]


def internet_link(network: str) -> str:
    """The internet's interface that leads to a network."""
    return "n" + names.digest(network)


def machine_link(lab: str, network: str) -> str:
    """The machine's interface that leads to a network."""
    return machine_links(lab) + names.digest(network)[:7]


def machine_links(lab: str) -> str:
    """How the names of the machine's interfaces to a lab's networks begin."""
    return "g" + names.digest(lab)[:6]


def link_mac(*parts: str) -> str:
    """A hardware address of an end of a wire between namespaces."""
    digits = names.digest(*parts)
    return "02:" + ":".join(digits[at : at + 2] for at in range(0, 10, 2))


def plan(lab: str, networks: tuple[Network, ...], health: Health) -> Plan:
    """Plan everything for the networks."""
    by_key = {network.key: network for network in networks}
    outside = [
        (address, internet_link(network.key))
        for network in networks
        for address in sorted(_external(network))
    ]
    taken: list[ipaddress.IPv4Network] = []
    inside = []
    for network in networks:
        for subnet in network.subnets:
            for one in subnet.ranges:
                # The machine can reach one of two networks with the same ranges.
                if not any(one.overlaps(other) for other in taken):
                    taken.append(one)
                    inside.append((str(one), machine_link(lab, network.key)))
    spaces = tuple(_space(lab, network, by_key, health) for network in networks)
    return Plan(spaces, tuple(outside), tuple(inside))


def _external(network: Network) -> set[str]:
    found = {port.nic.external for port in network.ports if port.nic.external}
    found |= {one.address for one in network.balancers if one.external}
    return found | {address for nat in network.nats for address in nat.addresses}


def _space(lab: str, network: Network, networks: dict[str, Network], health: Health) -> Space:
    seen = views(network, networks)
    carried = routed(network, seen, networks)
    members = {one.address for balancer in network.balancers for one in balancer.members}
    members |= {address for found in health.draining.values() for address in found}
    gateways = [f"{subnet.gateway}/32" for subnet in network.subnets]
    return Space(
        key=network.key,
        name=names.network_namespace(lab, network.key),
        addresses=(*gateways, f"{PROBER}/32", f"{TUNNEL}/32", f"{METADATA}/32"),
        wires=_wires(lab, network, networks),
        legs=tuple(_leg(network, port) for port in network.ports),
        routing=routing(network, seen, networks, members),
        ruleset=ruleset(network, carried, health),
    )


def _wires(lab: str, network: Network, networks: dict[str, Network]) -> tuple[Wire, ...]:
    here = names.network_namespace(lab, network.key)
    far = [
        (INTERNET, internet_link(network.key), names.internet_namespace(lab)),
        (MANAGEMENT, machine_link(lab, network.key), ""),
    ]
    far += [
        (
            peer_link(network.key, one.peer),
            peer_link(one.peer, network.key),
            names.network_namespace(lab, one.peer),
        )
        for one in network.peerings
        if one.peer in networks
    ]
    wires = [
        Wire(name, here, other, space, link_mac(here, name), link_mac(space, other))
        for name, other, space in far
    ]
    for port in network.ports:
        host = names.process_namespace(port.instance.process)
        mac = names.mac(port.nic.address)
        wires.append(
            Wire(port.link, here, port.nic.name, host, link_mac(here, port.link), mac, network.mtu)
        )
    return tuple(wires)


def _leg(network: Network, port: Port) -> Leg:
    virtual = {
        balancer.address
        for balancer in network.balancers
        if port.nic.address in {member.address for member in balancer.members}
    }
    subnets = {subnet.key: subnet for subnet in network.subnets}
    subnet = subnets.get(port.nic.subnet, network.subnets[0])
    return Leg(
        namespace=names.process_namespace(port.instance.process),
        link=port.nic.name,
        address=port.nic.address,
        gateway=subnet.gateway,
        near=str(subnet.ranges[0]),
        local=tuple(sorted({*virtual, *(str(one) for one in port.nic.aliases)})),
        forwards=port.instance.forwards,
    )
