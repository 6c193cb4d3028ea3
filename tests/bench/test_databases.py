"""Figures of a database cluster on lab hosts, written to artifacts/bench/databases.json.

Run with `make bench`, nothing else running. BENCH_RUNS sets how often each drill is repeated (5);
drills that are no target of their own are repeated half as often.
Figures are compared within the run (second converge against first, drills against their computed
bound), so that they say something on any machine; only losses and broken bounds fail the run.
A target that was missed is said in the table and in the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.measures import Measure, Measures
from tests.integration.labs import ROOT, Lab

RUNS = int(os.environ.get("BENCH_RUNS", "5"))
#: For what is no target of its own.
FEWER = (RUNS + 1) // 2
OUTPUT = ROOT / "artifacts/bench/databases.json"
CLUSTER: dict[str, Any] = {"databases": "payments"}


@pytest.fixture(scope="module")
def measures() -> Iterator[Measures]:
    """Measures of the whole file; printed at its end, also when a test has failed."""
    found = Measures(OUTPUT)
    yield found
    found.show()


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("bench")


def rebuild(lab: Lab, **options: Any) -> None:
    """Give the lab bare hosts again."""
    lab.succeed("lab", lab_state="absent")
    lab.succeed("lab", lab_state="present", **options)


def test_lab(lab: Lab, measures: Measures) -> None:
    measures.add("lab/second", Measure([round(lab.up().seconds, 1)]))


def test_converge(lab: Lab, measures: Measures) -> None:
    rebuild(lab, lab_package_cache=False)
    cold = lab.succeed("databases").seconds
    rebuild(lab)
    bare_check = lab.succeed("databases", "--check").seconds
    first = lab.succeed("databases")
    second = lab.succeed("databases")
    check = lab.succeed("databases", "--check", "--diff")
    for name, value in {
        "downloads-cold": cold,
        "downloads-cached": first.seconds,
        "second": second.seconds,
        "second-to-first": second.seconds / first.seconds,
        "check-bare": bare_check,
        "check-converged": check.seconds,
    }.items():
        measures.add(f"converge/{name}", Measure([round(value, 3 if value < 1 else 1)]))
    assert second.changed == 0
    assert check.changed == 0


@pytest.fixture(scope="module", params=["async", "sync", "sync_all"])
def durability(request: pytest.FixtureRequest, lab: Lab) -> str:
    """Each preset in its turn: all drills of one come before the next."""
    lab.succeed("databases", durability_preset=request.param)
    return str(request.param)


Drills = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def drills(lab: Lab, tmp_path: Path, measures: Measures, durability: str) -> Drills:
    """Repeat a drill under the preset; record and return its reports."""

    def repeat(runs: int, **options: Any) -> list[dict[str, Any]]:
        kind = "-".join(options.values())
        reports = []
        for number in range(runs):
            name = f"{kind}-{durability}-{number}"
            lab.succeed(
                "db_drill",
                drills_directory=str(tmp_path),
                drill_id=name,
                durability_preset=durability,
                **CLUSTER,
                **options,
            )
            reports.append(json.loads((tmp_path / name / "report.json").read_text("utf-8")))
        measures.add(f"{kind}/{durability}", summary(reports))
        return reports

    return repeat


def summary(reports: list[dict[str, Any]]) -> Measure:
    """Seconds without acknowledgements, against the computed bound, and what was lost."""
    return Measure(
        [report["rto_seconds"] for report in reports],
        bound=max(report["bound_seconds"] for report in reports),
        acknowledged=sum(report["acknowledged"] for report in reports),
        lost_rows=sum(report["rpo_rows"] for report in reports),
    )


def hold(reports: list[dict[str, Any]]) -> None:
    """Nothing acknowledged was lost, and every run stayed inside its bound."""
    assert all(report["rpo_rows"] == 0 for report in reports)
    assert all(report["rto_seconds"] <= report["bound_seconds"] for report in reports)


def test_planned_switchover(drills: Drills) -> None:
    hold(drills(RUNS, drill="switchover"))


@pytest.mark.parametrize("loss", ["silent", "kill"])
def test_loss_of_the_primary(drills: Drills, durability: str, loss: str) -> None:
    if durability == "async":
        pytest.skip("async may lose rows with its primary: docs/durability.md says how many")
    hold(drills(RUNS, drill="failover", drill_loss=loss))


@pytest.mark.parametrize("loss", ["silent", "kill"])
def test_loss_of_a_synchronous_replica(drills: Drills, durability: str, loss: str) -> None:
    if durability == "async":
        pytest.skip("async waits for no replica")
    hold(drills(FEWER, drill="replica_loss", drill_loss=loss))


def test_fenced_failover(drills: Drills, durability: str) -> None:
    if durability != "sync":
        pytest.skip("measured with the preset that a platform begins with")
    hold(drills(RUNS, drill="fenced_failover", drill_loss="silent"))


def test_failover_by_its_short_name(
    lab: Lab, tmp_path: Path, measures: Measures, durability: str
) -> None:
    """Seconds from the start of `ansible-playbook play-db-failover.yml -i lab` to a payment."""
    if durability != "sync":
        pytest.skip("measured with the preset that a platform begins with")
    seconds = []
    for number in range(RUNS):
        name = f"by-name-{number}"
        options = {"drills_directory": str(tmp_path), "drill_id": name, **CLUSTER}
        lab.succeed(str(ROOT / "tests/bench/failover_by_name.yml"), **options)
        started = float((tmp_path / name / "started").read_text("utf-8"))
        attempts = map(json.loads, (tmp_path / name / "attempts.jsonl").open(encoding="utf-8"))
        first = min(item["done"] for item in attempts if item["ok"] and item["done"] > started)
        seconds.append(round(first - started, 2))
    measures.add("play-db-failover/sync", Measure(seconds))
