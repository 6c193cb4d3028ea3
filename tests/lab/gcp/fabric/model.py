"""What the fabric has to know of the emulator's resources, and nothing else of them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True)
class Nic:
    """A leg of an instance in a network."""

    name: str
    network: str
    subnet: str
    address: str
    #: The external address that is translated to this one, if it has one.
    external: str | None = None
    #: Further ranges that are delivered to the instance.
    aliases: tuple[IPv4Network, ...] = ()
    #: Ranges that are delivered to the instance, and that it does not take for its own: pods.
    behind: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True)
class Instance:
    """A virtual machine; `key` is its link without a host name."""

    key: str
    name: str
    project: str
    zone: str
    running: bool
    #: The host's first process, whose namespace has its interfaces; 0 where it does not live.
    process: int
    #: Whether it may send what has not its own address as the source, and receive for others.
    forwards: bool
    tags: frozenset[str]
    accounts: frozenset[str]
    nics: tuple[Nic, ...]


@dataclass(frozen=True)
class Port:
    """The network's end of an instance's leg: an interface in the network's namespace."""

    link: str
    instance: Instance
    nic: Nic


@dataclass(frozen=True)
class Match:
    """Protocol and ports of a firewall rule; no ports are all ports, protocol ``all`` is any."""

    protocol: str
    ports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Firewall:
    """A firewall rule that is not disabled."""

    name: str
    ingress: bool
    allows: bool
    priority: int
    matches: tuple[Match, ...]
    sources: tuple[IPv4Network, ...]
    source_tags: frozenset[str]
    source_accounts: frozenset[str]
    destinations: tuple[IPv4Network, ...]
    target_tags: frozenset[str]
    target_accounts: frozenset[str]


@dataclass(frozen=True)
class Route:
    """A custom route. `hop` is ``instance``, ``address``, ``balancer``, ``internet``, ``peering`` or ``other``."""

    destination: IPv4Network
    priority: int
    hop: str
    #: Key of an instance, of a forwarding rule or of a peer network; an address.
    to: str
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HealthCheck:
    """How a member is asked. Times in seconds."""

    key: str
    kind: str
    port: int
    interval: float = 5
    timeout: float = 5
    healthy: int = 2
    unhealthy: int = 2
    path: str = "/"
    host: str = ""
    response: str = ""


@dataclass(frozen=True)
class Member:
    """An instance behind a balancer, by the address that it has in the balancer's network."""

    instance: str
    address: str
    failover: bool = False


@dataclass(frozen=True)
class Balancer:
    """A forwarding rule of a passthrough load balancer with what it forwards to."""

    key: str
    service: str
    address: str
    #: tcp, udp, or empty for every protocol.
    protocol: str
    #: Ports and ranges as ``from-to``; none are all.
    ports: tuple[str, ...]
    external: bool
    members: tuple[Member, ...]
    check: HealthCheck | None
    affinity: str = "NONE"
    #: DEFAULT_FOR_PROTOCOL, NEVER_PERSIST or ALWAYS_PERSIST.
    persistence: str = "DEFAULT_FOR_PROTOCOL"
    drop_if_unhealthy: bool = False
    failover_ratio: float = 0
    #: Seconds for which a removed member keeps its connections.
    draining: int = 0
    #: Whether clients of other regions are served.
    region: str = ""
    global_access: bool = False


@dataclass(frozen=True)
class Peering:
    """One direction of an active peering: what this network has from `peer`."""

    peer: str
    imports_custom: bool


@dataclass(frozen=True)
class CloudNat:
    """Addresses that the ranges of a router's NAT leave by."""

    ranges: tuple[IPv4Network, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Subnet:
    """A subnetwork's ranges; the first is the primary one, whose first address is the gateway."""

    key: str
    region: str
    ranges: tuple[IPv4Network, ...]

    @property
    def gateway(self) -> str:
        """The gateway's address."""
        return str(self.ranges[0][1])


@dataclass(frozen=True)
class Network:
    """A VPC with all that decides on its packets."""

    key: str
    mtu: int
    subnets: tuple[Subnet, ...]
    ports: tuple[Port, ...]
    firewalls: tuple[Firewall, ...]
    routes: tuple[Route, ...]
    balancers: tuple[Balancer, ...]
    peerings: tuple[Peering, ...]
    nats: tuple[CloudNat, ...]
