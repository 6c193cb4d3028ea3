# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kinds a cluster serves, and at which paths: two requests in all (aggregated discovery, Kubernetes 1.30)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Kind

_ACCEPT = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)


@dataclass(frozen=True)
class Resource:
    """A kind as the API serves it."""

    kind: Kind
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of an object, of a namespace's objects, or of all."""
        prefix = "/api/" if not self.kind.group else "/apis/"
        parts = [prefix + self.kind.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)

    def key(self, body: Mapping[str, Any]) -> Key:
        """What tells a live object apart."""
        metadata = body["metadata"]
        return Key(self.kind.group, self.kind.name, metadata.get("namespace", ""), metadata["name"])

    def named(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A live object that says its kind, which the items of a list leave out."""
        return {**body, "apiVersion": self.kind.api_version, "kind": self.kind.name}


@dataclass(frozen=True)
class Catalogue:
    """All that a cluster serves. ``stale`` are API groups behind which nobody answered."""

    resources: Mapping[Kind, Resource]
    stale: frozenset[str]

    def get(self, kind: Kind) -> Resource | None:
        """The resource of a kind, ``None`` where the cluster does not serve it."""
        return self.resources.get(kind)

    def preferred(self) -> list[Resource]:
        """Each kind once, at the version that the cluster prefers."""
        found: dict[tuple[str, str], Resource] = {}
        for resource in self.resources.values():
            found.setdefault((resource.kind.group, resource.plural), resource)
        return list(found.values())

    def unknown(self, kind: Kind) -> str:
        """Say why a kind cannot be applied."""
        others = sorted(known.api_version for known in self.resources if known.name == kind.name)
        if others:
            return f"the cluster serves no {kind.name} at {kind.api_version}, but at {', '.join(others)}"
        if kind.group in self.stale:
            return f"the service behind {kind.api_version} does not answer (see kubectl get apiservices)"
        return f"the cluster knows no {kind.name} at {kind.api_version}: is its definition (CRD) installed?"


async def discover(client: Client) -> Catalogue:
    """Ask what the cluster serves. Raises ``KubeError``: ``too_old``, ``forbidden``, those of the client."""
    answers = await asyncio.gather(
        client.get("/api", accept=_ACCEPT), client.get("/apis", accept=_ACCEPT)
    )
    resources: dict[Kind, Resource] = {}
    stale: set[str] = set()
    for answer in answers:
        if not answer.ok:
            raise KubeError(
                "forbidden", f"The API refuses to say what it serves: {answer.message}."
            )
        if answer.body.get("kind") != "APIGroupDiscoveryList":
            raise KubeError(
                "too_old", "The API has no aggregated discovery, which came with Kubernetes 1.27."
            )
        for group in answer.body["items"]:
            name = group["metadata"].get("name", "")
            for version in group.get("versions", ()):
                if version.get("freshness") == "Stale":
                    stale.add(name)
                for resource in _resources(name, version):
                    resources[resource.kind] = resource
    return Catalogue(resources, frozenset(stale))


def _resources(group: str, version: Mapping[str, Any]) -> Iterator[Resource]:
    for entry in version.get("resources", ()):
        answered = entry["responseKind"]
        if not answered or not answered.get("kind"):
            continue
        yield Resource(
            kind=Kind(f"{group}/{version['version']}".lstrip("/"), answered["kind"]),
            plural=entry["resource"],
            namespaced=entry["scope"] == "Namespaced",
            verbs=frozenset(entry["verbs"]),
        )
