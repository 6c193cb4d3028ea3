"""What a state of an Application means to a release that waits for a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_judge import (
    DONE,
    DOUBT,
    END,
    FAIL,
    LOOK,
    SYNC,
    WAIT,
    Aim,
    judge,
)

OURS, OTHER = "a" * 40, "b" * 40
AUTOMATED = {"automated": {"selfHeal": True}}


def reached(found: Sequence[str]) -> bool:
    return OURS in found


AIM = Aim(OURS, reached)


def application(**changed: Any) -> dict[str, Any]:
    """One that is synced to the wanted commit."""
    status = {
        "sync": {"status": "Synced", "revision": OURS},
        "operationState": ended("Succeeded"),
        **changed.pop("status", {}),
    }
    metadata = {"name": "sale", "annotations": changed.pop("annotations", {})}
    return {"metadata": metadata, "spec": {"syncPolicy": AUTOMATED}, "status": status, **changed}


def ended(phase: str, revision: str = OURS, **more: Any) -> dict[str, Any]:
    result = {"revision": revision, "resources": []}
    return {"phase": phase, "message": f"it {phase}", "finishedAt": "then", "syncResult": result, **more}  # fmt: skip


def running(revision: str, **more: Any) -> dict[str, Any]:
    operation = {"sync": {"revision": revision}}
    return {"phase": "Running", "message": "it runs", "operation": operation, **more}


def out_of_sync(**more: Any) -> dict[str, Any]:
    resources = [{"kind": "Deployment", "namespace": "shop", "name": "sale", "status": "OutOfSync"}]
    return {
        "sync": {"status": "OutOfSync", "revision": OURS},
        "operationState": None,
        "resources": resources,
        **more,
    }


RETRYING = running(OURS, finishedAt="then", retryCount=1)
SYNC_ERROR = {"conditions": [{"type": "SyncError", "message": "Failed last sync attempt"}]}


@pytest.mark.parametrize(
    "body, act, said",
    [
        (application(), DONE, "synced to aaaaaaaa"),
        (application(annotations={"argocd.argoproj.io/refresh": "normal"}), WAIT, "looks at Git"),
        (application(status={"sync": {"status": "Synced", "revision": OTHER}}), LOOK, "sees bbbbbbbb, not aaaaaaaa"),
        (application(status={"sync": {}}), LOOK, "sees nothing"),
        (application(status={"sync": {"status": "Synced", "revisions": ["1.2.3", OURS]}}), DONE, "1.2.3, aaaaaaaa"),
        (application(status=out_of_sync()), WAIT, "about to sync Deployment shop/sale"),
        (application(status=out_of_sync(operationState=ended("Failed", OTHER))), WAIT, "about to sync"),
        (application(status=out_of_sync(**SYNC_ERROR)), SYNC, "has given up"),
        (application(status=out_of_sync(), spec={}), SYNC, "does not sync this on its own"),
        (application(status=out_of_sync(), spec={"syncPolicy": {"automated": {"enabled": False}}}), SYNC, "on its own"),
        (application(operation={"sync": {"revision": OURS}}), WAIT, "a sync to aaaaaaaa is going on: Pending"),
        (application(status={"operationState": running(OURS)}), WAIT, "going on: it runs"),
        (application(status={"operationState": running(OTHER)}), WAIT, "a sync to bbbbbbbb is going on"),
        (application(status={"operationState": RETRYING}), FAIL, "it runs"),
        (application(status={"operationState": running(OTHER, finishedAt="then", retryCount=1)}), END, "bbbbbbbb"),
        (application(status={"operationState": {**running(OTHER), "phase": "Terminating"}}), WAIT, "being ended"),
        (application(status={"operationState": ended("Failed")}), FAIL, "it Failed"),
        (application(status={"operationState": ended("Error")}), FAIL, "it Error"),
        (application(status={"conditions": [{"type": "ComparisonError", "message": "no chart"}]}), DOUBT, "no chart"),
        (
            application(status={"conditions": [{"type": "ComparisonError", "message": "code = Unavailable desc"}]}),
            LOOK,
            "Unavailable",
        ),
        (application(status={"conditions": [{"type": "OrphanedResourceWarning", "message": "x"}]}), DONE, "synced"),
    ],
)  # fmt: skip
def test_what_follows_from_a_state(body: dict[str, Any], act: str, said: str) -> None:
    step = judge(body, AIM)
    assert step.act == act
    assert said in step.text


def test_a_sync_that_is_to_make_room_is_ended() -> None:
    body = application(status={"operationState": running(OTHER)})
    assert judge(body, Aim(OURS, reached, instead_of=OTHER)).act == END
    # Not one that has not begun yet: there is nothing to end.
    body = application(status={"operationState": None}, operation={"sync": {"revision": OTHER}})
    assert judge(body, Aim(OURS, reached, instead_of=OTHER)).act == WAIT


def test_argo_cd_may_try_again_as_often_as_it_is_let() -> None:
    body = application(status={"operationState": RETRYING})
    assert judge(body, Aim(OURS, reached, retries=1)).act == WAIT
    assert judge(body, Aim(OURS, reached, retries=0)).act == FAIL


def test_a_failure_of_before_is_no_answer() -> None:
    body = application(status=out_of_sync(operationState=ended("Failed")))
    assert judge(body, Aim(OURS, reached, old_end="then")).act == SYNC
    assert judge(body, Aim(OURS, reached, old_end="then", asked=True)).act == WAIT
    assert judge(body, Aim(OURS, reached, old_end="before")).act == FAIL


def test_what_failed_is_named() -> None:
    resources = [
        {"kind": "Deployment", "name": "sale", "status": "SyncFailed", "message": "bad port"},
        {"kind": "Service", "name": "sale", "status": "Synced", "message": "fine"},
        {"kind": "Job", "name": "seed", "hookPhase": "Failed", "message": "exit 3"},
    ]
    state = ended("Failed", syncResult={"revision": OURS, "resources": resources})
    text = judge(application(status={"operationState": state}), AIM).text
    assert text == "it Failed; Deployment sale: bad port; Job seed: exit 3"
