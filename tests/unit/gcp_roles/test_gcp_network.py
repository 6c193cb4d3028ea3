"""Role gcp_network: who gets in, which way out is taken, and which networks cannot be."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.places import (
    place_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.ranges import (
    range_problems,
)

from tests.unit.gcp_roles.roles import PROJECTS, Refused, declare, environment, of


@pytest.mark.parametrize("inventory", PROJECTS)
def test_the_world_gets_in_nowhere(inventory: str) -> None:
    rules = [each["body"] for each in of(environment(inventory), "compute.firewalls").values()]
    open_to_all = [rule for rule in rules if "0.0.0.0/0" in rule["sourceRanges"]]
    assert [rule.get("denied") for rule in open_to_all] == [[{"IPProtocol": "all"}]]
    assert open_to_all[0]["logConfig"]["enable"]
    assert open_to_all[0]["priority"] == max(rule["priority"] for rule in rules)
    ssh = [
        rule
        for rule in rules
        if any("22" in each.get("ports", ()) for each in rule.get("allowed", ()))
    ]
    assert [(rule["sourceRanges"], rule["targetTags"]) for rule in ssh] == [
        (["35.235.240.0/20"], ["ssh"])
    ]


@pytest.mark.parametrize("inventory", PROJECTS)
def test_rules_that_somebody_switches_off_differ(inventory: str) -> None:
    rules = of(environment(inventory), "compute.firewalls").values()
    assert {rule["body"].get("disabled") for rule in rules} == {False}


def test_a_rule_of_ones_own_is_taken_away() -> None:
    own = {
        "metrics": {"from": ["10.0.0.0/8"], "allow": ["tcp:9100"]},
        "old": {"state": "absent"},
    }
    rules = of(
        declare("staging", ["gcp_network"], {"gcp_network_firewalls": own}), "compute.firewalls"
    )
    assert rules["platform-old"]["state"] == "absent"
    assert "state" not in rules["platform-metrics"]


def test_all_hosts_reach_one_another_by_the_last_rule_that_allows() -> None:
    rules = of(environment("staging"), "compute.firewalls")
    internal = rules["platform-allow-internal"]["body"]
    assert internal["allowed"] == [{"IPProtocol": "all"}]
    assert internal["sourceRanges"] == [
        "10.20.0.0/20",
        "10.20.16.0/20",
        "10.64.0.0/14",
        "10.68.0.0/14",
    ]
    allowing = [rule["body"]["priority"] for rule in rules.values() if "allowed" in rule["body"]]
    assert internal["priority"] == max(allowing)


def test_subnetworks_are_private_with_ranges_and_logs() -> None:
    for subnetwork in of(environment("production"), "compute.subnetworks").values():
        body = subnetwork["body"]
        assert body["privateIpGoogleAccess"] is True
        assert [each["rangeName"] for each in body["secondaryIpRanges"]] == ["pods", "services"]
        assert body["logConfig"]["enable"] is True
    assert of(environment("staging"), "compute.networks")["platform"]["body"] == {
        "autoCreateSubnetworks": False,
        "routingConfig": {"routingMode": "GLOBAL"},
    }


def peerings(inventory: str) -> set[tuple[str, str]]:
    return {
        (PROJECTS[inventory], each["body"]["peerNetwork"].split("/")[1])
        for each in of(environment(inventory), "compute.networkPeerings").values()
    }


def test_each_side_of_a_peering_is_declared() -> None:
    there = peerings("hub")
    back = peerings("staging") | peerings("production")
    assert len(there) == 2
    assert {(ours, theirs) for theirs, ours in there} == back


def test_networks_that_are_joined_do_not_overlap() -> None:
    ranges = [
        (inventory, name, ipaddress.ip_network(text))
        for inventory in PROJECTS
        for name, each in of(environment(inventory), "compute.subnetworks").items()
        for text in (
            each["body"]["ipCidrRange"],
            *(second["ipCidrRange"] for second in each["body"]["secondaryIpRanges"]),
        )
    ]
    together = [
        (one, other)
        for number, one in enumerate(ranges)
        for other in ranges[number + 1 :]
        if one[2].overlaps(other[2])
    ]
    assert together == []


def test_what_a_peer_is_said_to_have_is_what_it_has() -> None:
    for inventory, peer in (("staging", "hub"), ("production", "hub")):
        ours = of(environment(inventory), "compute.subnetworks").values()
        name = PROJECTS[inventory].removeprefix("project-1-")
        let_in = of(environment(peer), "compute.firewalls")[f"platform-allow-{name}"]["body"][
            "sourceRanges"
        ]
        for each in ours:
            for text in (
                each["body"]["ipCidrRange"],
                each["body"]["secondaryIpRanges"][0]["ipCidrRange"],
            ):
                assert any(
                    ipaddress.IPv4Network(text).subnet_of(ipaddress.IPv4Network(wide))
                    for wide in let_in
                ), (text, let_in)


SUBNETWORKS = {"main": {"region": "main", "range": "10.20.0.0/20", "pods": "10.64.0.0/14"}}


@pytest.mark.parametrize(
    "subnetworks, peerings, others, said",
    [
        (SUBNETWORKS, {}, {}, ""),
        ({"main": {"range": "10.20.0.1/20"}}, {}, {}, "bad_range: gcp_network_subnetworks.main.range"),
        (SUBNETWORKS, {"hub": {"ranges": ["10.65.0.0/16"]}}, {}, "overlap: gcp_network_peerings.hub.ranges"),
        (SUBNETWORKS, {}, {"master": "10.20.1.0/28"}, "overlap: master (10.20.1.0/28) overlaps with"),
        (SUBNETWORKS, {}, {"master": ""}, ""),
        ({"main": {"range": "10.20.0.0/30"}}, {}, {}, "range_too_small: gcp_network_subnetworks.main.range"),
        ({"main": {"range": "10.20.0.0/20", "pods": "10.64.0.0/25"}}, {}, {}, "has to be a /24 or larger"),
    ],
)  # fmt: skip
def test_ranges(subnetworks: Any, peerings: Any, others: Any, said: str) -> None:
    found = range_problems(subnetworks, peerings, others)
    assert len(found) == bool(said), found
    assert said in "".join(found)


@pytest.mark.parametrize(
    "zones, used, said",
    [
        (["asia-southeast1-a"], ["main"], ""),
        (["asia-southeast2-a"], [], "zone_outside_region: gcp_zones.main: 'asia-southeast2-a' is not in"),
        (["asia-southeast1"], [], "zone_outside_region"),
        ([], [], "zones_missing: gcp_zones has none for 'main'"),
        (["asia-southeast1-a"], ["mian"], "unknown_region: 'mian' is used, and gcp_regions has main"),
    ],
)  # fmt: skip
def test_places(zones: list[str], used: list[str], said: str) -> None:
    found = place_problems({"main": "asia-southeast1"}, {"main": zones}, used)
    assert len(found) == bool(said), found
    assert said in "".join(found)


def test_a_network_that_cannot_be_is_refused_with_all_that_is_wrong() -> None:
    changes = {
        "gcp_network_control_plane_ranges": {"main": "10.20.1.0/28"},
        "gcp_network_firewalls": {"Bad_Name": {"allow": ["tcp:1"], "from": ["10.0.0.0/8"]}},
    }
    with pytest.raises(Refused) as refused:
        declare("staging", ["gcp_network"], changes)
    assert "overlap: gcp_network_control_plane_ranges.main" in str(refused.value)
    assert "'Bad_Name' is no name of a resource" in str(refused.value)
