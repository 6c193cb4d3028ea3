from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.apply import GONE, ordered
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import (
    Allowed,
    Step,
    plan,
)

from tests.unit.gcp.world import PROJECT, REGION, a_cloud, handlers

URL = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}"
NETWORK = "- {type: compute.networks, name: platform, body: {autoCreateSubnetworks: false}}\n"
SUBNETWORK = """
- type: compute.subnetworks
  name: main
  body: {network: platform, ipCidrRange: 10.20.0.0/20}
"""
INSTANCE = """
- type: compute.instances
  name: db
  zone: asia-southeast1-a
  body:
    machineType: n2-standard-4
    disks: [{boot: true}, {source: data}]
    networkInterfaces: [{subnetwork: {type: compute.subnetworks, name: main}}]
"""
DISK = "- {type: compute.disks, name: data, zone: asia-southeast1-a, body: {sizeGb: 100}}\n"
GROUP = (
    "- {type: compute.instanceGroups, name: db, zone: asia-southeast1-a, body: {instances: [db]}}\n"
)


def live_instance(machine: str = "n2-standard-4") -> dict[str, Any]:
    zone = f"{URL}/zones/asia-southeast1-a"
    return {
        "status": "RUNNING",
        "machineType": f"{zone}/machineTypes/{machine}",
        "disks": [
            {"boot": True, "deviceName": "boot", "source": f"{zone}/disks/db"},
            {"deviceName": "data", "source": f"{zone}/disks/data"},
        ],
        "networkInterfaces": [{"subnetwork": f"{URL}/regions/{REGION}/subnetworks/main"}],
    }


def planned(text: str, live: dict[str, Any], allowed: Allowed | None = None) -> dict[str, Step]:
    """The plan where so much of it is there; `live` is by short key."""
    cloud, _client = a_cloud()
    own = handlers(cloud, text)
    seen = {each.resource.key: live.get(each.resource.name) for each in own}
    steps = plan(own, seen, allowed or Allowed())
    return {step.resource.name: step for step in steps}


def test_what_is_not_there_is_made():
    steps = planned(NETWORK + SUBNETWORK, {})
    assert [step.action for step in steps.values()] == ["create", "create"]


def test_what_is_as_declared_is_left():
    live = {"platform": {"autoCreateSubnetworks": False, "mtu": 1460}}
    assert planned(NETWORK, live)["platform"].action == "unchanged"


@pytest.mark.parametrize(
    "before, action",
    [("10.20.0.0/21", "update"), ("10.20.0.0/19", "refused"), ("10.30.0.0/20", "refused")],
)
def test_ranges_only_grow(before, action):
    live = {"main": {"network": f"{URL}/global/networks/platform", "ipCidrRange": before}}
    step = planned(NETWORK + SUBNETWORK, live)["main"]
    assert step.action == action
    if action == "refused":
        assert step.reason == "needs_replace"
        assert "allow_replace: [compute.subnetworks/asia-southeast1/main]" in step.why


@pytest.mark.parametrize(
    "size, action", [("50", "update"), ("200", "refused"), ("100", "unchanged")]
)
def test_disks_only_grow(size, action):
    step = planned(DISK, {"data": {"sizeGb": size}})["data"]
    assert step.action == action
    assert ("the data of the disk" in step.why) == (action == "refused")


def test_another_machine_type_stops_the_instance_and_has_to_be_allowed():
    text = NETWORK + SUBNETWORK + DISK + INSTANCE
    step = planned(text, {"db": live_instance("e2-small")})["db"]
    assert (step.action, step.reason) == ("refused", "needs_replace")
    assert "stopped and started" in step.why
    allowed = Allowed(replace=["compute.instances"])
    step = planned(text, {"db": live_instance("e2-small")}, allowed)["db"]
    assert (step.action, step.in_place) == ("update", False)


def test_a_stopped_instance_gets_its_machine_type_without_being_asked_for():
    live = {**live_instance("e2-small"), "status": "TERMINATED"}
    step = planned(NETWORK + SUBNETWORK + DISK + INSTANCE, {"db": live})["db"]
    assert (step.action, step.in_place) == ("update", True)


def test_routes_are_replaced_without_being_asked_for():
    text = (
        NETWORK
        + "- {type: compute.routes, name: r, body: {network: platform, destRange: 0.0.0.0/0, priority: 1}}"
    )
    live = {
        "r": {"network": f"{URL}/global/networks/platform", "destRange": "0.0.0.0/0", "priority": 2}
    }
    step = planned(text, live)["r"]
    assert step.action == "replace"
    assert "about a second" in step.lost


