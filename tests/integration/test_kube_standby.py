"""kube_apply with standby against a real API server: what it sets is taken back with the same manifests."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest

from tests.integration.kube_api import Api
from tests.integration.kube_objects import Apply, Objects, counted, objects, only

pytestmark = [pytest.mark.kube, pytest.mark.slow]


def platform(namespace: str) -> Objects:
    """A namespace, a migration, a nightly run, and a webhook whose Service is not there."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}
    job = {"template": {"spec": pod}}
    webhook = {
        "name": "judge.example.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"service": {"name": "judge", "namespace": namespace}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["configmaps"],
            }
        ],
    }
    found: list[tuple[str, str, dict[str, Any]]] = [
        ("batch/v1", "Job", {"spec": job}),
        ("batch/v1", "CronJob", {"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}}),
        ("v1", "ConfigMap", {"data": {"a": "1"}}),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            {"webhooks": [webhook]},
        ),
    ]
    return [
        objects(namespace)[-1],
        *(
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": (
                    {"name": namespace}
                    if "Webhook" in kind
                    else {"name": "web", "namespace": namespace}
                ),
                **body,
            }
            for version, kind, body in found
        ),
    ]


def state(kube: Api, namespace: str) -> dict[str, Any]:
    """The fields that standby sets."""
    (webhook,) = kube.get("validatingwebhookconfiguration", namespace)["webhooks"]
    return {
        **{
            kind: kube.get(kind, "web", "-n", namespace)["spec"]["suspend"]
            for kind in ("job", "cronjob")
        },
        "webhook": (webhook["failurePolicy"], webhook["timeoutSeconds"]),
    }


STANDBY = {"job": True, "cronjob": True, "webhook": ("Ignore", 1)}
SERVING = {"job": False, "cronjob": False, "webhook": ("Fail", 10)}


def written(kube: Api, namespace: str) -> str:
    """Write a ConfigMap; return what the API said against it."""
    command = ["create", "configmap", "--dry-run=server", "tried", "-n", namespace]
    full = [str(kube.program), "kubectl", f"--kubeconfig={kube.kubeconfig}", *command]
    return subprocess.run(full, capture_output=True, text=True, check=False).stderr


def pods(kube: Api, namespace: str, number: int) -> None:
    """Wait until the Job has so many pods; they stay pending, as there are no nodes."""
    deadline = time.monotonic() + 30
    while len(kube.get("pods", "-n", namespace)["items"]) != number:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_standby_is_entered_and_left_with_the_same_manifests(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = platform(namespace)
    resting = {"standby": True, "wait": True, "wait_timeout": 5}
    entered = apply(wanted, **resting)
    assert counted(entered) == {"created": 5}
    assert entered["awaited"] is False
    assert state(kube, namespace) == STANDBY
    assert kube.get("pods", "-n", namespace)["items"] == []
    assert written(kube, namespace) == ""
    assert counted(apply(wanted, **resting)) == {"unchanged": 5}

    left = apply(wanted)
    assert counted(left) == {"updated": 3, "unchanged": 2}
    assert state(kube, namespace) == SERVING
    pods(kube, namespace, 1)
    assert counted(apply(wanted)) == {"unchanged": 5}
    deadline = time.monotonic() + 10
    while 'failed calling webhook "judge.example.org"' not in written(kube, namespace):
        assert time.monotonic() < deadline

    # The webhook is loosened first, or the ConfigMap could not be written.
    wanted[3]["data"] = {"a": "2"}
    assert counted(apply(wanted, **resting)) == {"updated": 4, "unchanged": 1}
    assert state(kube, namespace) == STANDBY
    pods(kube, namespace, 0)


def test_without_standby_all_is_awaited(apply: Apply, namespace: str) -> None:
    late = apply(platform(namespace)[:2], wait=True, wait_timeout=1)
    assert only(late, kind="Job")["reason"] == "not_ready"
    assert late["awaited"] is True
