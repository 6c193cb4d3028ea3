"""The life of a footprint: planned, made, left alone, cut short, pruned, removed."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest
import yaml

from tests.integration.gcp import PATIENCE, Emulator
from tests.integration.gcp_world import PROJECT, acting, command, fields, footprint, manage

ALL: dict[str, Any] = {"allow_delete": ["all"]}


def written(gcp: Emulator) -> list[str]:
    """Methods that were asked and are no reading."""
    reading = (
        "get",
        "list",
        "aggregatedList",
        "getIamPolicy",
        "listInstances",
        "access",
        "wait",
        "getFromFamily",
    )
    return [
        each["method"]
        for each in gcp.requests()
        if each["method"].rpartition(".")[2] not in reading
    ]


def test_the_life_of_a_footprint(gcp: Emulator):
    declared = [each for each in footprint() if each["type"] != "serviceusage.services"]
    planned = manage(gcp, declared, check=True)
    assert len(acting(planned)) == len(declared) == len(planned["plan"])
    assert written(gcp) == []
    made = manage(gcp, declared)
    assert not made.get("failed"), made["msg"]
    assert acting(made) == acting(planned)
    assert {each["state"] for each in made["results"]} == {"done"}
    assert made["resources"]["compute.addresses/asia-southeast1/nat-1"]["address"]
    gcp.control("requests", "DELETE")
    again = manage(gcp, declared)
    assert (again["changed"], acting(again)) == (False, {})
    assert {each["state"] for each in again["results"]} == {"unchanged"}
    assert written(gcp) == []
    absent = manage(gcp, declared, check=True, state="absent", **ALL)
    assert set(acting(absent).values()) == {"delete"}
    gone = manage(gcp, declared, state="absent", **ALL)
    assert not gone.get("failed"), gone["msg"]
    kept = {"services", "changes", "serviceAccounts"}
    left = [key for key in gcp.resources() if not kept & set(key.split("/"))]
    mine = [key for key in left if any(f"/{each['name']}" in key for each in declared)]
    assert mine == []
    assert not manage(gcp, declared, state="absent", **ALL)["changed"]


def test_secrets_are_in_nothing_that_is_returned(gcp: Emulator):
    secrets = footprint("secretmanager.secrets")
    result = manage(gcp, secrets)
    assert not result.get("failed"), result["msg"]
    changed = [{**each, "payload": {"value": "another-horse-battery"}} for each in secrets]
    for each in (result, manage(gcp, changed, check=True), manage(gcp, changed)):
        text = json.dumps(each)
        assert "horse-battery" not in text
        assert "payload" in text
    manage(gcp, secrets, state="absent", **ALL)


def test_a_generated_secret_stays(gcp: Emulator):
    declared = yaml.safe_load(
        """[{type: secretmanager.secrets, name: once, body: {replication: {automatic: {}}},
        payload: {generate: {length: 24}}}]"""
    )
    url = f"secretmanager.googleapis.com/v1/projects/{PROJECT}/secrets/once/versions/latest:access"
    manage(gcp, declared)
    first = gcp.call("GET", url).body["payload"]["data"]
    assert not manage(gcp, declared)["changed"]
    assert gcp.call("GET", url).body["payload"]["data"] == first


NAT = """
- {type: compute.networks, name: %(name)s, body: {autoCreateSubnetworks: false}}
- {type: compute.subnetworks, name: %(name)s, body: {network: %(name)s, ipCidrRange: 10.20.0.0/20}}
- type: compute.instances
  name: %(name)s-1
  zone: asia-southeast1-a
  body: &body
    machineType: e2-small
    disks: [{boot: true, autoDelete: true, initializeParams: {sourceImage: debian-cloud/debian-13}}]
    networkInterfaces: [{subnetwork: %(name)s}]
- {type: compute.instances, name: %(name)s-2, zone: asia-southeast1-b, body: *body}
- type: compute.routes
  name: %(name)s
  body:
    network: %(name)s
    destRange: 0.0.0.0/0
    priority: 800
    nextHopInstance: {type: compute.instances, name: %(hop)s, zone: %(zone)s}
