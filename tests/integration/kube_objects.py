"""Manifests that the tests of the Kubernetes modules share, and how their results are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.kube_api import Api

Apply = Callable[..., dict[str, Any]]
Objects = list[dict[str, Any]]

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


def objects(namespace: str) -> Objects:
    """A namespace with what usually comes with it; a Deployment whose port's protocol is defaulted."""
    labels = {"app": "web"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "c", "image": "busybox", "ports": [{"containerPort": 80}]}]
        },
    }
    listed: list[tuple[str, str, dict[str, Any]]] = [
        # The last is needed first.
        ("apps/v1", "Deployment", {"spec": {"selector": {"matchLabels": labels}, "template": pod}}),
        ("v1", "Secret", {"stringData": {"password": "Gehe1m"}}),
        ("v1", "ConfigMap", {"data": {"a": "1"}}),
        ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "20", "requests.cpu": "1000m"}}}),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
        ),
    ]
    found = [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "web", "namespace": namespace},
            **body,
        }
        for version, kind, body in listed
    ]
    return [*found, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}]


def counted(result: dict[str, Any]) -> dict[str, int]:
    return {action: number for action, number in result["counts"].items() if number}


def only(result: dict[str, Any], **fields: str) -> dict[str, Any]:
    """The one result with these fields."""
    (found,) = [item for item in result["results"] if fields.items() <= item.items()]
    return dict(found)


def definition(group: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def config(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def thing(name: str, group: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}/v1",
        "kind": "Thing",
        "metadata": {"name": name},
        "spec": spec,
    }


def config_names(kube: Api, prefix: str) -> list[str]:
    """Names of the ConfigMaps in `default` that begin with a prefix."""
    listed = kube.get("configmaps")["items"]
    return sorted(
        item["metadata"]["name"] for item in listed if item["metadata"]["name"].startswith(prefix)
    )
