"""Role gcp_nat_gateway: gateways in zones of their own, addresses that stay, and routes that win where they should."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.gcp_roles.roles import REGION, ROOT, Refused, declare, environment, of

STAGING = "staging"


def test_each_gateway_has_a_zone_and_an_address_of_its_own() -> None:
    gateways = of(environment(STAGING), "compute.instances")
    assert set(gateways) == {"nat-main-1", "nat-main-2", "nat-failover-1", "nat-failover-2"}
    assert len({each["zone"] for each in gateways.values()}) == 4
    for name, each in gateways.items():
        interface = each["body"]["networkInterfaces"][0]
        assert interface["accessConfigs"][0]["natIP"]["name"] == name
        assert each["body"]["canIpForward"] is True
        assert each["body"]["status"] == "RUNNING"
    assert set(of(environment(STAGING), "compute.addresses")) == set(gateways)


def test_the_gateways_account_has_no_rights() -> None:
    bindings = of(environment(STAGING), "iam.bindings").values()
    assert not [each for each in bindings if "nat-gateway" in str(each["body"]["members"])]


def routes(
    inventory: str = STAGING, **changes: Any
) -> dict[str, tuple[str, int, tuple[str, ...], str]]:
    """Routes to gateways by name: next hop, priority, tags, state."""
    declared = declare(inventory, ["gcp_nat_gateway"], changes)
    return {
        name: (
            each["body"]["nextHopIlb"]["name"],
            each["body"]["priority"],
            tuple(each["body"]["tags"]),
            each.get("state", "present"),
        )
        for name, each in of(declared, "compute.routes").items()
    }


def test_private_hosts_go_by_the_gateways_of_their_region_then_by_the_others() -> None:
    assert routes() == {
        "platform-nat-main": ("nat-main", 800, ("nat-main",), "present"),
        "platform-nat-main-by-failover": ("nat-failover", 810, ("nat-main",), "present"),
        "platform-nat-failover": ("nat-failover", 800, ("nat-failover",), "present"),
        "platform-nat-failover-by-main": ("nat-main", 810, ("nat-failover",), "present"),
    }
    for rule in of(environment(STAGING), "compute.forwardingRules").values():
        # Who is sent here from another region would be dropped without global access.
        if rule["name"].startswith("nat-"):
            assert (rule["body"]["allPorts"], rule["body"]["allowGlobalAccess"]) == (True, True)


def test_no_two_balancers_have_routes_of_one_priority_for_one_host() -> None:
    for inventory in ("hub", STAGING, "production"):
        seen = [
            (priority, tag)
            for _, priority, tags, _ in routes(inventory).values()
            for tag in tags or ("everybody",)
        ]
        assert len(set(seen)) == len(seen)


def test_hosts_of_a_region_without_gateways_go_by_those_of_another_one() -> None:
    assert routes("hub")["platform-nat-failover-by-main"] == (
        "nat-main",
        800,
        ("nat-failover",),
        "present",
    )


def test_gateways_of_a_region_that_failed_are_passed_by() -> None:
    found = routes(gcp_nat_gateway_bypassed=["main"])
    assert {name for name, route in found.items() if route[3] == "absent"} == {
        "platform-nat-main",
        "platform-nat-failover-by-main",
    }
    assert found["platform-nat-main-by-failover"][:2] == ("nat-failover", 810)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"gcp_nat_gateway_bypassed": ["main", "failover"]}, "no_way_out"),
        ({"gcp_nat_gateway_bypassed": ["mian"]}, "unknown_region: gcp_nat_gateway_bypassed"),
        ({"gcp_nat_gateway_private_tags": {"main": "nat-main"}}, "tag_missing"),
        ({"gcp_nat_gateway_private_tags": {"main": "out", "failover": "out"}}, "tag_twice"),
        ({"gcp_nat_gateway_private_tags": {"main": "nat", "failover": "far"}}, "tag_of_gateways"),
    ],
)
def test_routes_that_cannot_be_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        routes(**changes)


def test_gateways_go_out_by_themselves() -> None:
    own = of(environment(STAGING), "compute.routes")["platform-internet"]["body"]
    # Google's own default route has 1000; smaller numbers win.
    assert own["priority"] < min(route[1] for route in routes().values())
    assert max(route[1] for route in routes().values()) < 1000
    tags = of(environment(STAGING), "compute.instances")["nat-main-1"]["body"]["tags"]["items"]
    assert set(own["tags"]) & set(tags)
    assert not set(tags) & {"nat-main", "nat-failover"}


PRIVATE = ("gcp_bastion", "gcp_database_cluster", "gcp_kubernetes_cluster")


def carried(each: dict[str, Any]) -> list[str]:
    """Tags of a VM, or of the nodes of a pool."""
    body = each["body"]
    found: list[str] = (
        body["tags"]["items"] if each["type"] == "compute.instances" else body["config"]["tags"]
    )
    return found


@pytest.mark.parametrize("inventory", [STAGING, "production"])
def test_every_private_host_has_the_tag_of_its_region(inventory: str) -> None:
    hosts = [
        each
        for each in declare(inventory, PRIVATE)
        if each["type"] in ("compute.instances", "container.nodePools")
    ]
    assert len(hosts) >= 9
    for each in hosts:
        place = each.get("zone") or each["location"]
        expected = "nat-main" if place.startswith(REGION) else "nat-failover"
        assert [tag for tag in carried(each) if tag.startswith("nat-")] == [expected], each["name"]


@pytest.mark.parametrize("role", PRIVATE)
def test_private_hosts_without_a_tag_are_refused(role: str) -> None:
    with pytest.raises(Refused, match=r"no_way_out: (instance|node pool) "):
        declare(STAGING, [role], {"gcp_nat_gateway_private_tags": {}})


def test_a_host_with_the_tags_of_two_regions_is_refused() -> None:
    with pytest.raises(
        Refused, match="two_ways_out: instance bastion has the tags nat-failover and"
    ):
        declare(STAGING, ["gcp_bastion"], {"gcp_bastion_tags": ["ssh", "nat-failover"]})


def test_health_is_asked_where_the_host_role_tells_it() -> None:
    defaults = ROOT / "roles/nat_gateway/defaults/main.yml"
    check = of(environment(STAGING), "compute.regionHealthChecks")["nat-main"]["body"]
    assert check["httpHealthCheck"]["requestPath"] == "/health"
    # A dead gateway is out within the 5 s that new connections may wait.
    assert check["checkIntervalSec"] * check["unhealthyThreshold"] + check["timeoutSec"] < 5
    if defaults.exists():
        port = yaml.safe_load(defaults.read_text(encoding="utf-8"))["nat_gateway_health_port"]
        assert check["httpHealthCheck"]["port"] == port


def test_googles_own_service_takes_the_same_addresses() -> None:
    declared = declare(STAGING, ["gcp_nat_gateway"], {"gcp_nat_gateway_kind": "cloud_nat"})
    assert {each["type"] for each in declared} == {"compute.addresses", "compute.routers"}
    nat = of(declared, "compute.routers")["nat-main"]["body"]["nats"][0]
    assert [each["name"] for each in nat["natIps"]] == ["nat-main-1", "nat-main-2"]
    assert set(of(declared, "compute.addresses")) == set(
        of(environment(STAGING), "compute.addresses")
    )


def test_more_gateways_than_zones_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        declare(STAGING, ["gcp_nat_gateway"], {"gcp_nat_gateway_count": 4})
    assert "gcp_zones.main has fewer than the 4 gateways" in str(refused.value)


CLOUD_NAT = {"gcp_nat_gateway_kind": "cloud_nat"}


def test_googles_own_service_has_no_zones() -> None:
    declared = declare(STAGING, ["gcp_nat_gateway"], {**CLOUD_NAT, "gcp_nat_gateway_count": 4})
    assert len(of(declared, "compute.addresses")) == 8


def test_googles_own_service_is_wanted_in_every_region_with_hosts() -> None:
    only_main = {**CLOUD_NAT, "gcp_nat_gateway_regions": ["main"]}
    with pytest.raises(Refused, match="no_way_out: gcp_network_subnetworks has hosts in failover"):
        declare(STAGING, ["gcp_nat_gateway"], only_main)
    # The hub has no subnetwork there.
    assert of(declare("hub", ["gcp_nat_gateway"], only_main), "compute.routers").keys() == {
        "nat-main"
    }
    # A subnetwork is of the region that it is called after, where it says nothing else.
    named = {"gcp_network_subnetworks": {"failover": {"range": "10.20.16.0/20"}}}
    with pytest.raises(Refused, match="hosts in failover"):
        declare(STAGING, ["gcp_nat_gateway"], {**only_main, **named})
