# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes: whether an object is there and ready, and whether a Service has endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.kinds import built_in
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import (
    failed,
    waits_for,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.services import (
    SERVICE_NAME,
    ready_endpoints,
)


@dataclass(frozen=True)
class Kubernetes:
    """An object that has to be ready, by its kind's own rule or by a condition.

    A Service needs as many ready endpoints as ``endpoints`` says.
    """

    kind: str
    name: str
    namespace: str = "default"
    api_version: str | None = None
    condition: str | None = None
    endpoints: int = 1

    @classmethod
    def of(cls, given: Mapping[str, Any], _defaults: Mapping[str, Any]) -> Kubernetes:
        """Read the options. Raises ``ValueError``."""
        if given["endpoints"] is not None and given["kind"] != "Service":
            raise ValueError(f"endpoints: only a Service has them, not a {given['kind']}")
        if given["endpoints"] is not None and given["endpoints"] < 0:
            raise ValueError(f"endpoints {given['endpoints']} is below 0")
        own = {
            name: given[name] for name in ("kind", "name", "namespace", "api_version", "condition")
        }
        return cls(**own, endpoints=1 if given["endpoints"] is None else given["endpoints"])

    @property
    def target(self) -> str:
        """The object."""
        return f"{self.kind} {self.name} in {self.namespace}"

    async def ask(self, world: World, _timeout: float, /) -> Facts:
        """Look at the object once."""
        client, catalogue = await world.cluster()
        resource = find(catalogue, self.kind, self.api_version)
        answer = await client.get(resource.path(self.namespace, self.name))
        if answer.status == 404:
            raise FailedError("not_found", "it is not there")
        if not answer.ok:
            raise FailedError(
                "forbidden" if answer.status == 403 else "unavailable", answer.message
            )
        judge_object(resource.named(answer.body), self.condition)
        if (self.kind, resource.kind.group) != ("Service", "") or self.endpoints == 0:
            return {}
        found = await client.get(
            f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices",
            labelSelector=f"{SERVICE_NAME}={self.name}",
        )
        if not found.ok:
            raise FailedError("unavailable", f"its endpoints cannot be read: {found.message}")
        ready = len(ready_endpoints(answer.body, found.body["items"] or ()))
        if ready < self.endpoints:
            raise FailedError(
                "not_ready", f"{ready} endpoints are ready, expected {self.endpoints}"
            )
        return {"endpoints": ready}


def judge_object(body: Mapping[str, Any], wanted: str | None) -> None:
    """Raise ``FailedError`` where an object is not ready: ``failed`` where it never will be."""
    if body["kind"] == "Job" and wanted is None and (body.get("spec") or {}).get("suspend"):
        # Nobody awaits it, and its work is not done.
        raise FailedError("not_ready", "it is suspended")
    broken = failed(body)
    if broken:
        raise FailedError("failed", broken)
    waiting = waits_for(body, wanted)
    if waiting:
        raise FailedError("not_ready", waiting)


def find(catalogue: Catalogue, kind: str, api_version: str | None) -> Resource:
    """The resource of a kind: of that version, Kubernetes' own, or the only one. Raises ``FailedError``."""
    named = [
        resource
        for resource in (
            catalogue.preferred() if api_version is None else catalogue.resources.values()
        )
        if resource.kind.name == kind and api_version in (None, resource.kind.api_version)
    ]
    own = [resource for resource in named if built_in(resource.kind.group)]
    chosen = [r for r in own if "." not in r.kind.group] or own or named
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise FailedError(
            "unknown_kind", f"the cluster knows no {kind} {api_version or ''}".strip()
        )
    versions = " and ".join(sorted(resource.kind.api_version for resource in chosen))
    raise FailedError("unknown_kind", f"{kind} is a kind of {versions}: say which (api_version)")
