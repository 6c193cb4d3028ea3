"""From the emulator's resources to what the fabric plans with. Nothing here touches the machine.

Defaults that Google documents are filled in, so that it does not matter whether the emulator
stored them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, Protocol

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.balancing import balancers
from tests.lab.gcp.fabric.clusters import Cluster, clusters
from tests.lab.gcp.fabric.model import (
    CloudNat,
    Firewall,
    Instance,
    Match,
    Network,
    Nic,
    Peering,
    Port,
    Route,
    Subnet,
)

#: States in which an instance has interfaces.
_RUNNING = frozenset({"RUNNING", "STAGING", "PROVISIONING", "REPAIRING", ""})
_ANYWHERE = IPv4Network("0.0.0.0/0")
_INTERNET = "default-internet-gateway"
#: External addresses that the emulator gives to nobody; the first one is the partners' gateway.
_SPARE = list(IPv4Network("203.0.113.0/29"))[2:]


class Books(Protocol):
    """What is read from: the emulator's world."""

    def get(self, link: str) -> Resource | None:
        """Find by a link."""

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """All of a type."""


class _Memory:
    """Asks for each type once: the emulator gives copies."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: dict[str, list[Resource]] = {}
        self._found: dict[str, Resource | None] = {}

    def get(self, link: str) -> Resource | None:
        """Find by a link."""
        if link not in self._found:
            self._found[link] = self._books.get(link)
        return self._found[link]

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """All of a type."""
        if type not in self._known:
            self._known[type] = self._books.list(type)
        return [one for one in self._known[type] if project in (None, one.project)]


def networks(books: Books, processes: Mapping[str, int]) -> tuple[Network, ...]:
    """Read all VPCs; `processes` has the first process of each instance (by key) that lives."""
    books = _Memory(books)
    machines = [instance(found, processes) for found in books.list("compute.instances")]
    held = clusters(books)
    machines += [one.instance(processes) for one in held]
    given = _given_addresses(books)

    def read(found: Resource) -> Network:
        key = names.key(found.link)
        return _network(books, found, machines, [one for one in held if one.network == key], given)

    return tuple(read(found) for found in books.list("compute.networks"))


def _given_addresses(books: Books) -> dict[str, str]:
    """By network: the address of Cloud NAT where Google chooses it; the emulator has none of these."""
    wanting = sorted(
        names.key(one.body.get("network", ""))
        for one in books.list("compute.routers")
        if any(not nat.get("natIps") for nat in one.body.get("nats", []))
    )
    return {key: str(one) for key, one in zip(dict.fromkeys(wanting), _SPARE, strict=False)}


def instance(found: Resource, processes: Mapping[str, int]) -> Instance:
    """Read an instance."""
    body = found.body
    legs = (_nic(number, leg) for number, leg in enumerate(body.get("networkInterfaces", [])))
    return Instance(
        key=names.key(found.link),
        name=found.name,
        project=found.project,
        zone=found.location,
        running=body.get("status", "") in _RUNNING,
        process=processes.get(names.key(found.link), 0),
        forwards=bool(body.get("canIpForward")),
        tags=frozenset(body.get("tags", {}).get("items", [])),
        accounts=frozenset(account["email"] for account in body.get("serviceAccounts", [])),
        nics=tuple(leg for leg in legs if leg.address),
    )


def _nic(number: int, body: dict[str, Any]) -> Nic:
    accesses = body.get("accessConfigs") or [{}]
    return Nic(
        name=f"eth{number}",
        network=names.key(body.get("network", "")),
        subnet=names.key(body.get("subnetwork", "")),
        address=body.get("networkIP", ""),
        external=accesses[0].get("natIP"),
        aliases=_ranges(alias["ipCidrRange"] for alias in body.get("aliasIpRanges", [])),
    )


def _ranges(texts: Iterable[str]) -> tuple[IPv4Network, ...]:
    """IPv4 ranges; those of IPv6 are left out, as the fabric carries none."""
    return tuple(IPv4Network(text, strict=False) for text in texts if ":" not in text)


def _network(
    books: Books,
    found: Resource,
    machines: list[Instance],
    held: list[Cluster],
    given: Mapping[str, str],
) -> Network:
    key = names.key(found.link)

    def of(kind: str) -> list[Resource]:
        return [one for one in books.list(kind) if names.key(one.body.get("network", "")) == key]

    subnets = tuple(_subnet(one) for one in of("compute.subnetworks"))
    subnets += tuple(one.subnet for one in held)
    peerings = _peerings(books, found)
    routes = tuple(_route(one) for one in of("compute.routes"))
    return Network(
        key=key,
        mtu=int(found.body.get("mtu") or 1460),
        subnets=subnets,
        ports=tuple(
            Port("v" + names.digest(machine.key, leg.name), machine, leg)
            for machine in machines
            for leg in machine.nics
            if machine.running and machine.process and leg.network == key
        ),
        firewalls=(
            *(_firewall(one) for one in of("compute.firewalls") if not one.body.get("disabled")),
            *(one.firewall for one in held),
        ),
        routes=tuple(route for route in routes if route.hop != "subnet"),
        balancers=balancers(books, key, {subnet.key for subnet in subnets}, machines),
        peerings=peerings,
        nats=tuple(_nats(books, of("compute.routers"), subnets, given.get(key, ""))),
    )


def _subnet(found: Resource) -> Subnet:
    secondary = (one["ipCidrRange"] for one in found.body.get("secondaryIpRanges", []))
    return Subnet(
        key=names.key(found.link),
        region=found.location,
        ranges=_ranges([found.body["ipCidrRange"], *secondary]),
    )


def _firewall(found: Resource) -> Firewall:
    body = found.body
    ingress = body.get("direction", "INGRESS") == "INGRESS"
    tags = frozenset(body.get("sourceTags", []))
    accounts = frozenset(body.get("sourceServiceAccounts", []))
    said = _ranges(body.get("sourceRanges", []))
    return Firewall(
        name=found.name,
        ingress=ingress,
        allows="denied" not in body,
        priority=int(body.get("priority", 1000)),
        matches=tuple(
            Match(one["IPProtocol"].lower(), tuple(one.get("ports", [])))
            for one in body.get("denied", body.get("allowed", []))
        ),
        sources=said or (() if tags or accounts or not ingress else (_ANYWHERE,)),
        source_tags=tags,
        source_accounts=accounts,
        destinations=_ranges(body.get("destinationRanges", [])) or (_ANYWHERE,),
        target_tags=frozenset(body.get("targetTags", [])),
        target_accounts=frozenset(body.get("targetServiceAccounts", [])),
    )


def _route(found: Resource) -> Route:
    hop, to = _hop(found.body)
    return Route(
        destination=IPv4Network(found.body["destRange"], strict=False),
        priority=int(found.body.get("priority", 1000)),
        hop=hop,
        to=to,
        tags=frozenset(found.body.get("tags", [])),
    )


def _hop(body: dict[str, Any]) -> tuple[str, str]:
    """Where a route leads: the kind and what it names."""
    if body.get("nextHopInstance"):
        return "instance", names.key(body["nextHopInstance"])
    if body.get("nextHopIp"):
        return "address", body["nextHopIp"]
    if body.get("nextHopIlb"):
        return "balancer", names.key(body["nextHopIlb"])
    if names.last(body.get("nextHopGateway", "")) == _INTERNET:
        return "internet", ""
    if body.get("nextHopNetwork"):
        return "subnet", ""
    return "other", ""


def _peerings(books: Books, found: Resource) -> tuple[Peering, ...]:
    """Peerings that the other network has declared, too; others carry nothing."""
    key = names.key(found.link)
    active = []
    for mine in found.body.get("peerings", []):
        other = books.get(mine["network"])
        theirs = [
            one
            for one in (other.body.get("peerings", []) if other else [])
            if names.key(one["network"]) == key
        ]
        if other and theirs:
            imports = bool(mine.get("importCustomRoutes") and theirs[0].get("exportCustomRoutes"))
            active.append(Peering(names.key(other.link), imports))
    return tuple(active)


def _nats(
    books: Books, routers: list[Resource], subnets: tuple[Subnet, ...], usual: str
) -> Iterable[CloudNat]:
    """The NAT configurations of a network's routers; `usual` is the address of those without one."""
    for router in routers:
        local = {subnet.key: subnet for subnet in subnets if subnet.region == router.location}
        for nat in router.body.get("nats", []):
            given = [books.get(link) for link in nat.get("natIps", [])]
            named = tuple(str(one.body["address"]) for one in given if one)
            addresses = named or ((usual,) if usual else ())
            ranges = tuple(_translated(nat, local))
            if addresses and ranges:
                yield CloudNat(ranges, addresses)


def _translated(nat: dict[str, Any], subnets: dict[str, Subnet]) -> Iterable[IPv4Network]:
    """Ranges that a NAT configuration covers."""
    covers = nat.get("sourceSubnetworkIpRangesToNat", "ALL_SUBNETWORKS_ALL_IP_RANGES")
    if covers == "LIST_OF_SUBNETWORKS":
        named = (subnets.get(names.key(one["name"])) for one in nat.get("subnetworks", []))
        yield from (one.ranges[0] for one in named if one)
        return
    for subnet in subnets.values():
        yield from subnet.ranges[:1] if covers.endswith("PRIMARY_IP_RANGES") else subnet.ranges
