"""Which workloads are ready, and why others are not: a real namespace, and what it does not show."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.pods import (
    LONGEST,
    matches,
    trouble,
    why,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.workloads import (
    failed_jobs,
    workloads,
)

from tests.unit.kube_cluster.objects import body, look, owned, pod, real, workload


def container(**state: Any) -> dict[str, Any]:
    return {"name": "c", "ready": False, "restartCount": 0, **state}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def reasons(*bodies: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["reason"] for entry in workloads(look(*bodies))}


def test_each_workload_of_a_real_namespace_says_why_it_is_not_ready() -> None:
    told = {entry["name"]: entry for entry in workloads(real())}
    assert told["good"] == {
        "kind": "Deployment",
        "namespace": "verify-test",
        "name": "good",
        "wanted": 1,
        "ready": 1,
        "reason": "",
    }
    assert (told["idle"]["wanted"], told["idle"]["reason"]) == (0, "")
    assert told["full"]["reason"] == ""
    none = "0 of 1 pods are available; "
    assert told["crash"]["reason"] == (
        none + "container web: CrashLoopBackOff, exit code 3, 5 restarts"
    )
    assert told["image"]["reason"] == (
        none + 'container web: ErrImageNeverPull: Container image "localhost/lab/nothing:1" is not '
        "present with pull policy of Never"
    )
    pull = told["pull"]["reason"]
    assert pull.startswith(none + 'container web: ImagePullBackOff: Back-off pulling image "127')
    assert pull.endswith("…")
    assert len(pull) < LONGEST + 60
    assert told["probe"]["reason"] == none + "container web: it runs, and its readiness probe fails"
    assert told["init"]["reason"] == none + "init container wait still runs"
    assert told["large"]["reason"].startswith(
        none + "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."
    )
    # Its pods belong to workloads; the Job's is not told a second time.
    assert {entry["kind"] for entry in told.values()} == {"Deployment", "StatefulSet"}


def test_a_failed_job_of_a_real_namespace_says_how_its_pod_ended() -> None:
    assert failed_jobs(real()) == [
        {
            "namespace": "verify-test",
            "name": "failing",
            "reason": "Failed: BackoffLimitExceeded Job has reached the specified backoff limit; "
            "container m: exit code 7",
        }
    ]


def test_who_refuses_pods_is_named_while_pods_are_missing() -> None:
    event = body(
        "Event",
        "e",
        involvedObject={"kind": "StatefulSet", "namespace": "nx", "name": "db"},
        message="exceeded quota: q",
        lastTimestamp="2026-11-22T02:00:00Z",
    )
    older = {**event, "message": "long ago", "lastTimestamp": "2026-11-22T01:00:00Z"}
    part = workload("db", 2, 1, "StatefulSet")
    told = reasons(part, event, older, pod("db-0", "db", metadata=owned("StatefulSet")))
    assert told == {"db": "1 of 2 pods are ready; exceeded quota: q"}
    # All pods are there: whatever is wrong now, it is not the refusal.
    pods = [pod(f"db-{n}", "db", metadata=owned("StatefulSet")) for n in range(2)]
    assert reasons(part, event, *pods) == {"db": "1 of 2 pods are ready"}

    refused = workload("web", 1, 0)
    refused["status"]["conditions"] = [{"type": "ReplicaFailure", "message": "forbidden: policy"}]
    assert reasons(refused) == {"web": "0 of 1 pods are available; forbidden: policy"}


def test_a_daemon_set_wants_as_many_pods_as_there_are_nodes_for_it() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberReady": 2}
    status |= {"updatedNumberScheduled": 3, "numberAvailable": 2}
    agent = body("DaemonSet", "agent", spec={"selector": {}}, status=status)
    (told,) = workloads(look(agent))
    assert (told["wanted"], told["ready"], told["reason"]) == (3, 2, "2 of 3 pods are available")


def test_pods_that_belong_to_nobody_known_stand_for_themselves() -> None:
    status = {"containerStatuses": [container(state=waiting("ErrImagePull"))]}
    lonely = pod("lonely", "x", ready=False, status=status)
    kept = pod("db-1", "db", metadata=owned("Cluster"))
    done = body("Pod", "done", status={"phase": "Succeeded"})
    going = pod("going", "x", ready=False, metadata={"deletionTimestamp": "2026-11-22T01:00:00Z"})
    of_job = pod("job", "x", ready=False, metadata=owned("Job"))
    assert reasons(lonely, kept, done, going, of_job) == {
        "db-1": "",
        "lonely": "container c: ErrImagePull",
    }


def test_of_a_cron_job_only_the_last_word_counts() -> None:
    def job(name: str, hour: int, condition: str | None, uid: str = "cron") -> dict[str, Any]:
        conditions = [{"type": condition, "status": "True"}] if condition else []
        metadata = {"creationTimestamp": f"2026-11-22T{hour:02}:00:00Z"}
        if uid:
            metadata.update(owned("CronJob", uid=uid))
        return body("Job", name, metadata=metadata, status={"conditions": conditions})

    failing = job("one", 1, "Failed")
    assert [entry["name"] for entry in failed_jobs(look(failing))] == ["one"]
    # The one that runs now has not said anything yet.
    running = job("three", 3, None)
    assert [entry["name"] for entry in failed_jobs(look(running, failing))] == ["one"]
    assert failed_jobs(look(job("two", 2, "Complete"), failing, running)) == []
    other = job("other", 0, "Failed", uid="another")
    alone = job("alone", 0, "Failed", uid="")
    found = failed_jobs(look(job("two", 2, "Complete"), failing, other, alone))
    assert [entry["name"] for entry in found] == ["alone", "other"]


EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
FAILED = {"terminated": {"exitCode": 1, "reason": "Error"}}
LOOPING = container(state=waiting("CrashLoopBackOff"), lastState=FAILED, restartCount=4)


@pytest.mark.parametrize(
    "status, told",
    [
        (EVICTED, "Evicted: The node was low on memory."),
        (
            {"containerStatuses": [container(state=KILLED, restartCount=1)]},
            "container c: exit code 137 (OOMKilled), 1 restart",
        ),
        (
            {"containerStatuses": [container(state=waiting("ContainerCreating"))]},
            "container c: ContainerCreating",
        ),
        (
            {"containerStatuses": [container(state={"running": {}}, started=False)]},
            "container c: it runs, and its startup probe fails",
        ),
        (
            {
                "initContainerStatuses": [LOOPING],
                "containerStatuses": [container(state=waiting("PodInitializing"))],
            },
            "container c: CrashLoopBackOff, exit code 1, 4 restarts",
        ),
        ({}, "Ready:"),
    ],
)
def test_a_pod_says_what_is_wrong_with_it(status: dict[str, Any], told: str) -> None:
    assert trouble(pod("p", "x", ready=False, status=status)) == told


def test_pods_with_the_same_trouble_are_told_once() -> None:
    status = {"containerStatuses": [container(state=waiting("ErrImagePull"))]}
    pods = [pod(f"p-{n}", "x", ready=False, status=status) for n in range(3)]
    pods.append(pod("p-3", "x", ready=False, status={"phase": "Failed", "reason": "Evicted"}))
    assert why([*pods, pod("p-4", "x")]) == "3 pods: container c: ErrImagePull; Evicted"


@pytest.mark.parametrize(
    "rule, good",
    [
        ({"key": "a", "operator": "In", "values": ["1", "2"]}, True),
        ({"key": "a", "operator": "NotIn", "values": ["1"]}, False),
        ({"key": "b", "operator": "NotIn", "values": ["1"]}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "a", "operator": "DoesNotExist"}, False),
        ({"key": "b", "operator": "DoesNotExist"}, True),
    ],
)
def test_selectors_choose_as_kubernetes_does(rule: dict[str, Any], good: bool) -> None:
    assert matches({"matchExpressions": [rule]}, {"a": "1"}) is good
    assert not matches({"matchLabels": {"a": "2"}, "matchExpressions": [rule]}, {"a": "1"})


def test_a_workload_whose_controller_is_away_is_not_ready() -> None:
    fresh = workload("web", 1, 1)
    fresh["metadata"]["generation"] = 2
    assert reasons(fresh) == {"web": "its controller has seen generation 1 of 2"}
