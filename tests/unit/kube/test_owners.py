"""Objects that another tool keeps."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.owners import (
    other_owner,
    sets_back,
)


def body(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", **metadata}}


@pytest.mark.parametrize(
    "metadata,owner",
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "infra:/Namespace:/x"}},
            "Argo CD (argocd.argoproj.io/tracking-id: infra:/Namespace:/x)",
        ),
        (
            {"labels": {"generate.kyverno.io/policy-name": "default-deny"}},
            "Kyverno (generate.kyverno.io/policy-name: default-deny)",
        ),
        (
            {"annotations": {"meta.helm.sh/release-name": "web"}},
            "Helm (meta.helm.sh/release-name: web)",
        ),
        ({"labels": {"app.kubernetes.io/managed-by": "somebody"}}, None),
        ({"labels": None, "annotations": None}, None),
        ({}, None),
    ],
)
def test_a_mark_names_its_tool(metadata: dict[str, Any], owner: str | None) -> None:
    assert other_owner(body(**metadata), body()) == owner


def test_a_mark_that_the_manifest_has_is_ours() -> None:
    marked = body(labels={"argocd.argoproj.io/instance": "apps"})
    assert other_owner(marked, marked) is None


def test_helm_sets_nothing_back_by_itself() -> None:
    helm = {"meta.helm.sh/release-name": "web"}
    assert sets_back(body(annotations=helm)) is None
    assert sets_back(body()) is None
    # Flux's helm-controller and Argo CD leave Helm's mark beside their own.
    flux = {"helm.toolkit.fluxcd.io/name": "web"}
    kept = sets_back(body(annotations=helm, labels=flux))
    assert kept == "Flux (helm.toolkit.fluxcd.io/name: web)"
    argo = body(annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:n/web"})
    assert str(sets_back(argo)).startswith("Argo CD")
