"""Which route counts for whom, as rules and tables of the kernel."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from tests.lab.gcp.fabric import names, reading
from tests.lab.gcp.fabric.model import Network
from tests.lab.gcp.fabric.routing import peer_link, routed, routing, views, without
from tests.unit.gcp_fabric.world import (
    REGION,
    Books,
    balancer,
    instance,
    link,
    network,
    subnet,
)

ZONE = f"{REGION}-a"
FAR = "asia-southeast2"


@pytest.fixture
def books() -> Books:
    made = Books()
    network(made)
    subnet(made, "main", "10.20.0.0/24")
    instance(made, "a", "10.20.0.2")
    instance(made, "b", "10.20.0.3", tags=("special",))
    instance(made, "nat-1", "10.20.0.4", canIpForward=True)
    instance(made, "nat-2", "10.20.0.5", canIpForward=True)
    return made


def read(books: Books, dead: tuple[str, ...] = ()) -> dict[str, Network]:
    lives = {
        key: 1 for key in books.held if "/instances/" in key and key.rpartition("/")[2] not in dead
    }
    return {found.key: found for found in reading.networks(books, lives)}


def route(books: Books, name: str, destination: str, priority: int = 1000, **body):
    of = link("networks", body.pop("of", "platform"))
    books.add("routes", name, network=of, destRange=destination, priority=priority, **body)


def seen(books: Books, host: str, dead: tuple[str, ...] = (), of: str = "platform"):
    """Routes that hold for a host: destination → next hops (names of hosts and links)."""
    networks = read(books, dead)
    own = networks[f"projects/demo/global/networks/{of}"]
    (port,) = [one for one in own.ports if one.instance.name == host]
    hosts = {one.link: one.instance.name for one in own.ports}
    (view,) = [one for one in views(own, networks) if port.link in one.links]
    return {
        str(where): [hosts.get(to, to) for _, to in hop.links]
        or [names.last(hop.balancer) or "nowhere"]
        for where, hop in view.hops
    }


def by_instance(name: str) -> dict[str, Any]:
    return {"nextHopInstance": link("instances", name, ZONE)}


def test_the_lower_number_counts_and_a_tag_decides_for_whom(books):
    route(books, "all", "0.0.0.0/0", 900, **by_instance("nat-1"))
    route(books, "some", "0.0.0.0/0", 800, tags=["special"], **by_instance("nat-2"))
    assert seen(books, "a") == {"0.0.0.0/0": ["nat-1"]}
    assert seen(books, "b") == {"0.0.0.0/0": ["nat-2"]}


def test_an_instance_that_is_off_is_passed_over(books):
    route(books, "all", "0.0.0.0/0", 900, **by_instance("nat-1"))
    assert seen(books, "a", dead=("nat-1",)) == {"0.0.0.0/0": ["internet"]}


def test_equal_routes_share(books):
    route(books, "one", "8.8.0.0/16", 900, **by_instance("nat-1"))
    route(books, "two", "8.8.0.0/16", 900, nextHopIp="10.20.0.5")
    assert seen(books, "a")["8.8.0.0/16"] == ["nat-1", "nat-2"]


def test_a_gateway_that_the_fabric_does_not_have_leads_nowhere(books):
    route(books, "vpn", "192.168.0.0/16", nextHopVpnTunnel=link("vpnTunnels", "x", REGION))
    assert seen(books, "a")["192.168.0.0/16"] == ["nowhere"]


def test_a_balancer_is_next_hop_for_what_no_nearer_route_takes(books):
    balancer(books, "lb", "10.20.0.100", ["nat-1", "nat-2"], allPorts=True)
    route(books, "out", "0.0.0.0/0", 900, nextHopIlb=link("forwardingRules", "lb", REGION))
    route(books, "near", "192.168.0.0/16", **by_instance("nat-1"))
    assert seen(books, "a")["0.0.0.0/0"] == ["lb"]
    networks = read(books)
    (own,) = networks.values()
    ((_, left),) = next(iter(routed(own, views(own, networks), networks).values()))

    def takes(address: str) -> bool:
        return any(IPv4Network(address).subnet_of(one) for one in left)

    assert takes("8.8.8.8/32")
    assert not takes("10.20.0.77/32")
    assert not takes("192.168.4.4/32")


def test_of_several_balancers_with_one_priority_one_is_taken(books):
    for name in ("lb-b", "lb-a"):
        balancer(books, name, f"10.20.0.1{ord(name[-1])}", ["nat-1"], allPorts=True)
        hop = link("forwardingRules", name, REGION)
        route(books, name, "0.0.0.0/0", 900, nextHopIlb=hop)
    assert seen(books, "a")["0.0.0.0/0"] == ["lb-a"]


def regions(books: Books) -> None:
    """Gateways behind a balancer in each of two regions, and a host with each region's tag."""
    subnet(books, "failover", "10.20.16.0/24", region=FAR)
    far: dict[str, Any] = {"subnetwork": "failover", "zone": f"{FAR}-a"}
    instance(books, "nat-f", "10.20.16.4", canIpForward=True, **far)
    instance(books, "main", "10.20.0.9", tags=("nat-main",))
    instance(books, "failover", "10.20.16.9", tags=("nat-failover",), **far)
    rule: dict[str, Any] = {"allPorts": True, "allowGlobalAccess": True}
    balancer(books, "nat-main", "10.20.0.100", ["nat-1", "nat-2"], **rule)
    balancer(books, "nat-failover", "10.20.16.100", ["nat-f"], **far, **rule)


