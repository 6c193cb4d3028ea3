"""What kube_components refuses, before the first change and in a playbook's preflight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.kube_api import Api, direct
from tests.integration.kube_objects import config, config_names, thing

pytestmark = [pytest.mark.kube, pytest.mark.slow]

Install = Callable[..., dict[str, Any]]


@pytest.fixture(params=[False, True], ids=["run", "preflight"])
def install(kube: Api, request: pytest.FixtureRequest) -> Install:
    """Run the module, or its preflight; a failure is returned like any result."""

    def run(components: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(kube.kubeconfig), "components": components, **options}
        return direct("kube_components", preflight=request.param, **given)

    return run


def test_all_that_is_wrong_is_refused_at_once_before_the_first_change(
    install: Install, kube: Api
) -> None:
    good = {"name": "refused-good", "manifests": [config("refused")]}
    refused = install(
        [
            good,
            {"name": "a", "needs": ["b"], "manifests": [config("a")]},
            {"name": "b", "needs": ["a"], "manifests": [config("b")]},
            {"name": "c", "needs": ["certmanager"], "manifests": [config("c")]},
            {"name": "cert-manager", "manifests": []},
            {"name": "chart", "source": {"path": "/nowhere"}},
        ],
        known=["cert-manager-issuers", "cnpg"],
        helm="/nowhere/helm",
    )
    assert refused["failed"]
    assert refused["reason"] == "unknown_need"
    assert refused["msg"].startswith("4 problems:\n")
    for words in (
        "c needs certmanager, which is not there: did you mean cert-manager?",
        "a → b → a",
        "the catalogue has no cert-manager (the nearest are cert-manager-issuers)",
        "chart is rendered by helm, which is not there.",
    ):
        assert words in refused["msg"]

    refused = install(
        [
            good,
            {"name": "a", "namespace": "nowhere", "manifests": [config("a", "nowhere")]},
            {"name": "b", "namespace": "elsewhere", "manifests": ["kind: ConfigMap\n"]},
        ]
    )
    assert refused["reason"] == "malformed_manifest"
    refused = install(
        [
            good,
            {"name": "a", "manifests": [thing("t", "nobody.example.org")]},
            {"name": "b", "manifests": [config("same")]},
            {"name": "c", "manifests": [config("same")]},
        ]
    )
    assert refused["msg"].startswith("2 problems:\n1. a: ")
    assert "no Thing at nobody.example.org/v1" in refused["msg"]
    assert "ConfigMap same in default is in b: manifests" in refused["msg"]
    assert config_names(kube, "refused") == []


def test_an_api_that_is_not_there_is_named(install: Install) -> None:
    components = [{"name": "a", "manifests": [config("a")]}]
    gone = install(components, host="https://127.0.0.1:1", kubeconfig=None, timeout=2)
    assert gone["reason"] == "unreachable"
    assert "https://127.0.0.1:1" in gone["msg"]


def test_preflight_applies_nothing_and_does_without_namespaces_to_come(kube: Api) -> None:
    components = [
        {"name": "there", "manifests": [config("preflight")]},
        {"name": "to-come", "manifests": [config("preflight", "to-come")]},
    ]
    given: dict[str, Any] = {
        "kubeconfig": str(kube.kubeconfig),
        "components": components,
        "preflight": True,
    }
    done = direct("kube_components", **given, expected_namespaces=["to-come"])
    assert not done.get("failed")
    assert not done["changed"]
    assert config_names(kube, "preflight") == []
    refused = direct("kube_components", **given)
    assert refused["reason"] == "no_namespace"
    assert "to-come" in refused["msg"]
