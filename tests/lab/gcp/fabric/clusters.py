"""Clusters of container.v1 as the network sees them: one host, which is control plane and node.

It stands in the range of the control plane with the private endpoint as its address. A cluster that
is created with nodes gets a host that runs pods; others are simulated, any number of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Protocol

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.model import Firewall, Instance, Match, Nic, Subnet

_ANYWHERE = IPv4Network("0.0.0.0/0")
#: Where no range was given for the control plane.
_USUAL = "172.16.0.0/28"
#: Memory for each core, by the family's word, in GiB.
_MEMORY = {"standard": 4, "highmem": 8, "highcpu": 1}


class Books(Protocol):
    """What is read from: the emulator's world."""

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """All of a type."""


@dataclass(frozen=True)
class Cluster:
    """A cluster with the host that plays it."""

    key: str
    name: str
    project: str
    location: str
    network: str
    control_plane: IPv4Network
    pods: IPv4Network
    services: IPv4Network

    @property
    def host(self) -> str:
        """Name of its host."""
        return f"gke-{self.name}"

    @property
    def endpoint(self) -> str:
        """Address of its API, at port 443."""
        return str(self.control_plane[2])

    @property
    def subnet(self) -> Subnet:
        """The control plane's range as a subnetwork."""
        return Subnet(self.key, self.location, (self.control_plane,))

    @property
    def firewall(self) -> Firewall:
        """Its endpoint is open to the network, to its peers and to the controller.

        So are the ports of Services on its node, which in reality a load balancer alone would ask.
        """
        return Firewall(
            name=self.host,
            ingress=True,
            allows=True,
            priority=0,
            matches=(Match("tcp", ("443", "6443", "30000-32767")), Match("icmp")),
            sources=(_ANYWHERE,),
            source_tags=frozenset(),
            source_accounts=frozenset(),
            destinations=(_ANYWHERE,),
            target_tags=frozenset({self.host}),
            target_accounts=frozenset(),
        )

    def instance(self, processes: Mapping[str, int]) -> Instance:
        """Its host as an instance."""
        leg = Nic("eth0", self.network, self.key, self.endpoint, behind=(self.pods,))
        return Instance(
            key=self.key,
            name=self.host,
            project=self.project,
            zone=f"{self.location}-a",
            running=True,
            process=processes.get(self.key, 0),
            forwards=True,
            tags=frozenset({self.host}),
            accounts=frozenset(),
            nics=(leg,),
        )


def clusters(books: Books) -> list[Cluster]:
    """Read all clusters."""
    return [cluster(one) for one in books.list("container.clusters")]


def cluster(found: Resource) -> Cluster:
    """Read a cluster."""
    body = found.body
    private = body.get("privateClusterConfig", {})
    ranges = body.get("ipAllocationPolicy", {})
    network = body.get("networkConfig", {}).get("network", "")
    return Cluster(
        key=names.key(found.link),
        name=found.name,
        project=found.project,
        location=found.location,
        network=names.key(network),
        control_plane=IPv4Network(private.get("masterIpv4CidrBlock") or _USUAL),
        pods=IPv4Network(ranges.get("clusterIpv4CidrBlock", "10.4.0.0/14")),
        services=IPv4Network(ranges.get("servicesIpv4CidrBlock", "34.118.224.0/20")),
    )


def pools(found: list[Resource]) -> dict[str, dict[str, Any]]:
    """Node pools as role `lab_kubernetes` takes them: nodes of all zones, what each has."""
    return {
        one.name: {
            "count": int(one.body.get("initialNodeCount", 0))
            * len(one.body.get("locations", [""])),
            **_capacity(one.body.get("config", {}).get("machineType", "")),
        }
        for one in found
    }


def _capacity(machine: str) -> dict[str, str]:
    """Cores and memory of a machine type by its name; e2-medium's are two and four."""
    match = re.fullmatch(r"\w+-(standard|highmem|highcpu)-(\d+)", machine)
    family, cores = (match[1], int(match[2])) if match else ("highcpu", 2)
    return {"cpu": str(cores), "memory": f"{max(4, cores * _MEMORY[family])}Gi"}
