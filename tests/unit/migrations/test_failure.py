"""Why pods fail, and who may not lose what it uses: from bodies to words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import (
    LINES,
    Ended,
    completed,
    ended,
    hopeless,
    verdict,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Consumer
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.policy import (
    numbers,
    objection,
    version_of,
)


def pod(*statuses: dict[str, Any], kind: str = "containerStatuses") -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "status": {kind: list(statuses)}}


def terminated(code: int, key: str, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "containerID": key}}


def job(*conditions: tuple[str, str]) -> dict[str, Any]:
    listed = [
        {"type": name, "status": status, "reason": "DeadlineExceeded", "message": "too long"}
        for name, status in conditions
    ]
    return {"kind": "Job", "metadata": {"name": "j"}, "status": {"conditions": listed}}


def test_each_end_of_a_container_is_told_once_whether_it_was_begun_anew_or_not() -> None:
    status = {
        "name": "migrate",
        "state": terminated(137, "second", "OOMKilled"),
        "lastState": terminated(3, "first"),
    }
    found = dict(ended(pod(status)))
    assert found["second"] == Ended("p", "migrate", "OOMKilled", 137)
    assert found["first"] == Ended("p", "migrate", "Error", 3, previous=True)


def test_a_good_end_is_no_failure_and_init_containers_fail_too() -> None:
    assert not list(ended(pod({"name": "migrate", "state": terminated(0, "a")})))
    waiter = {"name": "wait-for-db", "state": terminated(1, "b")}
    ((_key, end),) = ended(pod(waiter, kind="initContainerStatuses"))
    assert end.container == "wait-for-db"


def test_the_last_lines_of_a_log_are_kept_and_the_last_one_is_told() -> None:
    end = Ended("p", "migrate", "Error", 3).with_log("\n".join(map(str, range(100))))
    assert len(end.log) == LINES
    assert str(end) == "migrate ended with exit code 3 (Error): 99"


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError"])
def test_what_never_comes_is_told_with_the_kubelets_words(reason: str) -> None:
    waiting = {"waiting": {"reason": reason, "message": "not\n found"}}
    told = hopeless(pod({"name": "migrate", "image": "i:1", "state": waiting}))
    assert told == f"migrate (i:1): {reason} not found"


@pytest.mark.parametrize("reason", ["ContainerCreating", "ErrImagePull", "CrashLoopBackOff"])
def test_what_may_still_come_is_waited_for(reason: str) -> None:
    assert hopeless(pod({"name": "m", "state": {"waiting": {"reason": reason}}})) == ""


def test_a_job_has_ended_as_soon_as_it_says_so() -> None:
    assert verdict(job()) is None
    assert verdict(job(("Complete", "False"))) is None
    assert verdict(job(("SuccessCriteriaMet", "False"))) is None
    for name in ("SuccessCriteriaMet", "Complete"):
        assert verdict(job((name, "True"))) == (True, "")
    for name in ("FailureTarget", "Failed"):
        assert verdict(job((name, "True"))) == (False, "DeadlineExceeded: too long")


@pytest.mark.parametrize("left", ["active", "terminating"])
def test_a_job_that_leaves_pods_at_work_has_not_ended(left: str) -> None:
    made = job(("SuccessCriteriaMet", "True"))
    made["status"][left] = 1
    assert verdict(made) is None


def test_the_end_is_what_the_cluster_writes_first() -> None:
    made = job(("SuccessCriteriaMet", "True"))
    assert completed(job()) == ""
    made["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:01Z"
    assert completed(made) == "2026-01-01T00:00:01Z"
    made["status"]["completionTime"] = "2026-01-01T00:00:02Z"
    assert completed(made) == "2026-01-01T00:00:02Z"


def deployment(
    version: str = "", image: str = "r:5000/sale:abc", up: bool = True
) -> dict[str, Any]:
    labels = {"app.kubernetes.io/version": version} if version else {}
    status = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 if up else 0}
    condition = {"type": "Available", "status": str(up)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "nx-sale", "generation": 1},
        "spec": {
            "replicas": 1,
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"image": image}]},
            },
        },
        "status": {**status, "observedGeneration": 1, "conditions": [condition]},
    }


def test_a_version_is_the_label_or_the_images_tag() -> None:
    assert version_of(deployment("1.4")) == "1.4"
    assert version_of(deployment()) == "abc"


@pytest.mark.parametrize(
    "version, consumer, words",
    [
        ("1.4.0", Consumer("s", at_least="1.4"), ""),
        ("v1.10.0", Consumer("s", at_least="1.9.3"), ""),
        ("1.3.9", Consumer("s", at_least="1.4"), "1.4 is the first that does without"),
        ("4f2a91c", Consumer("s", versions=("4f2a91c",)), ""),
        ("4f2a91c", Consumer("s", versions=("aaaaaaa",)), "only aaaaaaa does without"),
        # A commit may look like a number, and is none.
        ("7450123", Consumer("s", at_least="1.4"), "cannot be compared"),
        ("4f2a91c", Consumer("s"), "only nothing does without"),
    ],
)
def test_consumers_object_until_their_version_does_without(
    version: str, consumer: Consumer, words: str
) -> None:
    found = objection(consumer, deployment(version))
    assert (words in found) if words else not found


def test_a_rollout_under_way_may_run_both_versions() -> None:
    assert "may run" in objection(Consumer("s", at_least="1"), deployment("2.0", up=False))


def test_numbers_are_rows_with_a_dot() -> None:
    assert numbers("v1.2.3-rc1") == (1, 2, 3)
    assert numbers("12") is None
    assert numbers("main") is None
