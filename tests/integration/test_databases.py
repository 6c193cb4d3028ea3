"""The life of a database cluster on lab hosts: from bare hosts to a lost primary and back.

The tests of this file stand on one another, in their order, as they are one cluster's life.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from tests.integration.labs import CLUSTER, ROOT, Lab, refused

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("t-db")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drills")


def drill(lab: Lab, reports: Path, **options: Any) -> dict[str, Any]:
    """Run a drill that has to meet its targets; return its report."""
    name = "-".join(options.values())
    lab.succeed("db_drill", drills_directory=str(reports), drill_id=name, **CLUSTER, **options)
    report: dict[str, Any] = json.loads((reports / name / "report.json").read_text())
    schema = json.loads((ROOT / "docs/drill-report.schema.json").read_text())
    validate(report, schema)
    return report


def test_check_mode_on_bare_hosts_names_what_it_would_do(lab: Lab) -> None:
    run = lab.succeed("databases", "--check", "--diff")
    assert run.changed > 0
    assert "Install PostgreSQL" in run.output


def test_disk_with_data_is_refused_before_any_host_is_changed(lab: Lab) -> None:
    disk = "/dev/disk/by-id/lab-data"
    lab.run("pay-main-3", f"echo precious | dd of={disk} seek=9 status=none")
    refused(lab.playbook("databases"), "device_holds_data", "pay-main-3")
    lab.run("pay-main-3", f"dd if=/dev/zero of={disk} bs=1M count=1 status=none")


def test_major_that_the_release_lacks_is_refused_before_any_host_is_changed(lab: Lab) -> None:
    refused(lab.playbook("databases", postgresql_major=16), "release_without_major", "PGDG")


def test_bare_hosts_become_a_cluster(lab: Lab) -> None:
    run = lab.succeed("databases")
    assert "payments acknowledged," in run.output.replace("\n", " ")


def test_second_run_changes_nothing(lab: Lab) -> None:
    assert lab.succeed("databases").changed == 0


def test_no_password_stands_in_a_journal(lab: Lab) -> None:
    passwords = [path.read_text().split()[0] for path in (lab.state / "secrets").iterdir()]
    journals = lab.ask("journalctl --no-pager --output cat")
    assert len(passwords) >= 8
    # The failover region's host is there for later and was not touched.
    assert sum("Invoked with" in journal for journal in journals.values()) == 6
    for host, journal in journals.items():
        assert not [number for number, word in enumerate(passwords) if word in journal], host


def test_check_mode_on_converged_hosts_shows_no_change(lab: Lab) -> None:
    assert lab.succeed("databases", "--check", "--diff").changed == 0


def test_status_is_a_table(lab: Lab) -> None:
    output = lab.succeed("db_status").output
    assert "payments: well" in output
    assert "pay-main-backup" in output


def test_candidate_that_is_no_member_is_refused(lab: Lab) -> None:
    refused(
        lab.playbook("db_switchover", candidate="lb-main-1", **CLUSTER), "lb-main-1", "pay-main-1"
    )


def test_backup_replica_never_takes_over(lab: Lab) -> None:
    refused(
        lab.playbook("db_switchover", candidate="pay-main-backup", **CLUSTER), "pay-main-backup"
    )


def test_failover_leaves_a_healthy_primary_alone(lab: Lab) -> None:
    run = lab.succeed("db_failover", **CLUSTER)
    assert run.changed == 0
    assert "nothing to replace" in run.output.replace("\n", " ").replace("  ", " ")


def test_planned_switchover_loses_nothing(lab: Lab, reports: Path) -> None:
    report = drill(lab, reports, drill="switchover")
    assert report["rpo_rows"] == 0
    assert report["verdict"] == "passed"


def test_silent_loss_of_the_primary_stays_inside_its_bound(lab: Lab, reports: Path) -> None:
    report = drill(lab, reports, drill="failover", drill_loss="silent")
    assert report["rpo_rows"] == 0
    assert report["acknowledged"] > 0
    assert 0 < report["rto_seconds"] <= report["bound_seconds"]


def test_fenced_failover_does_not_wait_for_the_lease(lab: Lab, reports: Path) -> None:
    report = drill(lab, reports, drill="fenced_failover", drill_loss="silent")
    assert report["rpo_rows"] == 0
    assert report["rto_seconds"] <= report["bound_seconds"] < 20, "the lease alone takes 20 s"
