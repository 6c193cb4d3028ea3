"""Components and objects for tests."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Kind,
    Manifest,
)

VERBS = frozenset(("create", "get", "list", "watch", "patch", "delete"))


def catalogue(*more: Resource) -> Catalogue:
    """A cluster that serves a few kinds."""
    known = [
        Resource(Kind("v1", "ConfigMap"), "configmaps", True, VERBS),
        Resource(Kind("v1", "Namespace"), "namespaces", False, VERBS),
        Resource(Kind("v1", "Secret"), "secrets", True, VERBS),
        Resource(Kind("batch/v1", "Job"), "jobs", True, VERBS),
        Resource(
            Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            "customresourcedefinitions",
            False,
            VERBS,
        ),
        *more,
    ]
    return Catalogue({resource.kind: resource for resource in known}, frozenset())


def manifest(
    kind: str = "ConfigMap",
    name: str = "c",
    api_version: str = "v1",
    annotations: dict[str, str] | None = None,
    **body: Any,
) -> Manifest:
    """One object."""
    metadata: dict[str, Any] = {"name": name}
    if annotations:
        metadata["annotations"] = annotations
    whole = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
    return Manifest(whole, f"{name}.yml:1")


def definition(group: str = "example.org", kind: str = "Thing") -> Manifest:
    """The definition of a kind."""
    spec = {
        "group": group,
        "names": {"kind": kind, "plural": f"{kind.lower()}s"},
        "scope": "Namespaced",
        "versions": [{"name": "v1"}],
    }
    return manifest(
        "CustomResourceDefinition",
        f"{kind.lower()}s.{group}",
        "apiextensions.k8s.io/v1",
        spec=spec,
    )
