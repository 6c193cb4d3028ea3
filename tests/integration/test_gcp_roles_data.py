"""Databases and clusters of staging in an emulated Google Cloud: made, found, left alone, repaired, kept, taken down.

Nothing boots here: the emulator keeps resources, and hosts are not reached. Tests build on one another.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshot_job import (
    program,
)

from tests.integration.gcp import Emulator
from tests.integration.labs import ROOT, Run, environment, run

Body = dict[str, Any]

PROJECT = "project-1-dev-payments"
GIVEN = {
    # What databases and clusters need, and no more: the other roles have tests of their own.
    "provision_roles": ["gcp_network", "gcp_database_cluster", "gcp_kubernetes_cluster"],
    "provision_wait_hosts": False,
    "gcp_network_peerings": {},
    # The token stands for the deployer.
    "gcp_impersonate_service_account": "",
}


class World:
    """The emulator as staging's playbooks reach it."""

    def __init__(self, emulator: Emulator, home: Path) -> None:
        self.emulator = emulator
        self.home = home
        self.variables: dict[str, Any] = {**emulator.environment, "HOME": str(home)}

    def play(self, playbook: str, *options: str, inventory: str = "staging") -> Run:
        command = ["ansible-playbook", "-i", inventory, f"playbooks/{playbook}.yml"]
        # Nobody is at the hosts' addresses, wherever this runs.
        given = ("--timeout", "1", "-e", json.dumps(GIVEN))
        return run([*command, *given, *options], timeout=600, **self.variables)

    def inventory(self) -> Body:
        done = subprocess.run(
            ["ansible-inventory", "-i", "staging", "--list"],
            cwd=ROOT,
            env=environment(**self.variables),
            capture_output=True,
            text=True,
            check=True,
        )
        found: Body = json.loads(done.stdout)
        return found

    def ask(self, method: str, path: str, body: Body | None = None, **query: str) -> Body:
        """Call Compute Engine as somebody else would."""
        answer = self.emulator.compute(method, f"{PROJECT}/{path}", body, **query)
        assert answer.status == 200, answer.message
        found: Body = answer.body
        return found

    def take_snapshots(self, **more: str) -> subprocess.CompletedProcess[str]:
        """What the scheduled job runs."""
        settings = {
            "PROJECT": PROJECT,
            "LABEL": "groundwork_snapshots=auto",
            "PREFIX": "auto-",
            "MODE": "take,clean",
            "KEEP_HOURS": "24",
            "KEEP_LAST": "8",
            "WAIT_SECONDS": "30",
        }
        return subprocess.run(
            [sys.executable, "-c", program()],
            env=environment(**{**self.variables, **settings, **more}),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def world(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(emulator, tmp_path_factory.mktemp("home"))
    done = made.play("provision")
    assert done.returncode == 0, done.failures
    assert "resources are as declared; 5 hosts of databases are found" in done.text
    return made


@pytest.fixture(autouse=True)
def _played(gcp: Emulator) -> Emulator:
    """Whatever is asked of the emulator has to be played by it."""
    return gcp


def test_a_second_run_changes_nothing(world: World) -> None:
    done = world.play("provision")
    assert done.returncode == 0, done.failures
    assert done.changed == 0


def test_the_inventory_plugin_finds_the_hosts_in_their_groups(world: World) -> None:
    found = world.inventory()
    members = ["pay-main-1", "pay-main-2", "pay-main-3"]
    assert sorted(found["pg_payments"]["hosts"]) == [*members, "pay-main-backup"]
    assert sorted(found["etcd_main"]["hosts"]) == members
    assert found["postgresql"]["children"] == ["pg_payments"]
    assert found["etcd"]["children"] == ["etcd_main"]
    # The idle one is in no group that a playbook for databases works on.
    assert found["database_standbys"]["hosts"] == ["pay-failover-1"]
    assert found["region_failover"]["hosts"] == ["pay-failover-1"]
    told = found["_meta"]["hostvars"]["pay-main-backup"]
    # What comes from elsewhere is marked, so that it is never taken for a template.
    host = {
        name: value["__ansible_unsafe"]
        for name, value in told.items()
        if isinstance(value, dict) and "__ansible_unsafe" in value
    }
    assert (host["ansible_host"], host["private_address"]) == ("10.20.0.14", "10.20.0.14")
    assert (host["region"], host["zone"]) == ("main", "asia-southeast1-a")
    assert (host["patroni_scope"], host["etcd_group"]) == ("payments", "etcd_main")
    assert host["patroni_role"] == "backup"


def test_databases_may_begin_on_the_found_hosts(world: World) -> None:
    """Their preflight, which reads the passwords out of Secret Manager, is content."""
    done = world.play("databases", "--check", "--limit", "localhost:cluster-main")
    assert done.returncode == 0, done.failures
    assert "members pay-main-1, pay-main-backup, pay-main-2, pay-main-3" in done.text
    read = {
        one["path"].split("/")[3]
        for one in world.emulator.requests()
        if one["method"] == "secretmanager.projects.secrets.versions.access"
    }
    assert {"payments-superuser", "payments-etcd-root"} <= read


def test_the_kubeconfig_holds_no_token(world: World) -> None:
    written = world.home / ".local/state/groundwork/staging/kubeconfig"
    text = written.read_text(encoding="utf-8")
    assert "name: staging-failover" in text
    assert "server: https://172.16.0." in text
    assert world.variables["GCP_ACCESS_TOKEN"] not in text
    assert written.stat().st_mode & 0o077 == 0
    got = subprocess.run(
        [sys.executable, str(written.parent / "gke_credential.py")],
        env=environment(**world.variables),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(got.stdout)["status"]["token"] == world.variables["GCP_ACCESS_TOKEN"]


def test_what_somebody_changed_by_hand_is_set_back(world: World) -> None:
    world.ask("PATCH", "global/firewalls/db-payments-clients", {"priority": 2000})
    world.ask("PATCH", "global/firewalls/db-payments-checks", {"disabled": True})
    vm = "zones/asia-southeast1-a/instances/pay-main-1"
    access = {"name": "External NAT", "type": "ONE_TO_ONE_NAT"}
    world.ask("POST", f"{vm}/addAccessConfig", access, networkInterface="nic0")
    link = world.ask("GET", "zones/asia-southeast1-b/instances/pay-main-2")["selfLink"]
    group = "zones/asia-southeast1-b/instanceGroups/db-payments-b"
    world.ask("POST", f"{group}/removeInstances", {"instances": [{"instance": link}]})
    done = world.play("provision")
    assert done.returncode == 0, done.failures
    assert "4 update, " in done.text
    assert not world.ask("GET", "global/firewalls/db-payments-checks").get("disabled")
    assert not world.ask("GET", vm)["networkInterfaces"][0].get("accessConfigs")
    assert world.ask("GET", "global/firewalls/db-payments-clients")["priority"] == 1000
    assert world.ask("GET", group)["size"] == 1


@pytest.mark.slow
def test_members_are_stopped_one_in_a_run(world: World) -> None:
    """A machine type of the whole cluster: several are refused, one goes, and the others wait."""
    path = ROOT / "inventories/staging/group_vars/all/gcp_databases.yml"
    clusters = yaml.safe_load(path.read_text(encoding="utf-8"))["gcp_database_clusters"]
    clusters["payments"]["machine_type"] = "n2-standard-4"
    bigger = ("-e", json.dumps({"gcp_database_clusters": clusters}))
    first, second = "asia-southeast1-a/pay-main-1", "asia-southeast1-b/pay-main-2"
    keys = f"compute.instances/{first},compute.instances/{second}"
    refused = world.play("provision", *bigger, "-e", f"provision_allow_replace={keys}", "--check")
    assert refused.returncode != 0
    assert "one_at_a_time: pay-main-1, pay-main-2 of the database cluster payments" in refused.text
    assert world.play("provision", *bigger).returncode != 0
    keys = f"compute.instances/{second}"
    done = world.play("provision", *bigger, "-e", f"provision_allow_replace={keys}")
    assert done.returncode == 0, done.failures
    assert f"compute.instances/{first} waits for a later run." in done.text
    types = {}
    for place in (first, second):
        zone, _, name = place.partition("/")
        vm = world.ask("GET", f"zones/{zone}/instances/{name}")
        types[name] = vm["machineType"].rpartition("/")[2]
    assert types == {"pay-main-1": "n2-standard-2", "pay-main-2": "n2-standard-4"}
    # Back, for the tests that follow.
    done = world.play("provision", "-e", f"provision_allow_replace={keys}")
    assert done.returncode == 0, done.failures


def test_the_job_takes_snapshots_and_knows_when_they_are_young_enough(world: World) -> None:
    first = world.take_snapshots()
    assert first.returncode == 0, first.stdout + first.stderr
    lines = list(map(json.loads, first.stdout.splitlines()))
    assert len([line["snapshot"] for line in lines if "snapshot" in line]) == 4
    again = world.take_snapshots()
    assert again.returncode == 0
    assert again.stdout.count("young enough") == 4


def test_the_job_deletes_what_is_old_but_the_last_good_one(world: World) -> None:
    """With nothing to be kept for its age, one of each disk stays."""
    for name in ("auto-older-1", "auto-older-2"):
        body = {"name": name, "labels": {"groundwork_snapshots": "auto"}}
        world.ask("POST", "zones/asia-southeast1-c/disks/pay-main-3-data/createSnapshot", body)
    done = world.take_snapshots(KEEP_HOURS="0", KEEP_LAST="1")
    assert done.returncode == 0, done.stdout
    left = [
        item["name"]
        for item in world.ask("GET", "global/snapshots")["items"]
        if item["sourceDisk"].endswith("/pay-main-3-data")
    ]
    assert len(left) == 1
    assert done.stdout.count("is deleted") == 2


def test_the_job_says_why_it_has_failed(world: World) -> None:
    wrong = world.take_snapshots(LABEL="groundwork_snapshots=none")
    assert wrong.returncode == 1
    assert "No disk of project-1-dev-payments bears the label" in wrong.stdout
    stranger = world.take_snapshots(GCE_METADATA_HOST="127.0.0.1:1")
    assert stranger.returncode == 1
    assert '"severity": "ERROR"' in stranger.stdout
    assert "refused" in stranger.stdout
    rule = {"match": {"method": "compute.disks.aggregatedList"}, "effect": {"expire_tokens": True}}
    with world.emulator.faults(rule):
        nobody = world.take_snapshots()
    assert nobody.returncode == 1
    assert f"Look at disks of {PROJECT} failed: 401" in nobody.stdout


def test_a_token_that_ends_while_the_job_runs_is_fetched_anew(world: World) -> None:
    rule = {"match": {"method": "compute.disks.aggregatedList"}, "effect": {"expire_tokens": True}}
    with world.emulator.faults({**rule, "count": 1}):
        done = world.take_snapshots()
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_snapshot_now_and_how_old_the_newest_are(world: World) -> None:
    """The module gcp_snapshot_info tells it."""
    label = ("-e", "snapshot_label=before-upgrade")
    done = world.play("db_snapshot", "-e", "databases=payments", *label)
    assert done.returncode == 0, done.failures
    assert "pay-main-1-data-before-upgrade-" in done.text
    assert "minutes ago; 20 are promised" in done.text


@pytest.mark.slow
def test_a_restore_over_a_host_that_may_serve_needs_a_second_word(world: World) -> None:
    wanted = ("-e", "host=pay-main-2", "-e", "snapshot=latest")
    refused = world.play("db_snapshot_restore", *wanted)
    assert refused.returncode != 0
    assert "replace compute.instances/asia-southeast1-b/pay-main-2" in refused.text
    assert "may_serve:" in refused.text
    vm = world.ask("GET", "zones/asia-southeast1-b/instances/pay-main-2")
    assert vm["disks"][1]["source"].endswith("/disks/pay-main-2-data")


@pytest.mark.slow
def test_a_restore_makes_a_disk_of_the_snapshot_and_keeps_the_old_one(world: World) -> None:
    wanted = ("-e", "host=pay-main-2", "-e", "snapshot=latest", "-e", "restore_disk=pay-2-again")
    done = world.play("db_snapshot_restore", *wanted, "-e", "restore_confirm=pay-main-2")
    assert done.returncode == 0, done.failures
    zone = "zones/asia-southeast1-b"
    vm = world.ask("GET", f"{zone}/instances/pay-main-2")
    assert vm["disks"][1]["source"].endswith("/disks/pay-2-again")
    assert "/snapshots/" in world.ask("GET", f"{zone}/disks/pay-2-again")["sourceSnapshot"]
    assert world.ask("GET", f"{zone}/disks/pay-main-2-data")["status"] == "READY"
    # The VM is another one, and its balancers have it again.
    assert world.ask("GET", f"{zone}/instanceGroups/db-payments-b")["size"] == 1


@pytest.mark.slow
def test_a_restore_that_is_repeated_takes_up_its_disk(world: World) -> None:
    """Also where there is a newer snapshot since then, and although Patroni may run on the host again."""
    body = {"name": "pay-2-later", "labels": {"groundwork_cluster": "payments"}}
    world.ask("POST", "zones/asia-southeast1-b/disks/pay-main-2-data/createSnapshot", body)
    wanted = ("-e", "host=pay-main-2", "-e", "snapshot=latest", "-e", "restore_disk=pay-2-again")
    again = world.play("db_snapshot_restore", *wanted)
    assert again.returncode == 0, again.failures
    assert again.changed == 0
    assert "Taken up: pay-2-again was made of" in again.text


@pytest.mark.slow
def test_nodes_that_a_recovery_has_brought_are_not_taken_away(world: World) -> None:
    # Its control plane is not played here, so the nodes are not asked.
    elsewhere = ("-e", "gcp_kubernetes_cluster_kubeconfig=/nonexistent/kubeconfig")
    scaled = world.play("cluster_scale", "-e", "cluster=failover", "-e", "nodes=1", *elsewhere)
    assert scaled.returncode == 0, scaled.failures
    assert "1 nodes in each zone, 3 in all (whether they are ready was not asked)" in scaled.text
    replaced = "provision_allow_replace=compute.instances/asia-southeast1-b/pay-main-2"
    refused = world.play("provision", "-e", replaced)
    assert refused.returncode != 0
    assert "nodes_would_go: container.nodePools/" in refused.text
    # Nor by the role alone, which a recovery may run.
    role = {"gcp_roles": ["gcp_kubernetes_cluster"], "gcp_one_call": False}
    alone = ("../tests/integration/gcp_roles", "-e", json.dumps(role), *elsewhere)
    refused = world.play(*alone)
    assert refused.returncode != 0
    assert "nodes_would_go: container.nodePools/" in refused.text
    allowed = world.play(*alone, "-e", "provision_shrink=true", "--check")
    assert allowed.returncode == 0, allowed.failures


@pytest.mark.slow
def test_production_is_not_taken_down_by_one_word(world: World) -> None:
    confirmed = ("-e", "deprovision_confirm=project-1-prod-payments")
    refused = world.play("deprovision", *confirmed, inventory="production")
    assert refused.returncode != 0
    assert "protected: project-1-prod-payments" in refused.text


def test_an_environment_goes_and_its_data_stays(world: World) -> None:
    done = world.play("deprovision", "-e", f"deprovision_confirm={PROJECT}")
    assert done.returncode == 0, done.failures
    left = {one["type"] for one in world.emulator.state()["resources"].values()}
    assert {"compute.disks", "compute.snapshots", "secretmanager.secrets"} <= left
    assert not left & {"compute.instances", "compute.networks", "container.clusters", "run.jobs"}


def test_a_bare_project_is_planned_and_provisioned(world: World) -> None:
    """Nothing is enabled in it but what the inventory says, also where clients are looked after first."""
    name = "project-9-bare"
    made = world.emulator.call(
        "POST",
        "cloudresourcemanager.googleapis.com/v3/projects",
        {"projectId": name, "parent": "organizations/1"},
    )
    assert made.status == 200, made.message
    given = {
        "gcp_project": name,
        "gcp_projects": {name: {"services": ["compute", "dns", "serviceusage"]}},
        "gcp_database_clusters": {},
        "gcp_kubernetes_clusters": {},
        "provision_roles": ["gcp_projects", "gcp_network", "gcp_security", "gcp_dns"],
        "gcp_security_accounts": {},
        "gcp_security_snapshot_readers": [],
    }
    planned = world.play("provision", "-e", json.dumps(given), "--check")
    assert planned.returncode == 0, planned.failures
    assert "dns.managedZones/staging" in planned.text
    done = world.play("provision", "-e", json.dumps(given))
    assert done.returncode == 0, done.failures
