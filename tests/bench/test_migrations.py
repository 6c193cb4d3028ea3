"""Figures of ordered_migrations beside one Job after the other and level by level, in artifacts/bench/migrations.json.

12 Jobs of 2 to 6 s on the real node, each way in its turn in every round, with a graph in which levels cost and with
the seed's, in which they hardly do; then 300 migrations with a random graph on simulated nodes. Figures fail no run: a
target that was missed is said in the table and in the file. BENCH_RUNS sets the number of rounds (3).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import longest_chain
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import (
    service_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.template import job

from tests.bench.measures import Measure, Measures
from tests.integration.labs import ROOT, Lab
from tests.integration.migrations import NAMESPACE, Migrations, service
from tests.integration.real_cluster import Cluster
from tests.integration.test_lab_kubernetes import HOSTS

pytestmark = [pytest.mark.lab, pytest.mark.kube]

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
OUTPUT = ROOT / "artifacts/bench/migrations.json"
SIMULATED = 300

#: What each needs and how many seconds it takes. Four chains, each with its long step at another place: a level waits
#: for the longest of its Jobs, a graph only for what is needed.
UNEVEN: dict[str, tuple[tuple[str, ...], int]] = {
    f"chain-{chain}-{step}": (
        (f"chain-{chain}-{step - 1}",) if step else (),
        6 if step == chain % 3 else 2,
    )
    for chain in range(4)
    for step in range(3)
}
#: Seed 001 in production: identity, then the others side by side.
SEED: dict[str, tuple[tuple[str, ...], int]] = {
    "identity": ((), 2),
    **{
        name: (("identity",), 2 + number % 5)
        for number, name in enumerate(
            (
                *("commerce", "sale", "finance", "inventory", "pricing", "payment"),
                *("ledger", "signal", "mail", "report", "audit"),
            )
        )
    },
}
GRAPHS = {"uneven": UNEVEN, "seed": SEED}


@dataclass(frozen=True)
class Took:
    """Seconds of a whole way, and of the longest chain of its Jobs' own durations."""

    makespan: float
    chain: float


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("b-migrations", HOSTS, kubernetes=True)
    lab.succeed("lab", lab_state="present", nodes=3)
    for cluster in ("main", "failover"):
        Cluster(lab, cluster).do("create", "namespace", NAMESPACE)
    return lab


@pytest.fixture(scope="module")
def measures() -> Iterator[Measures]:
    """Measures of the whole file; printed at its end, also when a test has failed."""
    found = Measures(OUTPUT)
    yield found
    found.show()


Graph = Mapping[str, tuple[Sequence[str], int]]


def services(graph: Graph) -> list[dict[str, Any]]:
    return [
        service(name, f"sleep {seconds}", needs=list(needs))
        for name, (needs, seconds) in graph.items()
    ]


def manifest(entry: dict[str, Any], version: str) -> str:
    options = {name: option.get("default") for name, option in service_options().items()}
    return json.dumps(job({**options, **entry}, version, NAMESPACE))


def one_by_one(cluster: Cluster, graph: Graph, version: str) -> None:
    """As a script of kubectl does it: apply, wait, next."""
    by_name = {entry["name"]: entry for entry in services(graph)}
    for name in TopologicalSorter(
        {key: needs for key, (needs, _s) in graph.items()}
    ).static_order():
        cluster.do("apply", "-f", "-", given=manifest(by_name[name], version))
        _await(cluster, [name], version)


def by_level(cluster: Cluster, graph: Graph, version: str) -> None:
    """All of a level at once, and the next level when the last of them has ended."""
    by_name = {entry["name"]: entry for entry in services(graph)}
    sorter = TopologicalSorter({key: needs for key, (needs, _s) in graph.items()})
    sorter.prepare()
    while sorter.is_active():
        level = sorter.get_ready()
        text = "\n---\n".join(manifest(by_name[name], version) for name in level)
        cluster.do("apply", "-f", "-", given=text)
        _await(cluster, level, version)
        sorter.done(*level)


def as_graph(cluster: Cluster, graph: Graph, version: str) -> None:
    done = Migrations(cluster).run(*services(graph), version=version)
    assert not done.get("failed"), done["msg"]