"""


def nat(name: str, hop: str, zone: str = "asia-southeast1-a") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(NAT % {"name": name, "hop": hop, "zone": zone})
    return found


def test_a_route_really_moves(gcp: Emulator):
    manage(gcp, nat("moves", "moves-1"))
    moved = nat("moves", "moves-2", "asia-southeast1-b")
    planned = manage(gcp, moved, check=True)
    assert acting(planned) == {"compute.routes/moves": "replace"}
    assert fields(planned) == ["nextHopInstance"]
    result = manage(gcp, moved)
    assert not result.get("failed"), result["msg"]
    live = gcp.compute("GET", f"{PROJECT}/global/routes/moves").body
    assert live["nextHopInstance"].endswith("/moves-2")
    assert not manage(gcp, moved)["changed"]


def test_another_machine_type_needs_a_stop_that_is_allowed(gcp: Emulator):
    manage(gcp, nat("bigger", "bigger-1"))
    declared = nat("bigger", "bigger-1")
    declared[2] = {**declared[2], "body": {**declared[2]["body"], "machineType": "e2-medium"}}
    refused = manage(gcp, declared)
    assert refused["reason"] == "needs_replace"
    result = manage(gcp, declared, allow_replace=["compute.instances/asia-southeast1-a/bigger-1"])
    assert not result.get("failed"), result["msg"]
    live = gcp.compute("GET", f"{PROJECT}/zones/asia-southeast1-a/instances/bigger-1").body
    assert live["machineType"].endswith("/e2-medium")
    assert live["status"] == "RUNNING"
    assert not manage(gcp, declared)["changed"]


def test_an_instance_whose_change_is_refused_runs_again(gcp: Emulator):
    manage(gcp, nat("back", "back-1"))
    declared = nat("back", "back-1")
    declared[2] = {**declared[2], "body": {**declared[2]["body"], "machineType": "e2-medium"}}
    key = "compute.instances/asia-southeast1-a/back-1"
    with gcp.faults(
        {"match": {"method": "compute.instances.setMachineType"}, "effect": {"permission": True}}
    ):
        result = manage(gcp, declared, allow_replace=[key])
    assert result["reason"] == "permission_denied"
    assert "It had been stopped for this, and is started again." in result["msg"]
    url = f"{PROJECT}/zones/asia-southeast1-a/instances/back-1"
    assert gcp.compute("GET", url).body["status"] == "RUNNING"
    # What a run that was killed leaves.
    gcp.compute("POST", f"{url}/stop", {})
    result = manage(gcp, nat("back", "back-1"))
    assert not result["changed"]
    assert f"{key} is TERMINATED at Google" in str(result["warnings"])
    running = nat("back", "back-1")
    running[2] = {**running[2], "body": {**running[2]["body"], "status": "RUNNING"}}
    assert acting(manage(gcp, running)) == {key: "update"}
    assert gcp.compute("GET", url).body["status"] == "RUNNING"
    assert not manage(gcp, running)["changed"]


def test_an_api_that_the_run_enables_is_waited_for(gcp: Emulator):
    project = "project-late-api"
    declared: list[dict[str, Any]] = [
        {"type": "serviceusage.services", "name": "compute.googleapis.com", "project": project},
        {
            "type": "compute.networks",
            "name": "late",
            "project": project,
            "body": {"autoCreateSubnetworks": False},
        },
    ]
    made = {"projectId": project, "parent": "folders/1"}
    gcp.call("POST", "cloudresourcemanager.googleapis.com/v3/projects", made)
    off = {"status": 403, "reason": "accessNotConfigured", "message": "It is disabled."}
    rule = {"match": {"method": "compute.networks.insert", "name": "*"}, "effect": off}
    with gcp.faults({**rule, "count": 3}):
        result = manage(gcp, declared)
    assert not result.get("failed"), result["msg"]
    assert set(acting(result).values()) == {"create"}
    assert not manage(gcp, declared)["changed"]


def test_what_is_not_declared_any_more_is_pruned_and_others_stay(gcp: Emulator):
    declared = nat("pruned", "pruned-1")
    theirs = footprint("compute.healthChecks")
    manage(gcp, theirs)
    manage(gcp, declared, owner="pruned")
    assert not manage(gcp, declared, owner="pruned", prune=True)["changed"]
    fewer = declared[:2]
    planned = manage(gcp, fewer, check=True, owner="pruned", prune=True)
    assert acting(planned) == {
        "compute.instances/asia-southeast1-a/pruned-1": "delete",
        "compute.instances/asia-southeast1-b/pruned-2": "delete",
        "compute.routes/pruned": "delete",
    }
    result = manage(gcp, fewer, owner="pruned", prune=True)
    assert not result.get("failed"), result["msg"]
    assert acting(result) == acting(planned)
    assert not manage(gcp, fewer, owner="pruned", prune=True)["changed"]
    assert not manage(gcp, theirs)["changed"]


def test_members_of_others_stay(gcp: Emulator):
    secret = yaml.safe_load(
        "{type: secretmanager.secrets, name: shared, body: {replication: {automatic: {}}}}"
    )
    binding = yaml.safe_load(
        """{type: iam.bindings, name: b, body: {resource: {type: secretmanager.secrets, name: shared},
        role: roles/secretmanager.secretAccessor, members: ['group:a@b.example']}}"""
    )
    url = f"secretmanager.googleapis.com/v1/projects/{PROJECT}/secrets/shared"
    role = "roles/secretmanager.secretAccessor"
    manage(gcp, [secret])
    policy = {"bindings": [{"role": role, "members": ["user:them@b.example"]}]}
    assert gcp.call("POST", f"{url}:setIamPolicy", {"policy": policy}).status == 200
    assert manage(gcp, [secret, binding])["changed"]
    live = gcp.call("GET", f"{url}:getIamPolicy").body
    assert set(live["bindings"][0]["members"]) == {"user:them@b.example", "group:a@b.example"}
    manage(gcp, [{**binding, "state": "absent"}])
    live = gcp.call("GET", f"{url}:getIamPolicy").body
    assert live["bindings"] == policy["bindings"]


def killed_after(gcp: Emulator, verb: str, number: int, options: dict[str, Any]) -> None:
    """Run the module and kill it once so many calls of a verb have come in."""
    gcp.control("requests", "DELETE")
    running = command(gcp, False, options)
    until = time.monotonic() + PATIENCE
    while sum(each["method"].endswith(f".{verb}") for each in gcp.requests()) < number:
        assert running.poll() is None, "it ended before"
        assert time.monotonic() < until
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.communicate()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, marks=pytest.mark.slow),
        2,
        pytest.param(4, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_was_cut_short_is_taken_up(gcp: Emulator, number: int):
    name = f"cut-{number}"
    declared = nat(name, f"{name}-1")
    rule = {"match": {"method": "*.insert"}, "effect": {"operation_seconds": 0.6}}
    with gcp.faults(rule):
        killed_after(gcp, "insert", number, {"resources": declared})
        result = manage(gcp, declared)
    assert not result.get("failed"), result["msg"]
    assert not manage(gcp, declared)["changed"]


def test_a_deletion_that_was_cut_short_is_taken_up(gcp: Emulator):
    declared = nat("cut-d", "cut-d-1")
    manage(gcp, declared)
    # Long enough that the next run starts while the deletion still goes on.
    rule = {"match": {"method": "*.delete"}, "effect": {"operation_seconds": 4.0}}
    with gcp.faults(rule):
        killed_after(gcp, "delete", 1, {"resources": declared, "state": "absent"})
        result = manage(gcp, declared)
    assert not result.get("failed"), result["msg"]
    assert "compute.routes/cut-d" in acting(result)
    assert not manage(gcp, declared)["changed"]


def test_operations_run_side_by_side(gcp: Emulator):
    declared = [
        {"type": "compute.networks", "name": f"side-{number}", "body": {"autoCreateSubnetworks": False}}
        for number in range(12)
    ]  # fmt: skip
    with gcp.faults({"match": {"method": "*.insert"}, "effect": {"operation_seconds": 1.0}}):
        result = manage(gcp, declared)
    assert not result.get("failed"), result["msg"]
    together = sum(each["seconds"] for each in result["results"])
    assert result["critical_seconds"] <= result["makespan"] < together / 3


def test_what_is_held_by_a_replaced_resource_is_replaced_with_it(gcp: Emulator):
    types = ("compute.networks", "compute.subnetworks", "compute.resourcePolicies", "compute.disks")
    declared = [
        each
        for each in footprint(*types, "compute.instances", "compute.instanceGroups")
        if each["name"] not in ("hub", "nat-1")
    ]
    for each in declared:
        each["body"].pop("serviceAccounts", None)
    made = manage(gcp, declared)
    assert not made.get("failed"), made["msg"]
    for each in declared:
        if each["name"] == "main":
            each["body"]["ipCidrRange"] = "10.28.0.0/20"
    refused = manage(gcp, declared, allow_replace=["compute.subnetworks"])
    assert refused["reason"] == "needs_replace"
    assert "compute.instances/asia-southeast1-b/db-1" in refused["msg"]
    protected = manage(gcp, declared, allow_replace=["all"])
    assert protected["reason"] == "protected"
    # By hand: the data disk would go with the instance.
    zone = f"{PROJECT}/zones/asia-southeast1-b"
    verb, disk = f"{zone}/instances/db-1/setDiskAutoDelete", f"{zone}/disks/db-1-data"
    before = gcp.compute("GET", disk).body["id"]
    assert gcp.compute("POST", verb, autoDelete="true", deviceName="data").status == 200
    db = ["compute.instances/asia-southeast1-b/db-1"]
    result = manage(gcp, declared, allow_replace=["all"], allow_delete=db)
    assert not result.get("failed"), result["msg"]
    assert gcp.compute("GET", disk).body["id"] == before
    assert acting(result) == {
        "compute.subnetworks/asia-southeast1/main": "replace",
        "compute.instances/asia-southeast1-b/db-1": "replace",
        "compute.instanceGroups/asia-southeast1-b/db-b": "replace",
    }
    assert not manage(gcp, declared)["changed"]
