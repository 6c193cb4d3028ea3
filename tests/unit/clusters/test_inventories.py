"""The inventories' clusters: their components are in the catalogue, and get the namespaces and secrets they need."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.components.merge import merged

from tests.unit.kube.catalogue import definitions

ROOT = Path(__file__).resolve().parents[3]
#: What a cluster has by itself, or what a component's own manifests bring.
THERE = {"default", "kube-system", "cnpg-system", "keda"}

Body = dict[str, Any]


@cache
def clusters(inventory: str) -> dict[str, Body]:
    """Variables of an inventory's clusters, not rendered."""
    command = ["ansible-inventory", "--inventory", str(ROOT / "inventories" / inventory), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found = json.loads(done.stdout)
    variables: dict[str, Body] = found["_meta"]["hostvars"]
    return {name: variables[name] for name in found["kube_clusters"]["hosts"]}


def components(variables: Body) -> list[Body]:
    """Components with their definitions; the lab's stand in a variable of their own."""
    given = variables.get("lab_components") or variables.get("kube_components", [])
    return [merged(definitions()[entry.get("definition", entry["name"])], entry) for entry in given]


def secrets(settings: Any) -> Iterator[str]:
    """Names of the Secrets that settings ask for, however deep."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key.endswith("secret") and isinstance(value, str) and value:
                yield value
            yield from secrets(value)


def test_production_has_a_hub_and_the_lab_has_two_clusters() -> None:
    assert set(clusters("production")) == {"cluster-hub", "cluster-main", "cluster-failover"}
    assert set(clusters("lab")) == {"cluster-main", "cluster-failover"}
    hub = {entry["name"] for entry in components(clusters("production")["cluster-hub"])}
    assert {"argocd", "atlantis", "thanos", "grafana"} <= hub


@pytest.mark.parametrize("inventory", ["lab", "staging", "production"])
def test_components_have_what_they_ask_for(inventory: str) -> None:
    for cluster, variables in clusters(inventory).items():
        namespaces = THERE | {
            name for name, what in variables["kube_namespaces"].items() if what.get("enabled", True)
        }
        described = {
            (namespace, secret["name"])
            for secret in variables["kube_secrets"]
            for namespace in secret["namespaces"]
        }
        assert {namespace for namespace, _name in described} <= namespaces
        for entry in components(variables):
            where = f"{entry['name']} in {cluster}"
            assert entry["namespace"] in namespaces, where
            wanted = {(entry["namespace"], name) for name in secrets(entry.get("settings", {}))}
            assert wanted <= described, where