@pytest.mark.parametrize(
    "allowed, action", [([], "refused"), (["all"], "delete"), (["compute.disks"], "delete")]
)
def test_what_holds_data_is_not_deleted_without_being_allowed(allowed, action):
    text = "- {type: compute.disks, name: data, zone: asia-southeast1-a, state: absent}"
    step = planned(text, {"data": {"sizeGb": "100"}}, Allowed(delete=allowed))["data"]
    assert step.action == action
    assert (step.reason == "protected") == (action == "refused")


def test_what_is_held_by_something_that_is_replaced_goes_with_it():
    text = NETWORK + SUBNETWORK + DISK + INSTANCE + GROUP
    zone = f"{URL}/zones/asia-southeast1-a"
    live = {
        "platform": {"autoCreateSubnetworks": False},
        "main": {"network": f"{URL}/global/networks/platform", "ipCidrRange": "10.20.0.0/20"},
        "data": {"sizeGb": "200"},
        "db": live_instance(),
    }
    cloud, _client = a_cloud()
    own = handlers(cloud, text)
    seen: dict[str, Any] = {each.resource.key: live.get(each.resource.name) for each in own}
    seen["compute.instanceGroups/asia-southeast1-a/db"] = {"instances": [f"{zone}/instances/db"]}
    seen["compute.instances/asia-southeast1-a/db"] = live_instance()
    refused = {step.key: step for step in plan(own, seen, Allowed(replace=["compute.disks"]))}
    instance = refused["compute.instances/asia-southeast1-a/db"]
    assert (instance.action, instance.reason) == ("refused", "needs_replace")
    steps = plan(own, seen, Allowed(replace=["all"]))
    actions = {step.key: step.action for step in steps}
    assert actions == {
        "compute.networks/platform": "unchanged",
        "compute.subnetworks/asia-southeast1/main": "unchanged",
        "compute.disks/asia-southeast1-a/data": "replace",
        "compute.instances/asia-southeast1-a/db": "replace",
        "compute.instanceGroups/asia-southeast1-a/db": "update",
    }
    disk, db = "compute.disks/asia-southeast1-a/data", "compute.instances/asia-southeast1-a/db"
    needs = {step.key: after for step, after in ordered(steps)}
    assert set(needs[db]) == {disk, db + GONE}
    assert needs[disk] == [disk + GONE]
    assert needs["compute.instanceGroups/asia-southeast1-a/db"] == [db]


def test_users_go_before_what_they_use():
    text = (NETWORK + SUBNETWORK).replace("body:", "state: absent, body:", 1)
    text = """
- {type: compute.networks, name: platform, state: absent}
- {type: compute.subnetworks, name: main, state: absent}
"""
    live = {
        "platform": {"subnetworks": [f"{URL}/regions/{REGION}/subnetworks/main"]},
        "main": {"network": f"{URL}/global/networks/platform"},
    }
    steps = list(planned(text, live).values())
    needs = {step.key: after for step, after in ordered(steps)}
    assert needs == {
        "compute.networks/platform": ["compute.subnetworks/asia-southeast1/main"],
        "compute.subnetworks/asia-southeast1/main": [],
    }


@pytest.mark.parametrize("together", [True, False])
def test_a_cluster_takes_its_node_pools_along(together: bool):
    text = f"""
- type: container.clusters
  name: main
  location: {REGION}
  state: {"absent" if together else "present"}
  body: {{nodePools: [{{name: a, initialNodeCount: 1}}]}}
- {{type: container.nodePools, name: extra, location: {REGION}, cluster: main, state: absent}}
"""
    live: dict[str, Any] = {"main": {"nodePools": [{"name": "extra"}]}, "extra": {}}
    allowed = Allowed(delete=["all"])
    steps = list(planned(text, live, allowed).values())
    needs = {step.key: after for step, after in ordered(steps)}
    cluster = f"container.clusters/{REGION}/main"
    pool = f"container.nodePools/{REGION}/main/extra"
    assert needs == ({cluster: [], pool: [cluster]} if together else {pool: []})


def test_steps_that_change_nothing_hand_their_needs_on():
    live = {"main": {"network": f"{URL}/global/networks/platform", "ipCidrRange": "10.20.0.0/20"}}
    steps = list(planned(NETWORK + SUBNETWORK + DISK + INSTANCE, live).values())
    needs = {step.key: after for step, after in ordered(steps)}
    assert set(needs["compute.instances/asia-southeast1-a/db"]) == {
        "compute.disks/asia-southeast1-a/data",
        "compute.networks/platform",
    }
