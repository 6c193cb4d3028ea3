"""Passthrough load balancers as the emulator's resources describe them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, Protocol

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.model import Balancer, HealthCheck, Instance, Member, Network

_CHECKS = {
    "TCP": ("tcpHealthCheck", 80),
    "SSL": ("sslHealthCheck", 443),
    "HTTP": ("httpHealthCheck", 80),
    "HTTPS": ("httpsHealthCheck", 443),
    "HTTP2": ("http2HealthCheck", 443),
}


class Books(Protocol):
    """What is read from: the emulator's world."""

    def get(self, link: str) -> Resource | None:
        """Find by a link."""

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """All of a type."""


def balancers(
    books: Books, network: str, subnets: set[str], machines: list[Instance]
) -> tuple[Balancer, ...]:
    """Passthrough balancers of a network: internal ones, and external ones with members in it."""
    found = (_balancer(books, rule, network, subnets, machines) for rule in _rules(books))
    return tuple(one for one in found if one)


def _rules(books: Books) -> Iterable[Resource]:
    for rule in books.list("compute.forwardingRules"):
        if rule.body.get("backendService") and rule.body.get("IPAddress"):
            yield rule


def _balancer(
    books: Books, rule: Resource, network: str, subnets: set[str], machines: list[Instance]
) -> Balancer | None:
    service = books.get(rule.body["backendService"])
    if service is None:
        return None
    external = rule.body.get("loadBalancingScheme", "EXTERNAL") == "EXTERNAL"
    members = tuple(_members(books, service, network, machines))
    at_home = (
        bool(members)
        if external
        else names.key(rule.body.get("network", "")) == network
        or names.key(rule.body.get("subnetwork", "")) in subnets
    )
    if not at_home:
        return None
    body, failover = service.body, service.body.get("failoverPolicy", {})
    protocol = rule.body.get("IPProtocol", "TCP").lower()
    return Balancer(
        key=names.key(rule.link),
        service=names.key(service.link),
        address=rule.body["IPAddress"],
        protocol=protocol if protocol in ("tcp", "udp") else "",
        ports=_ports(rule.body),
        external=external,
        members=members,
        check=health_check(books, service),
        affinity=body.get("sessionAffinity", "NONE"),
        persistence=body.get("connectionTrackingPolicy", {}).get(
            "connectionPersistenceOnUnhealthyBackends", "DEFAULT_FOR_PROTOCOL"
        ),
        drop_if_unhealthy=bool(failover.get("dropTrafficIfUnhealthy")),
        failover_ratio=float(failover.get("failoverRatio", 0)),
        draining=int(body.get("connectionDraining", {}).get("drainingTimeoutSec", 0)),
        region=rule.location,
        global_access=bool(rule.body.get("allowGlobalAccess")),
    )


def _ports(body: dict[str, Any]) -> tuple[str, ...]:
    if body.get("allPorts"):
        return ()
    if body.get("portRange"):
        return (body["portRange"],)
    return tuple(body.get("ports", []))


def _members(
    books: Books, service: Resource, network: str, machines: list[Instance]
) -> Iterable[Member]:
    by_key = {machine.key: machine for machine in machines}
    for backend in service.body.get("backends", []):
        group = books.get(backend["group"])
        for link in members_of(group) if group else []:
            machine = by_key.get(names.key(link))
            for leg in machine.nics if machine else ():
                if machine and leg.network == network:
                    yield Member(machine.key, leg.address, bool(backend.get("failover")))


def members_of(group: Resource) -> list[str]:
    """Links of a group's instances."""
    return [
        one["instance"] if isinstance(one, dict) else one for one in group.body.get("instances", [])
    ]


def health_check(books: Books, service: Resource) -> HealthCheck | None:
    """The first health check of a backend service."""
    links = service.body.get("healthChecks", [])
    found = books.get(links[0]) if links else None
    if found is None:
        return None
    body, kind = found.body, found.body.get("type", "TCP")
    field, port = _CHECKS.get(kind, _CHECKS["TCP"])
    options = body.get(field, {})
    return HealthCheck(
        key=names.key(found.link),
        kind=kind,
        port=int(options.get("port", port)),
        interval=float(body.get("checkIntervalSec", 5)),
        timeout=float(body.get("timeoutSec", 5)),
        healthy=int(body.get("healthyThreshold", 2)),
        unhealthy=int(body.get("unhealthyThreshold", 2)),
        path=options.get("requestPath", "/"),
        host=options.get("host", ""),
        response=options.get("response", ""),
    )


def backend_health(
    service: str, group: list[str], networks: Iterable[Network], healthy: Set[tuple[str, str]]
) -> dict[str, Any]:
    """Tell which of a group's instances (keys) are healthy, as getHealth does."""
    states = [
        {
            "instance": f"https://www.googleapis.com/compute/v1/{one.instance}",
            "ipAddress": one.address,
            "port": balancer.check.port if balancer.check else 0,
            "forwardingRuleIp": balancer.address,
            "healthState": "HEALTHY" if (service, one.address) in healthy else "UNHEALTHY",
        }
        for network in networks
        for balancer in network.balancers
        if balancer.service == service
        for one in balancer.members
        if one.instance in group
    ]
    kind = "compute#backendServiceGroupHealth"
    return {"kind": kind, **({"healthStatus": states} if states else {})}
