"""Descriptions of database clusters become what Google takes, and what cannot be is said by name."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database_balancing import (
    health_checks,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database_problems import (
    database_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database_resources import (
    database_resources,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshot_job import (
    snapshot_resources,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import (
    RTO_PRESETS,
    rto_preset,
)

from tests.unit.gcp_data.google import check_bodies

Body = dict[str, Any]

REGIONS = {"main": "asia-southeast1", "failover": "asia-southeast2"}
ZONES = {
    "main": ["asia-southeast1-a", "asia-southeast1-b", "asia-southeast1-c"],
    "failover": ["asia-southeast2-a"],
}
SUBNETWORKS = {"main": {"range": "10.20.0.0/20"}, "failover": {"range": "10.20.16.0/20"}}
PAYMENTS: Body = {
    "etcd": "main",
    "members": {
        "pay-1": {"zone": "asia-southeast1-a", "address": "10.20.0.11"},
        "pay-2": {"zone": "asia-southeast1-b", "address": "10.20.0.12"},
        "pay-3": {"zone": "asia-southeast1-c", "address": "10.20.0.13"},
        "pay-backup": {
            "zone": "asia-southeast1-a",
            "address": "10.20.0.14",
            "role": "backup",
            "machine_type": "e2-medium",
        },
        "pay-dr": {"zone": "asia-southeast2-a", "address": "10.20.16.11", "role": "dr"},
    },
    "balancers": {"primary": "10.20.0.21", "replicas": "10.20.0.22"},
}


def settings(**changes: Any) -> Body:
    return {
        "project": "project-1-dev-payments",
        "regions": REGIONS,
        "network": "platform",
        "subnetworks": {"main": "main", "failover": "failover"},
        "image": "debian-cloud/debian-13",
        "machine_type": "n2-standard-4",
        "disk_gb": 100,
        "disk_type": "pd-ssd",
        "boot_disk_gb": 20,
        "boot_disk_type": "pd-balanced",
        "tags": ["ssh"],
        "nat_tags": {"main": "nat-main", "failover": "nat-failover"},
        "metadata": {"enable-oslogin": "TRUE"},
        "labels": {},
        "client_ranges": ["10.64.0.0/14"],
        "health_check_ranges": ["35.191.0.0/16"],
        "deletion_protection": True,
        "checks": health_checks(rto_preset("fast").to_dict(), "16MB"),
        "secrets": ["superuser", "patroni-rest"],
        "secret_length": 32,
        "secret_readers": [],
        **changes,
    }


def declared(cluster: Body = PAYMENTS, **changes: Any) -> dict[tuple[str, str], Body]:
    found = database_resources({"payments": cluster}, settings(**changes))
    by_key = {(entry["type"], entry["name"]): entry for entry in found}
    assert len(by_key) == len(found), "nothing is declared twice"
    return by_key


def problems(clusters: dict[str, Body]) -> list[str]:
    return database_problems(clusters, SUBNETWORKS, REGIONS, ZONES)


def changed(path: str, value: Any) -> list[str]:
    """Problems of the cluster with one value changed; None takes it away."""
    cluster = copy.deepcopy(PAYMENTS)
    *folders, last = path.split("/")
    place = cluster
    for folder in folders:
        place = place[folder]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return problems({"payments": cluster})


def test_google_takes_every_body() -> None:
    check_bodies(declared(secret_readers=["serviceAccount:a@b.iam.gserviceaccount.com"]).values())


def test_google_takes_the_snapshot_job() -> None:
    found = snapshot_resources(
        {
            "project": "project-1-dev-payments",
            "region": "asia-southeast1",
            "image": "python:3.13-slim",
            "schedule": "*/15 * * * *",
            "keep_hours": 48,
            "keep_last": 8,
            "wait_seconds": 600,
        }
    )
    check_bodies(found)
    (schedule,) = (entry for entry in found if entry["type"] == "cloudscheduler.jobs")
    (job,) = (entry for entry in found if entry["type"] == "run.jobs")
    # What is started is the job, in its project and region.
    assert schedule["body"]["httpTarget"]["uri"].endswith(
        f"/projects/project-1-dev-payments/locations/{job['location']}/jobs/{job['name']}:run"
    )


def test_data_outlives_its_vm_and_no_host_has_a_public_address() -> None:
    found = declared()
    instances = [entry for (kind, _name), entry in found.items() if kind == "compute.instances"]
    assert len(instances) == 5
    for entry in instances:
        boot, data = entry["body"]["disks"]
        assert (boot["autoDelete"], data["autoDelete"]) == (True, False)
        disk = found["compute.disks", data["source"]]
        assert disk["zone"] == entry["zone"]
        (interface,) = entry["body"]["networkInterfaces"]
        # One that somebody adds differs from that.
        assert interface["accessConfigs"] == []
        assert "status" not in entry["body"]
        address = found["compute.addresses", interface["networkIP"]]["body"]["address"]
        assert address == PAYMENTS["members"][entry["name"]]["address"]


def test_rules_that_somebody_switches_off_differ() -> None:
    rules = [entry for (kind, _name), entry in declared().items() if kind == "compute.firewalls"]
    assert [rule["body"]["disabled"] for rule in rules] == [False] * 3


def test_balancers_have_those_that_may_lead_and_nobody_else() -> None:
    found = declared()
    groups = {name: e for (kind, name), e in found.items() if kind == "compute.instanceGroups"}
    assert sorted(i for e in groups.values() for i in e["body"]["instances"]) == [
        "pay-1",
        "pay-2",
        "pay-3",
    ]
    for side, path in (("primary", "/primary"), ("replicas", "/replica?lag=16MB")):
        name = f"db-payments-{side}"
        rule = found["compute.forwardingRules", name]["body"]
        assert (rule["allowGlobalAccess"], rule["ports"]) == (True, ["5432"])
        service = found["compute.regionBackendServices", rule["backendService"]]["body"]
        assert {backend["group"]["name"] for backend in service["backends"]} == set(groups)
        check = found["compute.regionHealthChecks", service["healthChecks"][0]]["body"]
        assert check["httpsHealthCheck"] == {"port": 8008, "requestPath": path}


def test_who_is_idle_is_not_taken_snapshots_of() -> None:
    labels = {
        name: entry["body"]["labels"]
        for (kind, name), entry in declared().items()
        if kind == "compute.disks"
    }
    without = [name for name, found in labels.items() if "groundwork_snapshots" not in found]
    assert without == ["pay-dr-data"]


@pytest.mark.parametrize("name", RTO_PRESETS)
def test_checks_keep_to_googles_limits(name: str) -> None:
    preset = rto_preset(name)
    for side, check in health_checks(preset.to_dict(), "16MB").items():
        given = preset.primary_checks if side == "primary" else preset.replica_checks
        # https://cloud.google.com/compute/docs/reference/rest/v1/regionHealthChecks
        assert 1 <= check["timeoutSec"] <= check["checkIntervalSec"] <= 300
        assert check["checkIntervalSec"] * 1000 >= given.inter_ms
        assert (check["healthyThreshold"], check["unhealthyThreshold"]) == (given.rise, given.fall)


def test_a_disk_is_made_of_a_snapshot_under_another_name() -> None:
    cluster = copy.deepcopy(PAYMENTS)
    cluster["members"]["pay-2"].update(disk="pay-2-restored", snapshot="auto-pay-2-data-1")
    found = declared(cluster)
    assert found["compute.disks", "pay-2-restored"]["body"]["sourceSnapshot"] == "auto-pay-2-data-1"
    assert found["compute.instances", "pay-2"]["body"]["disks"][1]["source"] == "pay-2-restored"
    assert ("compute.disks", "pay-2-data") not in found


@pytest.mark.parametrize("with_dr", [True, False])
def test_passwords_are_kept_in_both_regions(with_dr: bool) -> None:
    """Also where no member is in the other one yet: it could not be added later."""
    cluster = copy.deepcopy(PAYMENTS)
    if not with_dr:
        del cluster["members"]["pay-dr"]
    secret = declared(cluster)["secretmanager.secrets", "payments-superuser"]
    places = [r["location"] for r in secret["body"]["replication"]["userManaged"]["replicas"]]
    assert places == ["asia-southeast1", "asia-southeast2"]
    assert secret["payload"] == {"generate": {"length": 32}}


def test_a_good_description_has_no_problem() -> None:
    assert problems({"payments": PAYMENTS}) == []


@pytest.mark.parametrize(
    "path,value,reason,words",
    [
        ("members/pay-2/zone", "asia-southeast1-d", "unknown_zone", "asia-southeast1-a"),
        ("members/pay-2/zone", "asia-southeast1-a", "zone_shared", "one zone's loss"),
        ("members/pay-3/zone", "asia-southeast2-a", "two_regions", "another region"),
        ("members/pay-3", None, "members_even_or_too_many", "has 2 VMs"),
        ("members/pay-2/address", "10.20.0.11", "twice", "10.20.0.11 2 times"),
        ("members/pay-2/address", "10.20.0.1", "address_reserved", "keeps for itself"),
        ("members/pay-2/address", "10.20.15.254", "address_reserved", "keeps for itself"),
        ("members/pay-2/address", "10.20.16.5", "address_outside", "10.20.0.0/20"),
        ("members/pay-2/address", "10.20.0", "bad_address", "10.20.0"),
        ("members/pay-2/address", None, "missing_field", "pay-2 has no address"),
        ("members/pay-2/adress", "10.20.0.9", "unknown_field", "did you mean address?"),
        ("members/pay-backup/role", "bakcup", "bad_role", "did you mean backup?"),
        ("members/pay-backup/zone", "asia-southeast2-a", "two_regions", "backup replica"),
        ("members/pay-dr/zone", "asia-southeast1-a", "same_region", "role dr"),
        ("balancers/replica", "10.20.0.30", "unknown_field", "did you mean replicas?"),
        ("disk_size", 5, "unknown_field", "disk_gb"),
        ("members/Pay_4", {"zone": "asia-southeast1-a", "address": "10.20.0.9"}, "bad_name", "Pay_4"),
        ("members", {}, "missing_field", "no members"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_by_name(path: str, value: Any, reason: str, words: str) -> None:
    found = changed(path, value)
    assert any(line.startswith(f"{reason}: ") and words in line for line in found), found


def test_clusters_share_neither_etcd_nor_members() -> None:
    found = problems({"payments": PAYMENTS, "ledger": copy.deepcopy(PAYMENTS)})
    for words in ("the etcd main", "the member pay-1", "the address 10.20.0.21"):
        assert any(words in line for line in found), found
