"""What must not be lost: data that goes with a replacement, what others made, what nobody here knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.dag.runner import Report
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.apply import Wishes, apply
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.declared import (
    Defaults,
    parse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers import base
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.kinds import rule_of
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import Allowed, plan
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.prune import surplus
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.result import (
    failures,
    outcome,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.run import broken

from tests.unit.gcp.test_plan import (
    DISK,
    INSTANCE,
    NETWORK,
    SUBNETWORK,
    URL,
    live_instance,
    planned,
)
from tests.unit.gcp.world import DEFINITIONS, PROJECT, REGION, a_cloud, handlers, resources

ZONE = f"{URL}/zones/asia-southeast1-a"
ROUTE = "- {type: compute.routes, name: r, body: {network: platform, destRange: 0.0.0.0/0, priority: 1}}"
SNAPSHOT = """
- type: compute.snapshots
  name: before
  body: {sourceDisk: {type: compute.disks, name: data, zone: asia-southeast1-a}}
"""


def carried_out(text: str, live: dict[str, Any], failing: str) -> dict[str, Any]:
    """The result of a run of which one method fails; `live` is by link."""
    cloud, client = a_cloud(live)
    client.failures[failing] = [GcpError("quota_exceeded", "Too many.")]
    own = handlers(cloud, text)

    async def go() -> Report[Any]:
        seen = {each.resource.key: await each.read() for each in own}
        steps.extend(plan(own, seen, Allowed(replace=["all"])))
        return await apply(cloud, steps, Wishes(), lambda _key, _text: None)

    steps: list[Any] = []
    report = asyncio.run(go())
    return outcome(steps, report, cloud.outputs)


def test_a_replacement_that_ends_half_way_says_that_the_old_one_is_gone():
    network = f"projects/{PROJECT}/global/networks/platform"
    route = f"projects/{PROJECT}/global/routes/r"
    live = {
        network: {"autoCreateSubnetworks": False},
        route: {"network": network, "destRange": "0.0.0.0/0", "priority": 2},
    }
    result = carried_out(NETWORK + ROUTE, live, "compute.routes.insert")
    reason, message = failures(result)
    assert reason == "quota_exceeded"
    assert (
        "compute.routes/r is deleted and not made again: Too many. A run later makes it" in message
    )
    assert result["changed"]


def test_what_went_for_a_replacement_that_failed_is_told():
    network = f"projects/{PROJECT}/global/networks/platform"
    subnetwork = f"projects/{PROJECT}/regions/{REGION}/subnetworks/main"
    live = {
        network: {"autoCreateSubnetworks": False, "mtu": 1460, "description": "other"},
        subnetwork: {"network": network, "ipCidrRange": "10.20.0.0/20"},
    }
    text = NETWORK.replace("}}", ", description: mine}}") + SUBNETWORK
    result = carried_out(text, live, "compute.networks.insert")
    _reason, message = failures(result)
    assert "compute.networks/platform is deleted and not made again" in message
    assert "compute.subnetworks/asia-southeast1/main is deleted and not made again" in message


def test_a_snapshot_outlives_the_replacement_of_its_disk():
    live = {"data": {"sizeGb": "200"}, "before": {"sourceDisk": f"{ZONE}/disks/data"}}
    steps = planned(DISK + SNAPSHOT, live, Allowed(replace=["all"]))
    assert steps["data"].action == "replace"
    assert steps["before"].action == "unchanged"


@pytest.mark.parametrize(
    "more, words",
    [
        ({"deletionProtection": True}, "protected from deletion"),
        ({"autoDelete": True}, "the data of its disks scratch"),
    ],
)
def test_an_instance_with_data_is_replaced_only_where_deletion_is_allowed_too(more, words):
    text = NETWORK + SUBNETWORK + DISK + INSTANCE.replace("main}", "main}, nicType: GVNIC")
    live = {**live_instance(), **more}
    live["disks"].append({"deviceName": "scratch", **more})
    key = "compute.instances/asia-southeast1-a/db"
    there = {"db": live, "data": {"sizeGb": "100"}}
    step = planned(text, there, Allowed(replace=["all"]))["db"]
    assert (step.action, step.reason) == ("refused", "protected")
    assert words in step.why
    step = planned(text, there, Allowed(replace=["all"], delete=[key]))["db"]
    assert step.action == "replace"
    assert words in step.lost


def test_a_disk_of_its_own_outlives_the_replacement_of_its_instance():
    live = live_instance()
    live["disks"][1]["autoDelete"] = True
    link = f"projects/{PROJECT}/zones/asia-southeast1-a/instances/db"
    cloud, client = a_cloud({link: live})
    own = next(each for each in handlers(cloud, DISK + INSTANCE) if each.resource.name == "db")
    assert own.holds(live) == ""
    asyncio.run(own.delete())
    assert client.calls == [
        ("compute.instances.setDiskAutoDelete", {"autoDelete": "false", "deviceName": "data"}),
        ("compute.instances.delete", {}),
    ]


@pytest.mark.parametrize(
    "type_name", ["compute.regionDisks", "compute.machineImages", "storage.objects", "iam.keys"]
)
def test_what_may_hold_data_is_protected(type_name):
    assert rule_of(type_name).protected


def test_what_clusters_and_managed_groups_made_is_not_pruned():
    label = {"groundwork-owner": "net"}
    zone = f"projects/{PROJECT}/zones/asia-southeast1-a/instances"

    def instance(name: str, labels: dict[str, str], *items: str) -> dict[str, Any]:
        return {
            "name": name,
            "zone": "asia-southeast1-a",
            "selfLink": f"https://www.googleapis.com/compute/v1/{zone}/{name}",
            "labels": {**label, **labels},
            "metadata": {"items": [{"key": each, "value": "x"} for each in items]},
        }

    found = [
        instance("node", {"goog-gke-node": "", "goog-k8s-cluster-name": "main"}),
        instance("member", {}, "created-by"),
        instance("old", {}, "enable-oslogin"),
    ]
    cloud, client = a_cloud()

    async def pages(url: str, _query: Any = None) -> Any:
        yield {"items": {"z": {"instances": found}}} if url.endswith("/instances") else {}

    client.pages = pages  # type: ignore[method-assign]
    gone = asyncio.run(surplus(cloud, resources(NETWORK), "net"))
    assert [resource.name for resource, _live in gone] == ["old"]


@pytest.mark.parametrize("more, found", [("", []), (SNAPSHOT, ["hourly"])])
def test_snapshots_are_pruned_only_where_snapshots_are_declared(more, found):
    snapshot = {"name": "hourly", "labels": {"groundwork-owner": "net"}}
    cloud, client = a_cloud()

    async def pages(url: str, _query: Any = None) -> Any:
        yield {"items": [snapshot]} if url.endswith("/global/snapshots") else {}

    client.pages = pages  # type: ignore[method-assign]
    gone = asyncio.run(surplus(cloud, resources(NETWORK + DISK + more), "net"))
    assert [resource.name for resource, _live in gone] == found


@pytest.mark.parametrize(
    "text, reason",
    [
        ("{type: compute.disks, name: ../instances/db, zone: asia-southeast1-a}", "bad_name"),
        ("{type: compute.machineImages, name: 'a/../../x'}", "bad_name"),
        ("{type: secretmanager.secrets, name: 'a?b', project: p}", "bad_name"),
        ("{type: compute.disks, name: d, zone: asia-southeast1-a, project: ../q}", "bad_name"),
        ("{type: compute.networkPeerings, name: hub}", "missing_field"),
        (f"{{type: container.nodePools, name: p, location: {REGION}}}", "missing_field"),
        (
            "{type: dns.resourceRecordSets, name: a.example., body: {managedZone: z}}",
            "missing_field",
        ),
        ("{type: iam.bindings, name: b, body: {role: roles/viewer}}", "missing_field"),
    ],
)
def test_what_is_to_go_is_named_rightly(text, reason):
    given = [{**yaml.safe_load(text), "state": "absent"}]
    with pytest.raises(RefusedError) as refused:
        parse(DEFINITIONS, given, Defaults(PROJECT, REGION))
    assert reason in {each.reason for each in refused.value.problems}


def test_what_google_calls_failed_is_told():
    live = {"data": {"sizeGb": "100", "status": "FAILED", "statusMessage": "no space"}}
    steps = list(planned(DISK, live).values())
    assert broken(steps) == ["compute.disks/asia-southeast1-a/data is FAILED at Google: no space."]
    assert broken(list(planned(DISK, {"data": {"sizeGb": "100"}}).values())) == []


def test_a_generated_value_that_was_disabled_stays():
    text = "- {type: secretmanager.secrets, name: s, body: {replication: {automatic: {}}}, payload: {generate: {}}}"
    link = f"projects/{PROJECT}/secrets/s"
    actions = {}
    for state in ("ENABLED", "DISABLED", "DESTROYED"):
        there = {
            link: {"replication": {"automatic": {}}},
            f"{link}/versions/latest": {"state": state},
        }
        own = handlers(a_cloud(there)[0], text)[0]
        live = asyncio.run(own.read())
        assert live is not None
        actions[state] = [each.field for each in own.compare(live)]
    assert actions == {"ENABLED": [], "DISABLED": [], "DESTROYED": ["payload"]}


@pytest.mark.parametrize("late, state", [(1, "done"), (99, "failed")])
def test_what_google_made_has_to_be_shown(monkeypatch, late, state):
    monkeypatch.setattr(base, "_SHOWING", 0.3)
    cloud, client = a_cloud()
    plain, asked = client.send, [0]

    async def send(method: str, url: str, *more: Any, **options: Any) -> dict[str, Any]:
        asked[0] += 1
        if method == "GET" and asked[0] > late + 1:
            return {"autoCreateSubnetworks": False}
        return await plain(method, url, *more, **options)

    client.send = send  # type: ignore[method-assign]
    own = handlers(cloud, NETWORK)

    async def go() -> Report[Any]:
        seen = {each.resource.key: await each.read() for each in own}
        steps = plan(own, seen, Allowed())
        return await apply(cloud, steps, Wishes(), lambda _key, _text: None)

    assert asyncio.run(go()).results["compute.networks/platform"].state == state
