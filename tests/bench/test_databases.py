"""Figures of a database cluster on lab hosts, written to artifacts/bench/databases.json.

Run with `make bench`, nothing else running. BENCH_RUNS sets how often each drill is repeated (5).
Figures are compared within the run (second converge against first, drills against their computed
bound), so that they say something on any machine; only losses and broken bounds fail the run.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import ROOT, Lab

RUNS = int(os.environ.get("BENCH_RUNS", "5"))
OUTPUT = ROOT / "artifacts/bench/databases.json"
CLUSTER: dict[str, Any] = {"databases": "payments"}


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, Any]]:
    """Figures of the whole file; written and printed at its end, also when a test has failed."""
    found: dict[str, Any] = {}
    yield found
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2), f"\nwritten to {OUTPUT}")


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("bench")


def rebuild(lab: Lab, **options: Any) -> None:
    """Give the lab bare hosts again."""
    lab.succeed("lab", lab_state="absent")
    lab.succeed("lab", lab_state="present", **options)


def test_converge(lab: Lab, figures: dict[str, Any]) -> None:
    rebuild(lab, lab_package_cache=False)
    cold = lab.succeed("site").seconds
    rebuild(lab)
    bare_check = lab.succeed("site", "--check").seconds
    first = lab.succeed("site")
    second = lab.succeed("site")
    check = lab.succeed("site", "--check", "--diff")
    figures["converge"] = {
        "first_downloads_cold_seconds": round(cold, 1),
        "first_downloads_cached_seconds": round(first.seconds, 1),
        "second_seconds": round(second.seconds, 1),
        "second_to_first": round(second.seconds / first.seconds, 3),
        "check_bare_seconds": round(bare_check, 1),
        "check_converged_seconds": round(check.seconds, 1),
    }
    assert second.changed == 0
    assert check.changed == 0


def drills(
    lab: Lab, folder: Path, figures: dict[str, Any], durability: str, **options: Any
) -> list[dict[str, Any]]:
    """Repeat a drill under a durability preset; record and return its reports."""
    lab.succeed("databases", durability_preset=durability)
    reports = []
    for number in range(RUNS):
        name = f"{durability}-{'-'.join(options.values())}-{number}"
        lab.succeed(
            "db_drill",
            drills_directory=str(folder),
            drill_id=name,
            durability_preset=durability,
            **CLUSTER,
            **options,
        )
        reports.append(json.loads((folder / name / "report.json").read_text(encoding="utf-8")))
    seconds = [report["rto_seconds"] for report in reports]
    figures[f"{'-'.join(options.values())}-{durability}"] = {
        "seconds": seconds,
        "median": statistics.median(seconds),
        "bound": reports[0]["bound_seconds"],
        "worst_to_bound": round(max(seconds) / reports[0]["bound_seconds"], 3),
        "acknowledged": sum(report["acknowledged"] for report in reports),
        "lost_rows": sum(report["rpo_rows"] for report in reports),
    }
    return reports


@pytest.mark.parametrize("durability", ["async", "sync", "sync_all"])
def test_planned_switchover(
    lab: Lab, tmp_path: Path, figures: dict[str, Any], durability: str
) -> None:
    reports = drills(lab, tmp_path, figures, durability, drill="switchover")
    assert all(report["rpo_rows"] == 0 for report in reports)


@pytest.mark.parametrize("loss", ["silent", "kill"])
@pytest.mark.parametrize("durability", ["sync", "sync_all"])
def test_loss_of_the_primary(
    lab: Lab, tmp_path: Path, figures: dict[str, Any], durability: str, loss: str
) -> None:
    reports = drills(lab, tmp_path, figures, durability, drill="failover", drill_loss=loss)
    assert all(report["rpo_rows"] == 0 for report in reports)
    assert all(report["rto_seconds"] <= report["bound_seconds"] for report in reports)


@pytest.mark.parametrize("loss", ["silent", "kill"])
@pytest.mark.parametrize("durability", ["sync", "sync_all"])
def test_loss_of_a_synchronous_replica(
    lab: Lab, tmp_path: Path, figures: dict[str, Any], durability: str, loss: str
) -> None:
    reports = drills(lab, tmp_path, figures, durability, drill="replica_loss", drill_loss=loss)
    assert all(report["rpo_rows"] == 0 for report in reports)
    assert all(report["rto_seconds"] <= report["bound_seconds"] for report in reports)


def test_fenced_failover(lab: Lab, tmp_path: Path, figures: dict[str, Any]) -> None:
    reports = drills(lab, tmp_path, figures, "sync", drill="fenced_failover", drill_loss="silent")
    assert all(report["rpo_rows"] == 0 for report in reports)
