"""Secrets, diffs, entries by hand, quantities, readiness: what is said of an object."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.kube.diff import difference
from ansible_collections.groundwork.platform.plugins.module_utils.kube.drift import (
    extras,
    removal,
    without,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.quantity import quantity
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import (
    failed,
    waits_for,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import encoded

SECRET: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}


def test_string_data_becomes_data_and_stands_above_it() -> None:
    given = {**SECRET, "stringData": {"a": "new", "b": "x"}, "data": {"a": "b2xk", "c": "eQ=="}}
    assert encoded(given) == {**SECRET, "data": {"a": "bmV3", "b": "eA==", "c": "eQ=="}}


def test_of_a_secret_the_diff_shows_which_values_differ_and_none_of_them() -> None:
    before = {**SECRET, "data": {"same": "AAA", "edited": "BBB", "gone": "CCC"}}
    after = {**SECRET, "data": {"same": "AAA", "edited": "DDD", "added": "EEE"}}
    found = difference("Secret s", before, after)
    assert found is not None
    old, new = yaml.safe_load(found["before"]), yaml.safe_load(found["after"])
    assert old["data"] == {
        "same": "(hidden)",
        "edited": "(hidden, the old value)",
        "gone": "(hidden)",
    }
    assert new["data"] == {
        "same": "(hidden)",
        "edited": "(hidden, the new value)",
        "added": "(hidden)",
    }
    assert not any(value in str(found) for value in ("AAA", "BBB", "CCC", "DDD", "EEE"))


def test_of_a_sealed_secret_the_diff_shows_which_values_differ() -> None:
    def sealed(value: str, note: str) -> dict[str, Any]:
        return {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": "s", "annotations": {"groundwork.platform/sealed-with": note}},
            "spec": {"encryptedData": {"a": value, "b": "AAA"}, "template": {"type": "Opaque"}},
        }

    found = difference("SealedSecret s", sealed("BBB", "x"), sealed("CCC", "y"))
    assert found is not None
    new = yaml.safe_load(found["after"])
    assert new["spec"]["encryptedData"] == {"a": "(hidden, the new value)", "b": "(hidden)"}
    assert new["spec"]["template"] == {"type": "Opaque"}
    assert "annotations" not in new["metadata"]
    # Of one that is new, nothing is to be compared with.
    found = difference("SealedSecret s", None, sealed("BBB", "x"))
    assert found is not None
    assert "BBB" not in found["after"]


def test_a_text_of_several_lines_is_shown_as_such() -> None:
    body = {"kind": "ConfigMap", "metadata": {}, "data": {"a": "one\ntwo\n"}}
    found = difference("c", None, body)
    assert found is not None
    assert "a: |\n    one\n    two\n" in found["after"]
    assert yaml.safe_load(found["after"]) == body


def test_what_the_server_keeps_for_itself_is_no_difference() -> None:
    before = {
        **SECRET,
        "metadata": {"name": "s", "resourceVersion": "1", "managedFields": [], "uid": "u"},
        "status": {"a": 1},
    }
    after = {
        **SECRET,
        "metadata": {
            "name": "s",
            "resourceVersion": "2",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
    }
    assert difference("s", before, after) is None


def test_entries_by_hand_are_named_with_who_made_them_and_removed_alone() -> None:
    key = Key("", "ResourceQuota", "n", "q")
    manifest = {"spec": {"hard": {"pods": "5"}}}
    live = {
        "metadata": {
            "managedFields": [
                {"manager": "groundwork", "fieldsV1": {"f:spec": {"f:hard": {"f:pods": {}}}}},
                {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:hard": {"f:services": {}}}}},
            ]
        },
        "spec": {"hard": {"pods": "5", "services": "9"}, "scopes": ["x"]},
    }
    found = extras(key, manifest, live)
    assert [str(entry) for entry in found] == ["spec.hard.services (by kubectl-edit)"]
    assert removal(found) == {"spec": {"hard": {"services": None}}}
    assert without(live, found)["spec"] == {"hard": {"pods": "5"}, "scopes": ["x"]}
    assert live["spec"]["hard"] == {"pods": "5", "services": "9"}  # type: ignore[index]


def test_a_mapping_that_the_manifest_does_not_have_is_somebody_elses() -> None:
    key = Key("", "ConfigMap", "n", "c")
    assert extras(key, {}, {"metadata": {}, "data": {"a": "b"}}) == []


@pytest.mark.parametrize(
    "less,more",
    [
        ("999m", "1"),
        ("1", "1001m"),
        ("1023Mi", "1Gi"),
        ("1G", "1Gi"),
        ("5", 6),
        ("1e3", "1001"),
        ("0.5", "0.6"),
    ],
)
def test_quantities_are_compared_as_numbers(less: Any, more: Any) -> None:
    assert quantity(less) < quantity(more)


def test_equal_quantities_are_equal() -> None:
    assert quantity("1") == quantity("1000m")
    assert quantity("2Gi") == quantity(2 * 1024**3)


@pytest.mark.parametrize("text", ["", "many", "1 Gi x", "Gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(KubeError, match="is no quantity"):
        quantity(text)


def workload(kind: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "w", "generation": 2},
        "spec": spec,
        "status": {"observedGeneration": 2, **status},
    }


def core(kind: str, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {}, "spec": spec or {}, "status": status}


def condition(name: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": name, "status": status, "reason": reason, "message": message}


ALL = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    "body,waiting",
    [
        (workload("Deployment", {"replicas": 2}, **ALL), ""),
        (
            workload("Deployment", {"replicas": 2}, **{**ALL, "updatedReplicas": 1}),
            "1 of 2 pods are new",
        ),
        (
            workload("Deployment", {"replicas": 2}, **{**ALL, "replicas": 3}),
            "1 old pods are still there",
        ),
        (
            workload("Deployment", {"replicas": 2}, **{**ALL, "availableReplicas": 0}),
            "0 of 2 pods are available",
        ),
        (workload("Deployment", {"replicas": 0}), ""),
        (
            {**workload("Deployment", {}, **ALL), "metadata": {"generation": 3}},
            "its controller has seen generation 2 of 3",
        ),
        ({**workload("Deployment", {}), "status": {}}, "its controller has not seen it yet"),
        (workload("StatefulSet", {"replicas": 2}, **ALL), ""),
        (workload("StatefulSet", {"replicas": 3}, **ALL), "2 of 3 pods are ready"),
        (
            workload(
                "StatefulSet",
                {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
                readyReplicas=2,
                updatedReplicas=1,
            ),
            "",
        ),
        (
            workload(
                "DaemonSet",
                {},
                desiredNumberScheduled=3,
                updatedNumberScheduled=3,
                numberAvailable=2,
            ),
            "2 of 3 pods are available",
        ),
        (workload("Job", {}, conditions=[condition("Complete", "True")]), ""),
        (workload("Job", {}, active=1), "it has not finished"),
        (
            core(
                "Pod",
                phase="Running",
                conditions=[condition("Ready", "False", "ContainersNotReady")],
            ),
            "Ready: ContainersNotReady",
        ),
        (core("Namespace", phase="Active"), ""),
        (core("Namespace", phase="Terminating"), "its phase is Terminating"),
        (core("PersistentVolumeClaim", phase="Pending"), ""),
        (core("PersistentVolumeClaim", phase="Lost"), "its phase is Lost"),
        (core("Service", {"type": "ClusterIP"}), ""),
        (core("Service", {"type": "LoadBalancer"}), "it has no address yet"),
        (core("ResourceQuota", {"hard": {"pods": "5"}}), "its controller has not counted yet"),
        (core("ResourceQuota", {"hard": {"pods": "5"}}, hard={"pods": "5"}), ""),
        (core("ConfigMap"), ""),
    ],
)
def test_readiness_by_kind(body: dict[str, Any], waiting: str) -> None:
    assert waits_for(body) == waiting


def test_readiness_of_other_kinds_is_their_condition() -> None:
    body = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {},
        "status": {
            "conditions": [condition("Ready", "False", "Issuing", "Waiting for the order.")]
        },
    }
    assert waits_for(body) == "Ready: Issuing Waiting for the order."
    assert waits_for(body, "Issued") == "no condition Issued yet"
    # A kind of somebody else's that is called like one of Kubernetes' own has no rule of that one's.
    assert waits_for({**body, "kind": "Deployment", "status": {}}) == ""


def test_what_will_never_be_ready_is_told() -> None:
    job = workload(
        "Job", {}, conditions=[condition("Failed", "True", "BackoffLimitExceeded", "It failed.")]
    )
    assert failed(job) == "Failed: BackoffLimitExceeded It failed."
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "Timed out.")
    assert (
        failed(workload("Deployment", {}, conditions=[late]))
        == "Progressing: ProgressDeadlineExceeded Timed out."
    )
    assert failed(workload("Deployment", {}, **ALL)) == ""
