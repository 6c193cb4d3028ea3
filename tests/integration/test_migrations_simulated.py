"""ordered_migrations with simulated pods: what can be seen of it without a node, in little time.

tests/integration/test_ordered_migrations.py tries the same with real pods, and their logs, images and Secrets.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.between import between
from tests.integration.kube_api import Api
from tests.integration.kube_world import until
from tests.integration.migrations import Body, Migrations, ended, one, service, states
from tests.integration.real_cluster import Cluster
from tests.integration.simulated_pods import Pods, simulated

pytestmark = [pytest.mark.kube]

PREFIX = "simulated-"
VERSION = "4"


@pytest.fixture(scope="module")
def pods(kube: Api) -> Iterator[Pods]:
    with simulated(kube, PREFIX) as found:
        yield found


@pytest.fixture
def migrations(kube: Api, pods: Pods, request: pytest.FixtureRequest) -> Iterator[Migrations]:
    """The module in a namespace of the test's own, so that nobody waits for another test's Lease."""
    assert pods
    name = f"{PREFIX}{zlib.crc32(request.node.name.encode())}"
    kube.kubectl("create", "namespace", name)
    yield Migrations(Cluster.at(kube.kubeconfig), name)
    kube.kubectl("delete", "namespace", name, "--wait=false")


def lines(path: Path) -> dict[tuple[str, str], float]:
    """What was told, and after how many seconds."""
    told = [json.loads(line) for line in path.read_text().splitlines()]
    return {(entry["name"], entry["text"]): entry["seconds"] for entry in told}


def failed_at(migrations: Migrations, name: str) -> float:
    """When the cluster says that a Job failed."""

    def failed() -> bool:
        conditions = migrations.jobs(VERSION).get(name, {}).get("status", {}).get("conditions", ())
        return any(entry["type"] == "FailureTarget" for entry in conditions)

    until(failed)
    return time.monotonic()


def test_they_run_in_the_order_of_the_graph_and_once(
    migrations: Migrations, tmp_path: Path
) -> None:
    services = [
        service("finance", needs=["sale"]),
        service("sale", needs=["identity"]),
        service("commerce", "sleep 4", needs=["identity"]),
        service("identity"),
    ]
    planned = migrations.run(*services, version=VERSION, check=True)
    assert set(states(planned).values()) == {"would_run"}
    assert (migrations.jobs(VERSION), migrations.history()) == ({}, {})
    progress = tmp_path / "progress"
    done = migrations.run(*services, version=VERSION, progress_file=str(progress))
    assert set(states(done).values()) == {"done"}
    told = lines(progress)
    assert told["identity", "done"] <= told["sale", "running"]
    assert told["sale", "done"] <= told["finance", "running"] < told["commerce", "done"]
    assert done["critical_path"] == ["identity", "commerce"]
    again = migrations.run(*services, version=VERSION)
    assert (set(states(again).values()), again["changed"]) == ({"skipped"}, False)
    # Also where the Jobs are gone.
    migrations.cluster.do("delete", "jobs", "--all", "-n", migrations.namespace)
    again = migrations.run(*services, version=VERSION)
    assert (set(states(again).values()), again["changed"]) == ({"skipped"}, False)
    assert migrations.jobs(VERSION) == {}


def web(name: str, **spec: Any) -> Body:
    """A Deployment of no pods, which is up as soon as it has been seen."""
    labels = {"app": name}
    pod = {"containers": [{"name": name, "image": "nowhere"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def test_a_rollout_is_a_change_where_its_objects_are_and_check_mode_tries_them(
    migrations: Migrations,
) -> None:
    def bring(*manifests: Body, check: bool = False) -> Body:
        rollout = {"deployment": "web", "manifests": list(manifests)}
        given = {"name": "web", "rollout": rollout}
        return migrations.run(given, version=VERSION, check=check)

    for manifest in (web("web"), web("web", minReadySeconds=1)):
        planned = bring(manifest, check=True)
        assert (states(planned), planned["changed"]) == ({"web rollout": "would_run"}, True)
        done = bring(manifest)
        assert (states(done), done["changed"]) == ({"web rollout": "done"}, True)
        planned = bring(manifest, check=True)
        assert (states(planned), planned["changed"]) == ({"web rollout": "skipped"}, False)
        again = bring(manifest)
        assert (states(again), again["changed"]) == ({"web rollout": "done"}, False)
    refused = bring(web("web", replicas=-1), check=True)
    assert (refused["reason"], "spec.replicas" in refused["msg"]) == ("objects", True), refused
    # What belongs into a namespace that the same run brings is tried elsewhere.
    name = f"{migrations.namespace}-new"
    there = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    inside = web("web")
    inside["metadata"]["namespace"] = name
    planned = bring(there, inside, check=True)
    assert (states(planned), planned["changed"]) == ({"web rollout": "would_run"}, True)


def test_a_failure_is_told_at_once_and_stops_what_needs_it_alone(
    migrations: Migrations, tmp_path: Path
) -> None:
    progress = tmp_path / "progress"
    progress.touch()
    services = [
        service("sale", "exit 3"),
        service("finance", needs=["sale"]),
        service("ledger", "sleep 5"),
    ]
    begun = migrations.begin(*services, version=VERSION, progress_file=str(progress))
    known = failed_at(migrations, "sale")
    while ("sale", "failed") not in lines(progress):
        assert time.monotonic() - known < 1
        time.sleep(0.02)
    done = ended(begun)
    assert states(done) == {"sale": "failed", "finance": "left_out", "ledger": "done"}
    assert "exit code 3 (Error)" in done["msg"]
    assert "finance" not in migrations.jobs(VERSION)
    assert migrations.run(*services, version=VERSION)["reason"] == "failed_before"
    # The old Job's end is not taken for that of the new one.
    mended = [service("sale"), *services[1:]]
    done = migrations.run(*mended, version=VERSION, retry_failed=True)
    assert states(done) == {"sale": "done", "finance": "done", "ledger": "skipped"}


def test_of_two_runs_one_works_and_the_other_refuses_or_waits(
    migrations: Migrations, pods: Pods
) -> None:
    pods.held.add((migrations.namespace, "identity"))
    begun = migrations.begin(service("identity"), version=VERSION)
    until(lambda: "identity" in migrations.jobs(VERSION))
    refused = ended(migrations.begin(service("identity"), version=VERSION, other_run="refuse"))
    assert (refused["reason"], "Another run is at work" in refused["msg"]) == ("busy", True)
    threading.Timer(2, pods.held.discard, [(migrations.namespace, "identity")]).start()
    waited = migrations.run(service("identity"), version=VERSION)
    assert (states(waited), waited["changed"]) == ({"identity": "skipped"}, False)
    assert states(ended(begun)) == {"identity": "done"}


@pytest.mark.parametrize("seconds", [8, pytest.param(25, marks=pytest.mark.slow)])
def test_an_api_that_is_away_for_a_while_ends_no_run(
    migrations: Migrations, kube: Api, pods: Pods, tmp_path: Path, seconds: int
) -> None:
    """Longer than a request is tried again, and longer than the Lease."""
    # The last one lasts longer than two signs of life are apart: the run is still there to tell of the answer.
    services: list[Body] = [
        service("identity", "sleep 2"),
        service("sale", "sleep 8", needs=["identity"]),
    ]
    pods.held.add((migrations.namespace, "identity"))
    progress = tmp_path / "progress"
    with between(kube, tmp_path) as proxy:
        through = Migrations(Cluster.at(proxy.kubeconfig), migrations.namespace)
        begun = through.begin(*services, version=VERSION, progress_file=str(progress))
        until(lambda: "identity" in migrations.jobs(VERSION))
        proxy.away = True
        # It ends while nobody looks.
        pods.held.discard((migrations.namespace, "identity"))
        time.sleep(seconds)
        proxy.away = False
        done = ended(begun)
    assert not done.get("failed"), done["msg"]
    assert states(done) == {"identity": "done", "sale": "done"}
    told = [text for _name, text in lines(progress)]
    assert any(text.startswith("waits for the API") for text in told)
    assert "the API answers again" in told
    assert one(done, "sale")["started"] > seconds


def test_a_job_that_somebody_deletes_while_the_api_is_away_is_missed(
    migrations: Migrations, kube: Api, pods: Pods, tmp_path: Path
) -> None:
    pods.held.add((migrations.namespace, "identity"))
    with between(kube, tmp_path) as proxy:
        through = Migrations(Cluster.at(proxy.kubeconfig), migrations.namespace)
        begun = through.begin(service("identity"), version=VERSION)
        until(lambda: "identity" in migrations.jobs(VERSION))
        proxy.away = True
        time.sleep(0.5)  # the watch has ended
        migrations.cluster.do("delete", "jobs", "--all", "-n", migrations.namespace)
        proxy.away = False
        done = ended(begun)
    assert one(done, "identity")["reason"] == "job_gone"


def test_an_image_that_cannot_be_pulled_is_told_at_once(migrations: Migrations) -> None:
    services = [service("sale", image="nowhere"), service("finance", needs=["sale"])]
    done = migrations.run(*services, version=VERSION)
    # Far from the Job's deadline of 300 s.
    assert one(done, "sale")["seconds"] < 10
    assert one(done, "sale")["reason"] == "hopeless_pod"
    assert "ImagePullBackOff Back-off pulling nowhere" in done["msg"]
    # It does not start later, when nobody looks.
    assert migrations.jobs(VERSION)["sale"]["spec"]["suspend"]
    assert migrations.run(*services, version=VERSION)["reason"] == "failed_before"


@pytest.mark.parametrize(
    "services, reason, words",
    [
        (
            [service("a", needs=["b"]), service("b", needs=["c"]), service("c", needs=["a"])],
            "cycle",
            "a → b → c → a",
        ),
        ([service("a", needs=["identty"]), service("identity")], "unknown_need", "identty"),
        ([service("a"), service("a")], "twice", "a is there twice"),
        (
            [service("a", app="x"), service("b", app="x")],
            "twice",
            "a and b have the same migration",
        ),
        ([service("a", gates=[{"tcp": "db"}])], "bad_gate", "db is no HOST:PORT"),
        ([service("x" * 60)], "bad_name", "pods take 63"),
        ([{"name": "a", "job": {"kind": "Pod"}}], "bad_job", "not Pod"),
    ],
)
def test_bad_input_is_refused_with_a_reason_and_nothing_begins(
    migrations: Migrations, services: list[Body], reason: str, words: str
) -> None:
    refused = migrations.run(*services, version=VERSION)
    assert (refused["reason"], words in refused["msg"]) == (reason, True), refused
    assert (migrations.jobs(VERSION), migrations.history()) == ({}, {})


def test_a_version_is_asked_for(migrations: Migrations) -> None:
    refused = migrations.run(service("a"))
    assert (refused["reason"], "of which version" in refused["msg"]) == ("no_version", True)
