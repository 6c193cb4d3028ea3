"""ordered_migrations on the lab's real cluster: order, failures, interruptions, and runs beside each other."""

from __future__ import annotations

import json
import signal
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.labs import Lab
from tests.integration.migrations import NAMESPACE, Migrations, ended, one, service, states
from tests.integration.real_cluster import Cluster, pod

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]

HOSTS = """
all:
  children:
    lab_kubernetes: {hosts: {kube-main-1: {lab_id: 41, lab_attached: [main], region: main, zone: a}}}
    kube_clusters: {hosts: {cluster-main: {region: main}}}
    lab: {children: {lab_kubernetes: {}}}
"""


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("t-migrations", HOSTS, kubernetes=True)
    # Quotas and limits of the inventory are what migrations have to fit into.
    lab.succeed("clusters", only_step=0)
    return lab


@pytest.fixture
def migrations(lab: Lab) -> Migrations:
    return Migrations(Cluster(lab, "main"))


@pytest.fixture
def version(request: pytest.FixtureRequest) -> str:
    """A version of the test's own."""
    return f"v{zlib.crc32(request.node.name.encode())}"


def web(name: str) -> dict[str, Any]:
    """A Deployment that is ready after a moment."""
    spec = pod(name, "sleep 2; touch /tmp/ready; sleep 3600")["spec"]
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    spec["containers"][0]["readinessProbe"] = probe
    labels = {"app": name, "app.kubernetes.io/version": "1.4.0"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def test_each_starts_when_what_it_needs_has_finished_and_a_second_run_does_nothing(
    migrations: Migrations, version: str
) -> None:
    services = [
        service("identity"),
        service("commerce", "sleep 9", needs=["identity"]),
        service("sale", needs=["identity"]),
        service("finance", needs=["sale"]),
    ]
    rehearsed = migrations.run(*services, version=version, check=True)
    assert set(states(rehearsed).values()) == {"would_run"}
    assert migrations.jobs(version) == {}
    done = migrations.run(*services, version=version)
    assert set(states(done).values()) == {"done"}
    assert done["changed"]
    # finance did not wait for commerce, which is on the same level as what it needs.
    commerce = one(done, "commerce")
    assert one(done, "finance")["started"] < commerce["started"] + commerce["seconds"]
    assert done["critical_path"][0] == "identity"
    again = migrations.run(*services, version=version)
    assert set(states(again).values()) == {"skipped"}
    assert not again["changed"]
    # Even where the Jobs are gone.
    migrations.cluster.do("delete", "jobs", "--all", "-n", NAMESPACE)
    assert set(states(migrations.run(*services, version=version)).values()) == {"skipped"}


def test_a_failure_is_told_at_once_with_its_log_and_stops_what_needs_it_alone(
    migrations: Migrations, version: str
) -> None:
    services = [
        service("sale", "echo relation orders does not exist >&2; exit 3", backoff_limit=2),
        service("finance", needs=["sale"]),
        service("ledger", "sleep 6"),
    ]
    begun = migrations.begin(*services, version=version)
    while "sale" not in migrations.jobs(version) or not _failed(migrations.jobs(version)["sale"]):
        time.sleep(0.1)
    done = ended(begun)
    assert done["failed"]
    assert states(done) == {"sale": "failed", "finance": "left_out", "ledger": "done"}
    assert "BackoffLimitExceeded" in done["msg"]
    assert "exit code 3 (Error): relation orders does not exist" in done["msg"]
    assert "Left out, as they need it: finance." in done["msg"]
    # The kubelet's tries, caught before the pod went. The last one may have been cut short: a Job gives up when a
    # container has been begun anew as often as its limit says.
    assert len(one(done, "sale")["failures"]) >= 2
    assert "finance" not in migrations.jobs(version)
    refused = migrations.run(*services, version=version)
    assert refused["reason"] == "failed_before"
    mended = [service("sale"), *services[1:]]
    assert migrations.run(*mended, version=version)["reason"] == "failed_before"
    done = migrations.run(*mended, version=version, retry_failed=True)
    assert states(done) == {"sale": "done", "finance": "done", "ledger": "skipped"}


def _failed(job: dict[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions", ())
    return any(each["type"] == "Failed" and each["status"] == "True" for each in conditions)


@pytest.mark.parametrize(
    "more, words",
    [
        ({"image": "localhost/lab/nowhere:1"}, "ErrImageNeverPull"),
        ({"image": "Not An Image"}, "InvalidImageName"),
        ({"image": "registry.invalid/sale:1", "pull_policy": "Always"}, "ImagePullBackOff"),
        ({"env_from": [{"secretRef": {"name": "nowhere"}}]}, 'secret "nowhere" not found'),
    ],
)
def test_what_cannot_start_is_told_at_once_and_does_not_start_later(
    migrations: Migrations, version: str, more: dict[str, Any], words: str
) -> None:
    began = time.monotonic()
    done = migrations.run(service("pricing", **more), version=version)
    # Far from the Job's own deadline of 300 s.
    assert time.monotonic() - began < 30
    assert one(done, "pricing")["reason"] == "hopeless_pod"
    assert words in done["msg"]
    assert migrations.jobs(version)["pricing"]["spec"]["suspend"]
    # It never ran, so a mended definition is none that changed.
    done = migrations.run(service("pricing"), version=version, retry_failed=True)
    assert states(done) == {"pricing": "done"}


def test_one_that_hangs_ends_by_its_own_deadline(migrations: Migrations, version: str) -> None:
    done = migrations.run(service("inventory", "sleep 600", deadline=5), version=version)
    assert "DeadlineExceeded" in done["msg"]
    assert one(done, "inventory")["seconds"] < 20


def test_a_changed_definition_is_no_migration_that_has_run(
    migrations: Migrations, version: str
) -> None:
    assert not migrations.run(service("pricing"), version=version).get("failed")
    changed = service("pricing", "sleep 0")
    refused = migrations.run(changed, version=version)
    assert refused["reason"] == "changed_definition"
    done = migrations.run(changed, version=version, rerun_changed=True)
    assert states(done) == {"pricing": "done"}


def test_a_run_that_was_killed_is_taken_up_and_nothing_runs_twice(
    migrations: Migrations, version: str
) -> None:
    services = [service("identity", "sleep 8"), service("commerce", needs=["identity"])]
    begun = migrations.begin(*services, version=version)
    while "identity" not in migrations.jobs(version):
        time.sleep(0.1)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    first = migrations.jobs(version)["identity"]["metadata"]["uid"]
    done = migrations.run(*services, version=version)
    assert set(states(done).values()) <= {"done", "skipped"}
    assert migrations.jobs(version)["identity"]["metadata"]["uid"] == first


def test_of_two_runs_one_waits_and_finds_all_done_or_refuses(
    migrations: Migrations, version: str
) -> None:
    services = [service("identity", "sleep 6")]
    begun = migrations.begin(*services, version=version)
    while "identity" not in migrations.jobs(version):
        time.sleep(0.1)
    refused = migrations.run(*services, version=version, other_run="refuse")
    assert refused["reason"] == "busy"
    assert "Another run is at work" in refused["msg"]
    waited = migrations.run(*services, version=version)
    assert states(waited) == {"identity": "skipped"}
    assert begun.wait() == 0


def test_a_first_install_does_not_wait_for_itself(migrations: Migrations, version: str) -> None:
    identity = service("identity")
    identity["rollout"] = {"deployment": "nx-first", "manifests": [web("nx-first")]}
    commerce = service("commerce", gates=[{"rollout": "nx-first"}])
    done = migrations.run(identity, commerce, version=version, order="first")
    assert done["critical_path"] == ["identity", "identity rollout", "commerce"]
    # Somebody who is not in the run is asked for in the cluster.
    late = migrations.run(commerce | {"name": "sale"}, version=version)
    assert states(late) == {"sale": "done"}
    never = service("pricing", gates=[{"rollout": "nobody", "timeout": 1}])
    closed = migrations.run(never, version=version)
    assert one(closed, "pricing")["reason"] == "gate_closed"
    assert '"nobody" not found' in closed["msg"]


def test_what_others_still_use_is_not_taken_away(migrations: Migrations, version: str) -> None:
    cluster = migrations.cluster
    cluster.do("apply", "-n", NAMESPACE, "-f", "-", given=json.dumps(web("nx-consumer")))
    consumer = {"deployment": "nx-consumer", "at_least": "1.5.0"}
    drop = service("sale", phase="contract", consumers=[consumer])
    refused = migrations.run(drop, version=version)
    assert refused["reason"] == "consumers_need_it"
    cluster.wait("deployment", "nx-consumer", "condition=Available", NAMESPACE)
    refused = migrations.run(drop, version=version)
    assert "runs 1.4.0, and 1.5.0 is the first that does without" in refused["msg"]
    assert migrations.jobs(version) == {}
    consumer["at_least"] = "1.4"
    assert states(migrations.run(drop, version=version)) == {"sale": "done"}
    cluster.do("delete", "deployment", "nx-consumer", "-n", NAMESPACE)


def test_bad_input_is_met_before_anything_starts(migrations: Migrations, version: str) -> None:
    good = service("good")
    for services, reason, words in (
        ([service("a", needs=["b"]), service("b", needs=["a"])], "cycle", "a → b → a"),
        ([service("a", needs=["identty"]), service("identity")], "unknown_need", "identity"),
        ([good, good], "twice", "good is there twice"),
        ([service("x" * 60)], "bad_name", "63"),
        ([{"name": "a", "job": {"kind": "Pod"}}], "bad_job", "Pod"),
    ):
        refused = migrations.run(*services, version=version)
        assert (refused["reason"], words in refused["msg"]) == (reason, True), refused
    assert migrations.run(good)["reason"] == "no_version"
    assert migrations.jobs(version) == {}


def test_the_playbook_shows_progress_while_it_runs_and_the_history_afterwards(lab: Lab) -> None:
    given: dict[str, Any] = {
        "migration_version": "play",
        "migration_services": [service("identity", "sleep 2")],
    }
    rehearsed = lab.succeed("migrate", "--check", **given)
    assert (rehearsed.changed, "would_run" in rehearsed.output) == (1, True)
    done = lab.succeed("migrate", **given)
    begun = done.output.index("s  identity: running")
    ended = done.output.index("s  identity: done")
    assert begun < ended < done.output.index("TASK [Show what became of them]")
    assert "all migrations have run" in done.text
    assert lab.succeed("migrate", **given).changed == 0
    assert "identity play done" in lab.succeed("migration_status").text
    refused = lab.playbook("migrate", kube_standby=True, **given)
    assert refused.returncode != 0
    assert "standby: cluster-main stands by" in refused.text
