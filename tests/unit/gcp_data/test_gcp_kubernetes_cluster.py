"""Descriptions of Kubernetes clusters become what Google takes, and what cannot be is said by name."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.kubernetes import (
    kubernetes_resources,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.kubernetes_problems import (
    kubernetes_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.plan import (
    plan_table,
    pools_that_shrink,
    removable,
)

from tests.unit.gcp_data.google import check_bodies

Body = dict[str, Any]

SETTINGS: Body = {
    "project": "project-1-dev-payments",
    "regions": {"main": "asia-southeast1", "failover": "asia-southeast2"},
    "zones": {"main": ["asia-southeast1-a"], "failover": ["asia-southeast2-a"]},
    "network": "platform",
    "subnetworks": {"main": "main", "failover": "failover"},
    "prefix": "",
    "account": "kubernetes-nodes",
    "release_channel": "REGULAR",
    "maintenance": {"recurrence": "FREQ=DAILY", "start": "2026-01-03T18:00:00Z", "end": "2026-01-04T00:00:00Z"},
    "authorized_networks": {"private": "10.0.0.0/8"},
    "image_type": "COS_CONTAINERD",
    "pool_defaults": {"machine_type": "e2-standard-4", "disk_gb": 100, "disk_type": "pd-balanced"},
    "tags": [],
    "nat_tags": {"main": "nat-main", "failover": "nat-failover"},
    "labels": {},
    "encryption_key": "",
}  # fmt: skip
CLUSTERS: Body = {
    "main": {
        "region": "main",
        "control_plane": "172.16.0.0/28",
        "pools": {"default": {"min": 2, "max": 6}, "stateful": {"min": 1, "max": 3}},
    },
    "failover": {
        "region": "failover",
        "control_plane": "172.16.0.16/28",
        "pools": {"default": {"nodes": 0}},
    },
}
SUBNETWORKS = {
    "main": {"pods": "10.64.0.0/14", "services": "10.96.0.0/20"},
    "failover": {"pods": "10.68.0.0/14", "services": "10.96.16.0/20"},
}


def declared(**changes: Any) -> dict[tuple[str, str, str], Body]:
    found = kubernetes_resources(CLUSTERS, {**SETTINGS, **changes})
    return {(entry["type"], entry.get("location", ""), entry["name"]): entry for entry in found}


def test_google_takes_every_body() -> None:
    key = "projects/p/locations/asia-southeast1/keyRings/r/cryptoKeys/k"
    check_bodies(declared(encryption_key=key).values())
    cluster = declared(encryption_key=key)["container.clusters", "asia-southeast1", "main"]
    assert cluster["body"]["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": key}


def test_clusters_are_as_the_seed_describes_them() -> None:
    for name, region in (("main", "asia-southeast1"), ("failover", "asia-southeast2")):
        body = declared()["container.clusters", region, name]["body"]
        assert body["privateClusterConfig"]["enablePrivateNodes"]
        assert body["privateClusterConfig"]["enablePrivateEndpoint"]
        assert body["networkConfig"]["datapathProvider"] == "ADVANCED_DATAPATH"
        assert body["networkConfig"]["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
        assert body["ipAllocationPolicy"]["useIpAliases"]
        assert body["addonsConfig"]["dnsCacheConfig"] == {"enabled": True}
        assert body["addonsConfig"]["httpLoadBalancing"] == {"disabled": False}
        assert body["verticalPodAutoscaling"] == {"enabled": True}
        assert body["costManagementConfig"] == {"enabled": True}
        assert body["monitoringConfig"]["advancedDatapathObservabilityConfig"] == {
            "enableMetrics": True
        }
        assert (
            body["workloadIdentityConfig"]["workloadPool"] == "project-1-dev-payments.svc.id.goog"
        )
        (pool,) = body["nodePools"]
        assert pool["config"]["imageType"] == "COS_CONTAINERD"
        assert all(pool["config"]["shieldedInstanceConfig"].values())


def test_who_waits_for_a_recovery_has_no_autoscaler_that_would_start_nodes() -> None:
    pool = declared()["container.nodePools", "asia-southeast2", "default"]["body"]
    assert (pool["initialNodeCount"], pool["autoscaling"]) == (0, {"enabled": False})
    busy = declared()["container.nodePools", "asia-southeast1", "default"]["body"]
    assert busy["autoscaling"]["totalMaxNodeCount"] == 6


@pytest.mark.parametrize("least, size, first", [(0, 0, 1), (2, 1, 1), (3, 1, 1), (4, 2, 2)])
def test_pools_begin_with_their_lower_bound(least: int, size: int, first: int) -> None:
    """Google counts in each zone."""
    zones = {
        "main": [f"asia-southeast1-{zone}" for zone in "abc"],
        "failover": ["asia-southeast2-a"],
    }
    pools = {"default": {"min": least, "max": 9}, "app": {"min": least, "max": 9}}
    clusters = {"main": {**CLUSTERS["main"], "pools": pools}}
    found = {
        (entry["type"], entry["name"]): entry["body"]
        for entry in kubernetes_resources(clusters, {**SETTINGS, "zones": zones})
    }
    assert found["container.nodePools", "app"]["initialNodeCount"] == size
    (pool,) = found["container.clusters", "main"]["nodePools"]
    assert pool["initialNodeCount"] == first


def test_no_cluster_needs_no_account() -> None:
    assert kubernetes_resources({}, SETTINGS) == []


def problems(path: str = "", value: Any = None) -> list[str]:
    clusters = copy.deepcopy(CLUSTERS)
    if path:
        *folders, last = path.split("/")
        place = clusters
        for folder in folders:
            place = place[folder]
        place[last] = value
    return kubernetes_problems(clusters, "", SUBNETWORKS)


def test_a_good_description_has_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    "path,value,reason,words",
    [
        ("main/region", "mian", "no_subnetwork", "did you mean main?"),
        ("main/control_plane", "172.16.0.0/24", "bad_range", "takes a /28"),
        ("main/control_plane", "", "bad_range", "not set"),
        ("main/pools/default", {"nodes": 1, "min": 1, "max": 2}, "bad_size", "not both"),
        ("main/pools/default", {}, "bad_size", "give nodes"),
        ("main/pools/default", {"min": 3, "max": 2}, "bad_size", "0 <= min <= max"),
        ("main/pools/default/machine_typ", "e2", "unknown_field", "did you mean machine_type?"),
        ("main/pools", {}, "missing_field", "no pools"),
        ("main/zones", [], "unknown_field", "zones"),
        ("Main", CLUSTERS["main"], "bad_name", "Main"),
    ],
)
def test_what_cannot_be_is_said_by_name(path: str, value: Any, reason: str, words: str) -> None:
    found = problems(path, value)
    assert any(line.startswith(f"{reason}: ") and words in line for line in found), found


def entry(action: str, **more: Any) -> Body:
    return {"action": action, "key": "container.nodePools/asia-southeast2/default", **more}


def test_a_plan_shows_what_loses_something_first() -> None:
    changes = [{"field": "initialNodeCount", "before": 1, "after": 0}]
    lines = plan_table(
        [
            entry("unchanged"),
            entry("create"),
            entry("update", changes=changes),
            entry("replace", changes=changes, lost="its nodes"),
        ]
    )
    assert [line.split()[0] for line in lines] == ["replace", "create", "update", "4"]
    assert "initialNodeCount: 1 -> 0" in lines[2]
    assert "lost: its nodes" in lines[0]
    assert lines[-1] == "4 resources: 1 replace, 1 create, 1 update, 1 unchanged."


@pytest.mark.parametrize("before,after,shrinks", [(1, 0, True), (0, 1, False), (1, 1, False)])
def test_a_pool_that_would_lose_nodes_is_noticed(before: int, after: int, shrinks: bool) -> None:
    changes = [{"field": "initialNodeCount", "before": before, "after": after}]
    plan = [entry("update", type="container.nodePools", changes=changes)]
    assert bool(pools_that_shrink(plan)) == shrinks


def test_data_stays_when_an_environment_goes() -> None:
    given = [
        {"type": "compute.disks", "name": "d", "body": {}},
        {"type": "compute.addresses", "name": "inner", "body": {"addressType": "INTERNAL"}},
        {"type": "compute.addresses", "name": "outer", "body": {"addressType": "EXTERNAL"}},
        {"type": "dns.managedZones", "name": "public", "body": {"visibility": "public"}},
        {"type": "serviceusage.services", "name": "compute.googleapis.com", "body": {}},
        {"type": "compute.instances", "name": "vm", "body": {}},
        {"type": "container.clusters", "name": "main", "body": {}},
        {"type": "container.nodePools", "name": "default", "body": {"cluster": "main"}},
        {"type": "dns.resourceRecordSets", "name": "a.b.", "body": {"managedZone": "public"}},
        {"type": "compute.forwardingRules", "name": "rule", "body": {"IPAddress": "outer"}},
    ]
    going = removable(given, data=False)
    assert [item["name"] for item in going] == ["inner", "vm", "main", "rule"]
    assert going[-1]["body"] == {}
    everything = [item["name"] for item in removable(given, data=True)]
    assert everything == ["d", "inner", "outer", "public", "vm", "main", "a.b.", "rule"]


def test_what_google_would_refuse_is_seen() -> None:
    cluster = declared()["container.clusters", "asia-southeast1", "main"]
    cluster["body"]["networkConfig"]["datapathProvider"] = "ADVANCED"
    with pytest.raises(Exception, match="ADVANCED"):
        check_bodies([cluster])
