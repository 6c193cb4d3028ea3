"""Staging from nothing, by its own playbooks, in a Google Cloud that the fabric plays.

No host is in an inventory before it was provisioned. Tests build on one another, as the life of an environment does.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.integration.gcp_cloud import PROJECT, Cloud, until
from tests.integration.labs import ROOT, run

pytestmark = [pytest.mark.lab, pytest.mark.slow]

MEMBERS = ["pay-main-1", "pay-main-2", "pay-main-3"]
DATABASES = ROOT / "inventories/staging/group_vars/all/gcp_databases.yml"
#: In the data directory.
MARK = "/srv/postgresql/17/payments/of-the-snapshot"
PARTNER = "203.0.113.200"
#: What the way out is tried with.
SITE = {"nat_gateway_check": {"from": "pay-main-1", "url": f"http://{PARTNER}/"}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("cloud") / "t-cloud")
    try:
        made.start()
        yield made
    finally:
        print((made.folder / "log").read_text(encoding="utf-8")[-3000:])
        made.stop()


@pytest.fixture(autouse=True)
def _played(cloud: Cloud) -> Iterator[None]:
    """Whatever is asked of the emulator has to be played by it."""
    yield
    cloud.emulator.complain()


def health(cloud: Cloud, service: str) -> dict[str, str]:
    """What the health checks of a backend service of the main region found, by host."""
    path = f"regions/asia-southeast1/backendServices/{service}"
    found: dict[str, str] = {}
    for backend in cloud.ask("GET", path)["backends"]:
        told = cloud.ask("POST", f"{path}/getHealth", {"group": backend["group"]})
        for one in told.get("healthStatus", []):
            found[one["instance"].rpartition("/")[2]] = one["healthState"]
    return found


def primary(cloud: Cloud) -> str:
    """Host that the balancer of the primary leads to."""
    (found,) = [
        host for host, state in health(cloud, "db-payments-primary").items() if state == "HEALTHY"
    ]
    return found


def query(cloud: Cloud, host: str, sql: str, database: str = "payments") -> str:
    """What a database of a host answers its superuser."""
    ask = f'psql -h /var/run/postgresql -XAtc "{sql}" {database}'
    return cloud.run(host, f"sudo -u postgres {ask}")


def test_from_nothing_to_payments_in_one_command(cloud: Cloud) -> None:
    hub = ["ansible-playbook", "-i", "inventories/hub", "-e", "@tests/lab/gcp/hub.yml"]
    made = run([*hub, "playbooks/provision.yml"], **cloud.variables)
    assert made.returncode == 0, made.failures
    assert not cloud.inventory().get("gcp_hosts")
    cloud.partner("partner", PARTNER)
    done = cloud.succeed("site.yml", **SITE)
    assert "payments acknowledged, none missing" in done.text
    assert "a payment through the Gateway http healthy" in done.text
    found = cloud.inventory()
    assert sorted(found["pg_payments"]["hosts"]) == [*MEMBERS, "pay-main-backup"]
    assert len(found["nat_gateways"]["hosts"]) == 4
    ping = ["ansible", "gcp_hosts", *cloud.inventories, "-m", "ansible.builtin.ping"]
    pinged = run(ping, **cloud.variables)
    assert pinged.returncode == 0, pinged.output
    assert len(re.findall("SUCCESS", pinged.output)) == len(found["gcp_hosts"]["hosts"]) == 10


def test_the_same_command_again_changes_nothing(cloud: Cloud) -> None:
    assert cloud.succeed("site.yml", **SITE).changed == 0


def test_partners_see_the_gateways_and_nobody_else(cloud: Cloud) -> None:
    addresses = {
        one["address"] for one in cloud.ask("GET", "regions/asia-southeast1/addresses")["items"]
        if one["addressType"] == "EXTERNAL"
    }  # fmt: skip
    assert len(addresses) == 2
    seen: set[str] = set()
    for host in (*MEMBERS, "pay-main-backup", "bastion"):
        seen |= cloud.seen(host, f"http://{PARTNER}/")
    assert seen
    assert seen <= addresses


def test_balancers_know_the_primary_by_patroni_s_own_word(cloud: Cloud) -> None:
    leader = primary(cloud)
    assert query(cloud, leader, "SELECT pg_is_in_recovery()") == "f"
    replicas = {
        host for host, state in health(cloud, "db-payments-replicas").items() if state == "HEALTHY"
    }
    assert replicas == set(MEMBERS) - {leader}


def test_payments_of_the_cluster_are_in_the_databases(cloud: Cloud) -> None:
    pods = json.loads(cloud.kubectl("get", "pods", "-A", "-o", "json", context="staging-main"))
    payment = next(
        pod for pod in pods["items"] if pod["metadata"]["name"].startswith("nx-payment-api")
    )
    # It has an address of its own in the network, which the databases' rules go by.
    assert payment["status"]["podIP"].startswith("10.64.")
    paid = "SELECT count(*) FROM payment.payment"
    assert int(query(cloud, primary(cloud), paid, "nx_core")) >= 1


def test_nodes_of_the_other_region_come_for_a_recovery_and_go(cloud: Cloud) -> None:
    assert not cloud.kubectl("get", "nodes", "-o", "name").split()
    cloud.succeed("cluster_scale", cluster="failover", nodes=1)
    # One in each zone.
    assert len(cloud.kubectl("get", "nodes", "-o", "name").split()) == 3
    refused = cloud.play("provision")
    assert "nodes_would_go" in refused.text
    cloud.succeed("cluster_scale", cluster="failover", nodes=0)
    assert not cloud.kubectl("get", "nodes", "-o", "name").split()


def test_the_balancer_follows_when_the_primary_s_vm_dies(cloud: Cloud) -> None:
    before = primary(cloud)
    drilled = cloud.succeed("db_drill", drill="failover", drill_loss="kill", drill_rate=20)
    print(re.findall(r".*RTO.*|.*outage.*", drilled.output))
    assert primary(cloud) != before
    until(lambda: set(health(cloud, "db-payments-primary")) == set(MEMBERS))


def test_a_member_gets_its_disk_from_a_snapshot(cloud: Cloud) -> None:
    leader = primary(cloud)
    query(cloud, leader, "CREATE TABLE kept AS SELECT 1 AS one")
    member = next(host for host in MEMBERS if host != leader)
    # A copy of the primary's would not have it.
    cloud.run(member, f"touch {MARK}")
    cloud.succeed("db_snapshot", snapshot_label="before-loss")
    refused = cloud.play("db_snapshot_restore", host=member, snapshot="latest")
    assert "may_serve" in refused.text
    cloud.run(member, "systemctl stop patroni")
    done = cloud.succeed("db_snapshot_restore", host=member, snapshot="latest")
    disk = re.search(rf"{member} has the disk (\S+),", done.text)
    assert disk
    # Who restores writes it into the inventory, and the next runs go by that.
    databases = yaml.safe_load(DATABASES.read_text(encoding="utf-8"))["gcp_database_clusters"]
    databases["payments"]["members"][member]["disk"] = disk.group(1)
    cloud.write(gcp_database_clusters=databases)
    cloud.succeed("databases")
    assert query(cloud, member, "SELECT one FROM kept") == "1"
    cloud.run(member, f"test -e {MARK}")
    again = cloud.succeed("provision")
    assert again.changed == 0


def test_at_last_nothing_is_left(cloud: Cloud) -> None:
    cloud.succeed("deprovision", deprovision_confirm=PROJECT, deprovision_data=True)
    partner = f"{cloud.name}-partner"
    assert set(cloud.fabric("show")["containers"]) <= {partner}
    assert not cloud.fabric("show")["loops"]
    gone = ["podman", "rm", "--force", "--ignore", "--time", "0", partner]
    subprocess.run(gone, check=True, capture_output=True)
    # The hub's network is not staging's.
    assert len([one for one in cloud.fabric("show")["namespaces"] if ".net." in one]) == 1