WAYS = {"one-by-one": one_by_one, "levels": by_level, "graph": as_graph}


def _await(cluster: Cluster, names: Sequence[str], version: str) -> None:
    jobs = [f"job/nx-{name}-migrate-{version}" for name in names]
    cluster.do("wait", "--for=condition=complete", *jobs, "-n", NAMESPACE, "--timeout=300s")


def took(cluster: Cluster, way: str, graph: Graph, version: str) -> Took:
    began = time.monotonic()
    WAYS[way](cluster, graph, version)
    makespan = time.monotonic() - began
    needs = {name: tuple(needs) for name, (needs, _seconds) in graph.items()}
    seconds = {name: _own(body) for name, body in Migrations(cluster).complete(version).items()}
    cluster.do("delete", "jobs", "--all", "-n", NAMESPACE)
    assert seconds.keys() == graph.keys()
    return Took(makespan, longest_chain(needs, seconds)[1])


def _own(body: dict[str, Any]) -> float:
    """From a Job's creation to its completion, in the whole seconds that the cluster writes."""
    began, ended = body["metadata"]["creationTimestamp"], body["status"]["completionTime"]
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_takes_its_longest_chain(lab: Lab, measures: Measures, name: str) -> None:
    cluster = Cluster(lab, "main")
    found: dict[str, list[Took]] = {way: [] for way in WAYS}
    for number in range(RUNS):
        for way, done in found.items():
            done.append(took(cluster, way, GRAPHS[name], f"{way}-{name}-{number}"))
    for way, done in found.items():
        measures.add(f"migrations/{name}/{way}", Measure([each.makespan for each in done]))
    # The target's own terms: 1.1 of the chain, and 1 s.
    ratios = [each.makespan / (1.1 * each.chain + 1) for each in found["graph"]]
    measures.add(f"migrations/{name}/graph-to-target", Measure(ratios))
    for way in ("one-by-one", "levels"):
        pairs = zip(found["graph"], found[way], strict=True)
        values = [ours.makespan / theirs.makespan for ours, theirs in pairs]
        measures.add(f"migrations/{name}/graph-to-{way}", Measure(values))


def test_a_failure_is_told_as_soon_as_the_cluster_knows(
    lab: Lab, measures: Measures, tmp_path: Any
) -> None:
    cluster, values = Cluster(lab, "main"), []
    for number in range(RUNS):
        version, progress = f"failing-{number}", tmp_path / f"progress-{number}"
        begun = Migrations(cluster).begin(
            service("sale", "exit 3"),
            service("ledger", "sleep 8"),
            version=version,
            progress_file=str(progress),
        )
        known = _knows(cluster, f"nx-sale-migrate-{version}")
        while not (progress.exists() and '"failed"' in progress.read_text()):
            time.sleep(0.02)
        # Below 0 it was told before kubectl could say it.
        values.append(max(0.0, time.monotonic() - known))
        assert begun.stdout
        begun.stdout.read()
        begun.wait()
    measures.add("migrations/failure-told", Measure(values))


def _knows(cluster: Cluster, name: str) -> float:
    cluster.do("wait", "--for=create", f"job/{name}", "-n", NAMESPACE, "--timeout=60s")
    cluster.do("wait", "--for=condition=failed", f"job/{name}", "-n", NAMESPACE, "--timeout=60s")
    return time.monotonic()


def test_hundreds_of_migrations_with_a_random_graph(lab: Lab, measures: Measures) -> None:
    cluster, values, times = Cluster(lab, "failover"), [], []
    for number in range(RUNS):
        chance = random.Random(number)
        names = [f"m{place:03}" for place in range(SIMULATED)]
        graph: Graph = {
            name: (
                chance.sample(names[max(0, place - 40) : place], min(place, chance.randint(0, 3))),
                1,
            )
            for place, name in enumerate(names)
        }
        done = took(cluster, "graph", graph, f"random-{number}")
        times.append(done.makespan)
        values.append(done.makespan / done.chain)
    measures.add("migrations/300/makespan", Measure(times))
    measures.add("migrations/300/makespan-to-chain", Measure(values))
