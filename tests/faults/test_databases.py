"""Faults that a database cluster has to survive, on a lab of their own (`make faults`)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import ROOT, Lab, run

pytestmark = [pytest.mark.lab, pytest.mark.slow]
CLUSTER: dict[str, Any] = {"databases": "payments"}


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("faults")
    lab.succeed("databases")
    return lab


@pytest.mark.parametrize("sequence", ["stale_leader", "replica_ahead", "fenced_standby"])
def test_sequence_of_faults_costs_no_acknowledged_payment(
    lab: Lab, tmp_path: Path, sequence: str
) -> None:
    lab.succeed(
        str(ROOT / f"tests/faults/{sequence}.yml"),
        drills_directory=str(tmp_path),
        drill_id=sequence,
        **CLUSTER,
    )


@pytest.mark.parametrize("loss", ["silent", "kill"])
@pytest.mark.parametrize("durability", ["sync", "sync_all"])
@pytest.mark.parametrize("drill", ["failover", "replica_loss"])
def test_loss_of_a_host_costs_no_acknowledged_payment(
    lab: Lab, tmp_path: Path, durability: str, drill: str, loss: str
) -> None:
    name = f"{drill}-{durability}-{loss}"
    lab.succeed("databases", durability_preset=durability)
    lab.succeed(
        "db_drill",
        drills_directory=str(tmp_path),
        drill_id=name,
        drill=drill,
        drill_loss=loss,
        durability_preset=durability,
        **CLUSTER,
    )
    report = json.loads((tmp_path / name / "report.json").read_text(encoding="utf-8"))
    assert report["rpo_rows"] == 0
    assert report["rto_seconds"] <= report["bound_seconds"]


def test_failover_without_a_fence_awaits_the_end_of_the_lease(lab: Lab) -> None:
    """Nobody can stop the lost host, so its lock is left to it until the lease ends; a lost primary is no candidate."""
    lab.succeed("databases")
    leader = lab.leader()
    run(["podman", "kill", f"{lab.name}-{leader}"])
    try:
        refused = lab.playbook("db_failover", db_fence_command=[], candidate=leader, **CLUSTER)
        assert refused.returncode == 2
        assert "is the host that was lost" in refused.text
        done = lab.succeed("db_failover", db_fence_command=[], **CLUSTER)
        assert "the end of its lease is awaited" in done.text
        assert lab.leader() != leader
    finally:
        run(["podman", "start", f"{lab.name}-{leader}"])
    lab.succeed("databases")


def test_host_that_goes_away_in_the_middle_of_a_run_is_repaired_by_the_next(
    lab: Lab, tmp_path: Path
) -> None:
    lab.succeed("lab", lab_state="present")
    meanwhile = {"drills_directory": str(tmp_path), "drill_id": "meanwhile", **CLUSTER}
    container = f"{lab.name}-pay-main-3"
    broken = lab.disturb(
        "databases",
        "groundwork.platform.patroni : Write the member's files",
        lambda _: run(["podman", "kill", container]),
        patroni_max_connections=130,
    )
    assert broken > 0
    # The others are a cluster still, and take writes.
    assert lab.leader() in ("pay-main-1", "pay-main-2")
    lab.succeed(str(ROOT / "tests/faults/payments.yml"), payments="start", **meanwhile)
    lab.succeed(str(ROOT / "tests/faults/payments.yml"), payments="stop", **meanwhile)
    run(["podman", "start", container])
    lab.succeed("databases", patroni_max_connections=130)
    assert lab.succeed("databases", patroni_max_connections=130).changed == 0


def kill_soon(process: subprocess.Popen[str]) -> None:
    """End the controller's side in the middle of a task, as a lost session does; what runs on a host goes on."""
    time.sleep(0.5)
    # Ansible's workers have sessions of their own, and without their parent some would wait for ever.
    workers = subprocess.run(
        ["pgrep", "--parent", str(process.pid)], capture_output=True, text=True, check=False
    )
    os.killpg(process.pid, signal.SIGKILL)
    subprocess.run(
        ["kill", "-KILL", *workers.stdout.split()], check=False, stderr=subprocess.DEVNULL
    )


def test_run_that_is_killed_anywhere_converges_when_it_is_started_again(
    make_lab: Callable[..., Lab],
) -> None:
    """One converge from bare hosts, killed in task after task, each time a little further on."""
    lab = make_lab("killed")
    for task in (
        "host_baseline : Install packages",
        "host_baseline : Write the settings",
        "certificates : Sign what the host requests",
        "data_disk : Format",
        "etcd : Start all members",
        "postgresql : Install PostgreSQL",
        "patroni : Start Patroni",
        "patroni : Wait for the cluster",
        "patroni : Create the databases",
        "load_balancer : Configure HAProxy",
        "monitoring_agents : Configure TLS, users and the exporters",
    ):
        ended = lab.disturb("databases", f"groundwork.platform.{task}", kill_soon)
        assert ended == -signal.SIGKILL
    lab.succeed("databases")
    assert lab.succeed("databases").changed == 0
