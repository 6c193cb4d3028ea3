"""Clusters in their network, and Cloud NAT's addresses."""

from __future__ import annotations

import pytest

from tests.lab.gcp.fabric import reading
from tests.lab.gcp.fabric.clusters import pools
from tests.lab.gcp.fabric.routing import routing, views
from tests.unit.gcp_fabric.world import PROJECT, REGION, Books, link, network, subnet

KEY = f"projects/{PROJECT}/locations/{REGION}/clusters/main"


def world() -> Books:
    books = Books()
    network(books)
    pods = [{"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"}]
    subnet(books, "main", "10.20.0.0/24", secondaryIpRanges=pods)
    made = books.add("clusters", "main", REGION)
    body = {
        "networkConfig": {"network": f"projects/{PROJECT}/global/networks/platform"},
        "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.16/28"},
        "ipAllocationPolicy": {
            "clusterIpv4CidrBlock": "10.64.0.0/14",
            "servicesIpv4CidrBlock": "10.96.0.0/20",
        },
    }
    books.held = {key: one for key, one in books.held.items() if one is not made}
    books.held[KEY] = type(made)("container.clusters", PROJECT, REGION, "main", body, KEY)
    return books


def test_the_endpoint_is_a_host_and_pods_are_behind_it():
    (own,) = reading.networks(world(), {KEY: 1})
    (port,) = own.ports
    assert (port.nic.address, port.instance.name) == ("172.16.0.18", "gke-main")
    written = routing(own, views(own, {}), {}, []).routes
    assert f"500 10.64.0.0/14 via 172.16.0.18 dev {port.link}" in written
    # One route for each destination: that of nobody gives way.
    assert "500 blackhole 10.64.0.0/14" not in written
    assert "500 blackhole 172.16.0.16/28" in written


def test_without_its_host_nobody_has_the_pods():
    (own,) = reading.networks(world(), {})
    assert "500 blackhole 10.64.0.0/14" in routing(own, views(own, {}), {}, []).routes


@pytest.mark.parametrize(
    "machine, cpu, memory",
    [("n2-standard-4", "4", "16Gi"), ("n2-highmem-8", "8", "64Gi"), ("e2-medium", "2", "4Gi")],
)
def test_a_pool_has_nodes_of_all_zones(machine, cpu, memory):
    pool = Books().add("x", "primary", initialNodeCount=2, locations=["a", "b", "c"])
    pool.body["config"] = {"machineType": machine}
    assert pools([pool]) == {"primary": {"count": 6, "cpu": cpu, "memory": memory}}


def test_networks_whose_nat_has_no_address_get_one_each():
    books = Books()
    for name in ("a", "b"):
        network(books, name)
        books.add(
            "subnetworks", name, REGION, network=link("networks", name), ipCidrRange="10.0.0.0/24"
        )
        books.add("routers", name, REGION, network=link("networks", name), nats=[{"name": "nat"}])
    found = [one.nats[0].addresses for one in reading.networks(books, {})]
    assert found == [("203.0.113.2",), ("203.0.113.3",)]