def way_out(books: Books, name: str, by: str, priority: int) -> None:
    region = REGION if by == "nat-main" else FAR
    hop = link("forwardingRules", by, region)
    route(books, f"{name}-by-{by}", "0.0.0.0/0", priority, tags=[name], nextHopIlb=hop)


def test_each_region_goes_out_by_the_balancer_that_its_tag_leads_to(books):
    regions(books)
    for name, other in (("nat-main", "nat-failover"), ("nat-failover", "nat-main")):
        way_out(books, name, name, 800)
        way_out(books, name, other, 810)
    assert seen(books, "main")["0.0.0.0/0"] == ["nat-main"]
    assert seen(books, "failover")["0.0.0.0/0"] == ["nat-failover"]
    # Without a tag there is only Google's own default route.
    assert seen(books, "a")["0.0.0.0/0"] == ["internet"]
    # A region's gateways are passed by where the routes to them are taken away.
    for name in ("nat-main", "nat-failover"):
        del books.held[names.key(link("routes", f"{name}-by-nat-main"))]
    assert seen(books, "main")["0.0.0.0/0"] == ["nat-failover"]
    assert seen(books, "failover")["0.0.0.0/0"] == ["nat-failover"]


def test_without_tags_both_regions_would_go_by_one_balancer(books):
    regions(books)
    for by, region in (("nat-main", REGION), ("nat-failover", FAR)):
        hop = link("forwardingRules", by, region)
        route(books, by, "0.0.0.0/0", 800, nextHopIlb=hop)
    taken = {tuple(seen(books, host)["0.0.0.0/0"]) for host in ("main", "failover")}
    assert len(taken) == 1


def test_a_marked_connection_goes_to_its_member(books):
    networks = read(books)
    (own,) = networks.values()
    written = routing(own, views(own, networks), networks, ["10.20.0.4", "10.20.0.99"])
    number = names.number("10.20.0.4")
    nat = next(one.link for one in own.ports if one.instance.name == "nat-1")
    assert f"100: from all fwmark {number:#x} lookup {number}" in written.rules
    assert f"{number} default via 10.20.0.4 dev {nat}" in written.routes
    # Whose host is dead gets nothing, and nobody else gets it instead.
    assert f"{names.number('10.20.0.99')} blackhole default" in written.routes


def test_a_changed_table_has_another_number(books):
    networks = read(books)
    (own,) = networks.values()
    before = {view.table for view in views(own, networks)}
    route(books, "more", "8.0.0.0/8", **by_instance("nat-1"))
    networks = read(books)
    (own,) = networks.values()
    assert not before & {view.table for view in views(own, networks)}


def peer(books: Books, exports: bool, imports: bool, both: bool = True) -> None:
    network(books, "hub")
    subnet(books, "hub", "10.30.0.0/24", of="hub")
    instance(books, "h", "10.30.0.2", subnetwork="hub", of="hub")
    here, there = "projects/demo/global/networks/platform", "projects/demo/global/networks/hub"
    mine = {"network": link("networks", "hub"), "importCustomRoutes": imports}
    theirs = {"network": link("networks", "platform"), "exportCustomRoutes": exports}
    books.held[here].body["peerings"] = [mine]
    books.held[there].body["peerings"] = [theirs] if both else []
    route(books, "far", "192.168.7.0/24", of="hub", nextHopIp="10.30.0.2")


@pytest.mark.parametrize(
    "exports, imports, both, comes",
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
def test_a_peer_s_routes_come_where_both_want_it(books, exports, imports, both, comes):
    peer(books, exports, imports, both)
    here, there = "projects/demo/global/networks/platform", "projects/demo/global/networks/hub"
    found = seen(books, "a")
    assert found.get("192.168.7.0/24") == ([peer_link(here, there)] if comes else None)
    assert found["0.0.0.0/0"] == ["internet"]


def test_a_peer_s_subnetworks_are_reached(books):
    peer(books, exports=False, imports=False)
    networks = read(books)
    here, there = sorted(networks, reverse=True)
    own = networks[here]
    written = routing(own, views(own, networks), networks, [])
    assert f"500 10.30.0.0/24 via 169.254.0.1 dev {peer_link(here, there)}" in written.routes


def test_what_is_left_of_a_range():
    left = without(IPv4Network("10.0.0.0/30"), [IPv4Network("10.0.0.1/32")])
    assert list(map(str, left)) == ["10.0.0.0/32", "10.0.0.2/31"]
    assert without(IPv4Network("10.0.0.0/30"), [IPv4Network("10.0.0.0/8")]) == []
