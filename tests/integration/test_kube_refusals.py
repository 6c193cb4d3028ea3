"""kube_apply refuses before the first change, and says what the API refuses, one object at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.kube_api import NOBODY, Api
from tests.integration.kube_objects import CONFIG, Apply, counted, objects, only

pytestmark = [pytest.mark.kube, pytest.mark.slow]


@pytest.mark.parametrize(
    "manifests,reason,words",
    [
        (CONFIG + "data:\n  N: x\n", "malformed_yaml", "manifests:5:3: N without quotes"),
        (CONFIG + "data: [\n", "malformed_yaml", "manifests:5:1: "),
        ([CONFIG, CONFIG], "twice", "is in manifests, item 1:1 and in manifests, item 2:1"),
        (CONFIG.replace("ConfigMap", "Foo"), "unknown_kind", "is its definition (CRD) installed?"),
        (
            CONFIG.replace(": v1", ": apps/v1beta1").replace("ConfigMap", "Deployment"),
            "unknown_kind",
            "but at apps/v1",
        ),
        (
            CONFIG.replace(": v1", ": authentication.k8s.io/v1").replace(
                "ConfigMap", "TokenReview"
            ),
            "not_appliable",
            "a TokenReview (authentication.k8s.io/v1) cannot be applied, as the API offers no get, list, patch for it",
        ),
        (CONFIG.replace("{", "{namespace: nowhere, "), "no_namespace", "no namespace nowhere"),
    ],
)
def test_bad_manifests_are_refused_before_any_change(
    apply: Apply, manifests: Any, reason: str, words: str
) -> None:
    refused = apply(manifests)
    assert refused["failed"]
    assert refused["reason"] == reason
    assert words in refused["msg"]


def test_what_is_refused_stops_what_is_good(apply: Apply, kube: Api, namespace: str) -> None:
    assert (
        apply([objects(namespace)[-1], CONFIG.replace("ConfigMap", "Foo")])["reason"]
        == "unknown_kind"
    )
    assert kube.get("namespaces", f"--field-selector=metadata.name={namespace}")["items"] == []


def test_a_field_that_the_kind_does_not_have_fails_alone(apply: Apply, namespace: str) -> None:
    wanted = objects(namespace)
    wanted[2]["dat"] = {"a": "b"}
    failed = apply(wanted)
    assert counted(failed) == {"created": 5, "failed": 1}
    assert ".dat: field not declared in schema" in failed["msg"]


def test_a_quota_below_what_is_in_use_is_refused(apply: Apply, kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    wanted[3]["spec"]["hard"] = {"configmaps": "20"}
    # First the quota: what comes after it is counted as it is admitted.
    apply([wanted[3], wanted[-1]])
    counts = "--for=jsonpath={.status.hard.configmaps}=20"
    kube.kubectl("wait", counts, "quota/web", "-n", namespace, "--timeout=60s")
    apply(wanted)
    wanted[3]["spec"]["hard"] = {"configmaps": "0"}
    refused = apply(wanted)
    assert refused["reason"] == "quota_below_use"
    assert "would allow 0 of configmaps, and" in refused["msg"]


def test_a_namespace_that_is_being_deleted_is_refused(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)
    wanted[2]["metadata"]["finalizers"] = ["example.org/held"]
    apply(wanted)
    kube.kubectl("delete", "namespace", namespace, "--wait=false")
    try:
        refused = apply(wanted)
        assert refused["reason"] == "namespace_terminating"
        assert namespace in refused["msg"]
    finally:
        free = ["patch", "configmap", "web", "-n", namespace, "--type=json"]
        kube.kubectl(*free, "-p", '[{"op": "remove", "path": "/metadata/finalizers"}]')


def test_who_may_not_and_who_is_not_known(apply: Apply, kube: Api) -> None:
    address = {"host": kube.url, "ca_cert": str(kube.ca_cert), "kubeconfig": None}
    forbidden = apply(CONFIG, api_key=NOBODY, **address)
    assert forbidden["reason"] == "forbidden"
    unknown = apply(CONFIG, api_key="wrong", **address)
    assert unknown["reason"] == "unauthorized"
    assert kube.url in unknown["msg"]


def test_an_api_that_is_not_there_is_named(apply: Apply) -> None:
    gone = apply(CONFIG, host="https://127.0.0.1:1", kubeconfig=None, timeout=2)
    assert gone["reason"] == "unreachable"
    assert "https://127.0.0.1:1" in gone["msg"]


def test_a_webhook_that_rejects_is_heard(apply: Apply, kube: Api, namespace: str) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["configmaps"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            },
            "validations": [{"expression": "'a' in object.data", "message": "It needs an a."}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    }
    wanted = objects(namespace)
    apply([policy, binding, wanted[-1]])
    wanted[2]["data"] = {"b": "1"}
    wanted[2]["metadata"]["name"] = "denied"
    rejected: dict[str, Any] = {}
    # The policy takes hold a moment after it was made.
    for _number in range(50):
        rejected = apply(wanted)
        if rejected.get("failed"):
            break
        kube.kubectl("delete", "configmap", "denied", "-n", namespace)
    assert "It needs an a." in rejected["msg"]
    assert only(rejected, action="failed")["reason"] in ("rejected", "invalid")
