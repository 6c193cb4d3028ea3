"""Manifests as a cluster in standby gets them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.standby import (
    needs_nodes,
    resting,
)


def rested(api_version: str, kind: str, **body: Any) -> dict[str, Any]:
    given = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **body}
    found = resting(Manifest(given, "file:1"))
    assert found.source == "file:1"
    return {field: value for field, value in found.body.items() if field in body}


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
@pytest.mark.parametrize("spec", [{"a": 1}, {"a": 1, "suspend": False}])
def test_jobs_are_suspended(kind: str, spec: dict[str, Any]) -> None:
    before = dict(spec)
    assert rested("batch/v1", kind, spec=spec) == {"spec": {"a": 1, "suspend": True}}
    assert spec == before


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
def test_no_webhook_blocks(kind: str) -> None:
    hooks = [{"name": "a"}, {"name": "b", "failurePolicy": "Fail", "timeoutSeconds": 30}]
    found = rested("admissionregistration.k8s.io/v1", kind, webhooks=hooks)
    assert found["webhooks"] == [
        {"name": name, "failurePolicy": "Ignore", "timeoutSeconds": 1} for name in "ab"
    ]


@pytest.mark.parametrize(
    "api_version,kind,body",
    [
        ("apps/v1", "Deployment", {"spec": {"replicas": 3}}),
        ("batch.volcano.sh/v1alpha1", "Job", {"spec": {}}),
        ("batch/v1", "Job", {"spec": None}),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", {"spec": {}}),
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", {"webhooks": "x"}),
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", {"webhooks": ["x"]}),
    ],
)
def test_all_else_is_left_as_it_is(api_version: str, kind: str, body: dict[str, Any]) -> None:
    assert rested(api_version, kind, **body) == body


def test_what_the_control_plane_does_alone_is_awaited() -> None:
    assert not needs_nodes(Key("", "Namespace", "", "n"))
    assert not needs_nodes(Key("apiextensions.k8s.io", "CustomResourceDefinition", "", "d"))
    assert needs_nodes(Key("apps", "Deployment", "n", "d"))
    assert needs_nodes(Key("example.org", "Namespace", "", "n"))
