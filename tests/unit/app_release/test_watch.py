"""Which pods are new, and when a Deployment is up or in vain."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.watch import (
    REVISION,
    Watcher,
    crashed,
    new_pods,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import Body, pod

PLACE = ("nx", "nx-sale")


def live(generation: int = 2, seen: int | None = None, revision: str = "2", **status: Any) -> Body:
    """A Deployment of two pods."""
    observed = {"observedGeneration": generation if seen is None else seen}
    return {
        "metadata": {
            "name": "nx-sale",
            "namespace": "nx",
            "uid": "d",
            "generation": generation,
            "annotations": {REVISION: revision},
        },
        "spec": {"replicas": 2},
        "status": {**observed, **status} if seen != 0 else {},
    }


UP: Body = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
HALF: Body = {"replicas": 3, "updatedReplicas": 1, "availableReplicas": 2}


def of(owner: str) -> dict[str, Any]:
    return {"ownerReferences": [{"uid": owner, "controller": True}]}


def replica_set(uid: str, revision: str, owner: str = "d") -> Body:
    metadata = {"name": f"nx-sale-{uid}", "namespace": "nx", "uid": uid, **of(owner)}
    return {"metadata": {**metadata, "annotations": {REVISION: revision}}}


SETS = [replica_set("old", "1"), replica_set("new", "2"), replica_set("foreign", "2", "x")]
PODS = [
    pod("a", **of("old")),
    pod("b", **of("new")),
    pod("c", **of("new"), deletionTimestamp="2026-11-30T01:00:00Z"),
    pod("d", **of("foreign")),
    pod("e"),
]


def names(deployment: Body | None) -> list[str]:
    return [each["metadata"]["uid"] for each in new_pods(deployment, SETS, PODS)]


def test_new_pods_are_those_of_the_newest_set_that_stay() -> None:
    assert names(live()) == ["b"]
    # After a rollback the old set is the newest one.
    assert names(live(revision="1")) == ["a"]


def test_the_template_that_runs_is_known_by_its_replica_set() -> None:
    watcher = Watcher(cast(Client, Logs()), ["nx"])
    assert watcher.template(PLACE) == ""
    for each in SETS:
        watcher._look("replicasets", watcher._bodies["replicasets"])(each)
    for deployment, uid in (
        (live(), "new"),
        (live(generation=9), "new"),  # as an autoscaler leaves it
        (live(revision="1"), "old"),
        (live(generation=3, seen=2), ""),
    ):
        watcher._look("deployments", watcher._bodies["deployments"])(deployment)
        assert watcher.template(PLACE) == uid


def test_before_the_controller_has_seen_the_newest_template_no_pod_is_new() -> None:
    assert names(live(generation=3, seen=2)) == []
    assert names(live(seen=0)) == []
    assert names(live(revision="3")) == []
    assert names(None) == []


def crashing(restarts: int, ended: bool = True, kind: str = "containerStatuses") -> Body:
    last = {"terminated": {"exitCode": 3, "reason": "Error"}} if ended else {}
    return {"status": {kind: [{"name": "app", "restartCount": restarts, "lastState": last}]}}


def test_a_container_that_is_begun_anew_again_and_again_has_crashed() -> None:
    assert crashed(crashing(2)) == "app was begun anew 2 times (Error, exit code 3)"
    assert crashed(crashing(2, kind="initContainerStatuses"))
    assert crashed(crashing(1)) == ""
    assert crashed(crashing(5, ended=False)) == ""
    assert crashed({}) == ""


def test_a_container_that_is_ready_has_only_a_past() -> None:
    """Pods that a rollback returns to may have been begun anew long ago."""
    old = crashing(7)
    old["status"]["containerStatuses"][0]["ready"] = True
    assert crashed(old) == ""


class Logs:
    """Gives every container the same last words."""

    async def send(self, *_arguments: Any, **_more: Any) -> Answer:
        return Answer(200, "begins\ncannot open the database")


def rolled_out(
    *events: tuple[str, Body], generation: int = 2, timeout: float = 5
) -> tuple[KubeError | None, list[str]]:
    """Hand a watcher what happens, one event after the other; its error and what it told."""
    told: list[str] = []

    async def go() -> KubeError | None:
        watcher = Watcher(cast(Client, Logs()), ["nx"])
        work = asyncio.ensure_future(watcher.rolled_out(PLACE, generation, timeout, told.append))
        for kind, body in events:
            await asyncio.sleep(0.01)
            watcher._look(kind, watcher._bodies[kind])(body)
        try:
            await work
        except KubeError as error:
            return error
        return None

    return asyncio.run(go()), told


SET = ("replicasets", replica_set("new", "2"))


def test_a_deployment_is_up_when_its_controller_says_so_of_what_was_written() -> None:
    """What was up before the change was seen, or before the controller saw it, is not meant."""
    error, told = rolled_out(
        ("deployments", live(generation=1, **UP)),
        ("deployments", live(generation=2, seen=1, **UP)),
        ("deployments", live(**HALF)),
        ("deployments", live(**UP)),
    )
    assert error is None
    assert told == ["its controller has seen generation 1 of 2", "1 of 2 pods are new"]


def test_a_later_generation_counts_as_well() -> None:
    assert rolled_out(("deployments", live(generation=5, **UP)))[0] is None


@pytest.mark.parametrize("generation, seen", [(1, 1), (2, 1)])
def test_what_is_not_seen_yet_is_not_up(generation: int, seen: int) -> None:
    error, _told = rolled_out(("deployments", live(generation, seen, **UP)), timeout=0.1)
    assert error
    assert error.reason == "not_ready"


def late(name: str) -> Body:
    condition = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": f'ReplicaSet "{name}" has timed out progressing.',
    }
    return live(**HALF, conditions=[condition])


def test_a_deadline_that_passed_ends_the_wait() -> None:
    error, _told = rolled_out(SET, ("deployments", late("nx-sale-new")), timeout=60)
    assert error
    assert error.reason == "not_ready"
    assert "timed out progressing" in str(error)


def test_the_deadline_of_an_earlier_set_does_not() -> None:
    error, _told = rolled_out(
        SET, ("deployments", late("nx-sale-old")), ("deployments", live(**UP)), timeout=60
    )
    assert error is None


def test_pods_in_vain_end_the_wait_at_once_with_their_last_words() -> None:
    broken = {**pod("b", ready=False, **of("new"))}
    waiting = {"waiting": {"reason": "ErrImageNeverPull", "message": "not here"}}
    broken["status"] = {"containerStatuses": [{"name": "app", "ready": False, "state": waiting}]}
    error, _told = rolled_out(SET, ("deployments", live(**HALF)), ("pods", broken), timeout=60)
    assert error
    assert error.reason == "hopeless_pod"
    assert "ErrImageNeverPull not here" in str(error)
    crash = {**pod("b", ready=False, **of("new")), **crashing(2)}
    error, _told = rolled_out(SET, ("deployments", live(**HALF)), ("pods", crash), timeout=60)
    assert error
    assert error.reason == "crash_loop"
    assert str(error).endswith("Its log ends: cannot open the database")


def test_pods_of_the_version_before_are_not_its_fault() -> None:
    broken = {**pod("a", ready=False, **of("old")), **crashing(9)}
    error, _told = rolled_out(
        ("pods", broken), SET, ("deployments", live(**HALF)), ("deployments", live(**UP))
    )
    assert error is None


def test_what_does_not_come_up_is_told_with_what_it_waits_for() -> None:
    error, _told = rolled_out(
        SET,
        ("pods", pod("b", ready=False, **of("new"))),
        ("deployments", live(**HALF)),
        timeout=0.2,
    )
    assert error
    assert "Deployment nx-sale is not up after 0.2 s: 1 of 2 pods are new; pod-b: Ready" in str(
        error
    )
    nothing, _told = rolled_out(timeout=0.05)
    assert nothing
    assert "it is not there" in str(nothing)
