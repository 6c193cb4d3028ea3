"""A small world of resources, as the emulator has them in its books."""

from __future__ import annotations

from typing import Any

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import names

URL = "https://www.googleapis.com/compute/v1/"
PROJECT = "demo"
REGION = "asia-southeast1"


class Books:
    """The part of the emulator that a fabric looks at; also a `World`."""

    def __init__(self) -> None:
        self.held: dict[str, Resource] = {}

    def get(self, link: str) -> Resource | None:
        return self.held.get(names.key(link))

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        return [
            one for one in self.held.values() if one.type == type and project in (None, one.project)
        ]

    def update(self, link: str, fields: dict[str, Any]) -> None:
        self.held[names.key(link)].body.update(fields)

    def add(self, kind: str, name: str, location: str = "global", **body: Any) -> Resource:
        place = (
            "global"
            if location == "global"
            else f"{'zones' if location[-2] == '-' else 'regions'}/{location}"
        )
        collection = {"regionBackendServices": "backendServices"}.get(kind, kind)
        key = f"projects/{PROJECT}/{place}/{collection}/{name}"
        made = Resource(f"compute.{kind}", PROJECT, location, name, body, URL + key)
        self.held[key] = made
        return made


def link(kind: str, name: str, location: str = "global") -> str:
    place = (
        "global"
        if location == "global"
        else f"{'zones' if location[-2] == '-' else 'regions'}/{location}"
    )
    return f"{URL}projects/{PROJECT}/{place}/{kind}/{name}"


def network(books: Books, name: str = "platform", **body: Any) -> Resource:
    made = books.add("networks", name, **body)
    internet = link("gateways", "default-internet-gateway")
    books.add(
        "routes",
        f"{name}-default",
        network=made.link,
        destRange="0.0.0.0/0",
        priority=1000,
        nextHopGateway=internet,
    )
    return made


def subnet(
    books: Books, name: str, cidr: str, of: str = "platform", region: str = REGION, **body: Any
) -> Resource:
    return books.add(
        "subnetworks", name, region, network=link("networks", of), ipCidrRange=cidr, **body
    )


def instance(
    books: Books,
    name: str,
    address: str,
    subnetwork: str = "main",
    of: str = "platform",
    external: str = "",
    tags: tuple[str, ...] = (),
    zone: str = f"{REGION}-a",
    **body: Any,
) -> Resource:
    leg: dict[str, Any] = {
        "network": link("networks", of),
        "subnetwork": link("subnetworks", subnetwork, zone.rpartition("-")[0]),
        "networkIP": address,
    }
    if external:
        leg["accessConfigs"] = [{"natIP": external}]
    return books.add(
        "instances",
        name,
        zone,
        networkInterfaces=[leg],
        tags={"items": list(tags)},
        status="RUNNING",
        **body,
    )


def firewall(books: Books, name: str, of: str = "platform", **body: Any) -> Resource:
    return books.add("firewalls", name, network=link("networks", of), **body)


def balancer(
    books: Books,
    name: str,
    address: str,
    members: list[str],
    check: dict[str, Any] | None = None,
    of: str = "platform",
    subnetwork: str = "main",
    zone: str = f"{REGION}-a",
    service: dict[str, Any] | None = None,
    **rule: Any,
) -> Resource:
    """An internal passthrough balancer with its service, group and check."""
    region = zone.rpartition("-")[0]
    group = books.add(
        "instanceGroups",
        f"{name}-group",
        zone,
        network=link("networks", of),
        instances=[link("instances", one, zone) for one in members],
    )
    checks = []
    if check:
        checks = [books.add("regionHealthChecks", f"{name}-check", region, **check).link]
    made = books.add(
        "regionBackendServices",
        f"{name}-service",
        region,
        backends=[{"group": group.link}],
        healthChecks=checks,
        **(service or {}),
    )
    return books.add(
        "forwardingRules",
        name,
        region,
        IPAddress=address,
        loadBalancingScheme="INTERNAL",
        backendService=made.link,
        network=link("networks", of),
        subnetwork=link("subnetworks", subnetwork, region),
        **rule,
    )
