"""A run that is killed at any stage is taken up by the next one: nothing runs twice, and the history is right.

The pods are simulated and the process is stopped at a request of its own, so that each stage is met for certain. All
stages are tried beside each other, each in its namespace, as each has to wait until the killed run's Lease has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.between import between
from tests.integration.kube_api import Api
from tests.integration.kube_world import until
from tests.integration.migrations import Migrations, service, states
from tests.integration.real_cluster import Cluster
from tests.integration.simulated_pods import Pods, simulated

pytestmark = [pytest.mark.kube, pytest.mark.slow]

PREFIX = "stage-"
VERSION = "7"


@dataclass(frozen=True)
class Stage:
    """The request at which the process is killed, before the API has it or with the answer under way."""

    request: str
    forward: bool = False
    after: str = ""
    #: Jobs that are there then.
    jobs: tuple[str, ...] = ()


_FIRST = ("identity",)
_HISTORY = r"^PATCH .*/configmaps/migration-history"
STAGES = {
    "before-the-lease": Stage(r"^GET .*/leases/"),
    "with-the-lease": Stage(r"^POST .*/leases", forward=True),
    "before-the-first-job": Stage(r"^PATCH .*/jobs/nx-identity"),
    "with-the-job": Stage(r"^PATCH .*/jobs/nx-identity", forward=True, jobs=_FIRST),
    "at-work": Stage(r"^PUT .*/leases/", after=r"^PATCH .*/jobs/nx-identity", jobs=_FIRST),
    "before-the-history": Stage(_HISTORY, jobs=_FIRST),
    "with-the-history": Stage(r"^POST .*/configmaps", forward=True, jobs=_FIRST),
    "before-the-rollout": Stage(
        r"^PATCH .*/deployments/nx-identity\?(?!.*dryRun)", after=_HISTORY, jobs=_FIRST
    ),
    "in-the-rollout": Stage(r"^GET .*/deployments/nx-identity", after=_HISTORY, jobs=_FIRST),
    "at-the-gate": Stage(r"^GET .*/deployments/late", jobs=_FIRST),
    "at-the-end": Stage(
        r"^PATCH .*/configmaps/migration-history",
        forward=True,
        after=r"^PATCH .*/jobs/nx-sale",
        jobs=("identity", "commerce", "sale"),
    ),
}


@dataclass(frozen=True)
class Story:
    """What was there after the kill, and what came of the next run."""

    killed: dict[str, str]
    done: dict[str, Any]
    migrations: Migrations


def deployment(name: str) -> dict[str, Any]:
    container = {"name": "c", "image": "i"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
        },
    }


def services() -> list[dict[str, Any]]:
    rollout = {"deployment": "nx-identity", "manifests": [deployment("nx-identity")]}
    return [
        service("identity", rollout=rollout),
        service("commerce", gates=[{"rollout": "late"}]),
        service("sale", needs=["commerce"]),
    ]


def play(kube: Api, pods: Pods, folder: Path, name: str) -> Story:
    """Kill a run at a stage, and run again."""
    stage, namespace = STAGES[name], f"{PREFIX}{name}"
    kube.kubectl("create", "namespace", namespace)
    given: dict[str, Any] = {"version": VERSION, "order": "first"}
    if name == "at-work":
        pods.held.add((namespace, "identity"))
    if name != "at-the-gate":
        kube.kubectl("create", "deployment", "late", "--image=i", "-n", namespace)
    with between(kube, folder) as proxy:
        proxy.stop_at(stage.request, forward=stage.forward, after=stage.after)
        begun = Migrations(Cluster.at(proxy.kubeconfig), namespace).begin(*services(), **given)
        until(lambda: proxy.reached.is_set() or begun.poll() is not None, 120)
        begun.kill()
        begun.wait()
        said = begun.stdout.read() if begun.stdout else ""
        assert proxy.reached.is_set(), f"{name} was not met: {said}"
    migrations = Migrations(Cluster.at(kube.kubeconfig), namespace)
    killed = {job: body["metadata"]["uid"] for job, body in migrations.jobs(VERSION).items()}
    pods.held.discard((namespace, "identity"))
    if name == "at-the-gate":
        kube.kubectl("create", "deployment", "late", "--image=i", "-n", namespace)
    return Story(killed, migrations.run(*services(), **given), migrations)


def seconds(written: str) -> float:
    """A time as the cluster writes it."""
    return datetime.fromisoformat(written).timestamp()


@pytest.fixture(scope="module")
def stories(
    kube: Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Story]]:
    with simulated(kube, PREFIX) as pods, ThreadPoolExecutor(len(STAGES)) as pool:
        told: dict[str, Future[Story]] = {
            name: pool.submit(play, kube, pods, tmp_path_factory.mktemp(name), name)
            for name in STAGES
        }
        yield lambda name: told[name].result()
    for name in STAGES:
        kube.kubectl("delete", "namespace", f"{PREFIX}{name}", "--wait=false")


@pytest.mark.parametrize("name", STAGES)
def test_a_run_that_was_killed_is_taken_up_wherever_it_was(
    stories: Callable[[str], Story], kube: Api, name: str
) -> None:
    story = stories(name)
    assert set(story.killed) == set(STAGES[name].jobs)
    assert not story.done.get("failed"), story.done["msg"]
    assert set(states(story.done).values()) <= {"done", "skipped"}
    jobs = story.migrations.complete(VERSION)
    # What was begun is what ended, and each began once.
    assert {job: jobs[job]["metadata"]["uid"] for job in story.killed} == story.killed
    listed = kube.get("pods", "-n", story.migrations.namespace)["items"]
    begun = [pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") for pod in listed]
    assert sorted(filter(None, begun)) == sorted(f"nx-{job}-migrate-{VERSION}" for job in jobs)
    history = story.migrations.history()
    assert {key: entry["state"] for key, entry in history.items()} == {
        f"{job}.{VERSION}": "done" for job in jobs
    }
    for job, body in jobs.items():
        entry = history[f"{job}.{VERSION}"]
        assert entry["started"] == body["status"]["startTime"]
        assert abs(seconds(entry["finished"]) - seconds(body["status"]["completionTime"])) <= 1
    order = ("identity", "commerce", "sale")
    ended = [jobs[job]["status"]["completionTime"] for job in order]
    assert ended == sorted(ended)
