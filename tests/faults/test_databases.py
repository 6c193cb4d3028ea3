"""Faults that a database cluster has to survive, on a lab of their own (`make faults`)."""

from __future__ import annotations

import json
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
    lab.succeed("site")
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


def test_interrupted_converge_is_repaired_by_the_next(lab: Lab) -> None:
    """A host goes away in the middle of a run that changes something; the next run converges."""
    lab.succeed("lab", lab_state="present")
    container = f"{lab.name}-pay-main-3"
    run(["podman", "kill", container])
    broken = lab.playbook("databases", patroni_max_connections=130)
    assert broken.returncode != 0
    run(["podman", "start", container])
    lab.succeed("databases", patroni_max_connections=130)
    assert lab.succeed("databases", patroni_max_connections=130).changed == 0
