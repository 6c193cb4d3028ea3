"""Figures of gcp_resources for staging's whole footprint, in artifacts/bench/google-cloud.json.

The resources are those that the roles declare from inventories/staging, made in the emulator. With operations that
take their time, divided by SPEED, each run is held against the critical path of its operations, which comes from the
emulator's log and table of references. With operations that take none, one task of ours stands beside google.cloud's
one task a resource, for all resources that google.cloud has a module for, each way in its turn in every round.
Figures fail no run, but a second run that changes anything does. BENCH_RUNS sets the number of rounds (3).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bench import google_cloud_graph as graph
from tests.bench.google_cloud_tasks import NO_MODULE, NO_TOKEN, playbook, tasks
from tests.bench.google_cloud_world import PROJECT, REGION, manage, parsed, staging
from tests.bench.measures import Measure, Measures
from tests.integration.gcp import Emulator
from tests.integration.labs import ROOT, Run, run
from tests.lab.gcp.operations import seconds_of

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
OUTPUT = ROOT / "artifacts/bench/google-cloud.json"
#: Divides the time that operations take.
SPEED = 10
#: Types that others of staging name and that google.cloud cannot make.
NEEDED = ("compute.securityPolicies", "compute.sslCertificates")
#: A tag that no task has: what Ansible takes before and after any task.
NOTHING = "nothing"

Body = dict[str, Any]


@pytest.fixture(scope="module")
def measures() -> Iterator[Measures]:
    """Measures of the whole file; printed at its end, also when a test has failed."""
    found = Measures(OUTPUT)
    yield found
    found.show()


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> list[Body]:
    """What staging consists of."""
    folder = tmp_path_factory.mktemp("declared")
    with Emulator(folder / "emulator") as emulator:
        found = staging(emulator, folder)
    assert len(found) >= 60
    return found


@dataclass
class Figures:
    """Values by name, one more in every round."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **found: float) -> None:
        """Note what a round gave; names have - for _."""
        for name, value in found.items():
            self.values.setdefault(name.replace("_", "-"), []).append(round(value, 3))

    def report(self, measures: Measures, prefix: str) -> None:
        """Hand all of them over."""
        for name, values in self.values.items():
            measures.add(f"{prefix}/{name}", Measure(values))


def created(emulator: Emulator, declared: list[Body]) -> Body:
    """From nothing to everything: seconds, and against the critical path."""
    made = manage(emulator, declared)
    assert not made.result.get("failed"), made.result["msg"]
    operations = emulator.control("operations")
    critical = graph.creation(emulator.state()["resources"], operations)
    return {
        "create": made.done.seconds,
        "create_megabytes": made.done.megabytes,
        "critical": critical,
        "operations_one_by_one": sum(map(graph.seconds, operations)),
        "create_to_critical": made.done.seconds / critical,
        "operations_span_to_critical": graph.span(operations) / critical,
    }


def deleted(emulator: Emulator, declared: list[Body]) -> Body:
    """Back to nothing."""
    before = emulator.state()["resources"]
    known = len(emulator.control("operations"))
    gone = manage(emulator, declared, state="absent", allow_delete=["all"])
    assert gone.actions == {"delete"}
    operations = emulator.control("operations")[known:]
    critical = graph.deletion(before, operations)
    return {
        "delete": gone.done.seconds,
        "delete_critical": critical,
        "delete_to_critical": gone.done.seconds / critical,
    }


def test_staging_at_googles_pace(declared: list[Body], tmp_path: Path, measures: Measures) -> None:
    """Plan, create, again, delete: the module's own process, with operations that take their time."""
    figures = Figures()
    for number in range(RUNS):
        options = ("--operations", "realistic", "--speed", str(SPEED))
        with Emulator(tmp_path / str(number), options) as emulator:
            planned = manage(emulator, declared, check=True)
            assert "create" in planned.actions
            assert not emulator.control("operations"), "check mode only reads"
            made = created(emulator, declared)
            again = manage(emulator, declared)
            assert again.actions == {"unchanged"}
            assert not again.result["changed"]
            figures.add(
                plan=planned.done.seconds,
                **made,
                again=again.done.seconds,
                second_run_changed=len(again.actions - {"unchanged"}),
                **deleted(emulator, declared),
            )
            emulator.complain()
    measures.add("google-cloud/resources", Measure([len(declared)]))
    figures.report(measures, f"google-cloud/speed-{SPEED}")


class Beside:
    """The same resources in two playbooks, each on an emulator of its own."""

    def __init__(self, declared: list[Body], folder: Path) -> None:
        self.folder = folder
        resources = parsed(declared)
        by_key = dict(zip((each.key for each in resources), declared, strict=True))
        known = tasks(resources, refused={**NO_MODULE, **NO_TOKEN})
        self.number = len(known.tasks)
        #: What others name, and google.cloud cannot make: it is there before.
        self.before = [each for each in declared if each["type"] in NEEDED]
        # Where an order was asked for, it is that of resources which are left out.
        wanted = [{**by_key[key], "needs": []} for key in known.tasks]
        theirs, given = folder / "google_cloud.yml", folder / "variables.json"
        theirs.write_text(playbook(known.tasks.values(), PROJECT), encoding="utf-8")
        given.write_text(
            json.dumps({"wanted": wanted, "project": PROJECT, "region": REGION}), encoding="utf-8"
        )
        ours = ["ansible-playbook", "tests/bench/google_cloud.yml", f"--extra-vars=@{given}"]
        self.ways = {
            "one-task": [*ours, "--tags=gcp_resources"],
            "empty-playbook": [*ours, f"--tags={NOTHING}"],
            "google.cloud": ["ansible-playbook", str(theirs)],
        }

    def play(self, way: str, emulator: Emulator) -> Run:
        """Run a whole command."""
        variables: Any = emulator.environment
        done = run(self.ways[way], **variables)
        assert done.returncode == 0, done.failures
        return done


def test_beside_google_cloud(declared: list[Body], tmp_path: Path, measures: Measures) -> None:
    """Whole playbooks, with operations that take no time: what Ansible and the modules need themselves."""
    beside = Beside(declared, tmp_path)
    figures = Figures()
    for number in range(RUNS):
        order = list(beside.ways) if number % 2 else list(reversed(beside.ways))
        found: dict[str, float] = {}
        for way in order:
            with Emulator(tmp_path / f"{way}-{number}") as emulator:
                manage(emulator, beside.before)
                known = len(emulator.control("operations"))
                found[f"{way}/create"] = beside.play(way, emulator).seconds
                operations = emulator.control("operations")[known:]
                again = beside.play(way, emulator)
            found[f"{way}/again"] = again.seconds
            found[f"{way}/again-changed"] = again.changed
            if way == "google.cloud":
                # What Google's own work would add where one resource waits for the other.
                one_by_one = sum(seconds_of(each["method"]) for each in operations)
                found[f"{way}/operations-one-by-one"] = one_by_one
            else:
                assert again.changed == 0
        for step in ("create", "again"):
            found[f"one-task-to-google.cloud/{step}"] = (
                found[f"one-task/{step}"] / found[f"google.cloud/{step}"]
            )
        figures.add(**found)
    measures.add("google-cloud/beside/resources", Measure([beside.number]))
    figures.report(measures, "google-cloud/beside")
