# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services: how many endpoints are ready behind each, and why none is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import waits_for
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    ENDPOINTS,
    PODS,
    RUNNING,
    SERVICES,
    Look,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.pods import (
    matches,
    why,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.workloads import (
    grouped,
    wanted,
)

Body = Mapping[str, Any]

#: Label of an EndpointSlice.
SERVICE_NAME = "kubernetes.io/service-name"


def services(look: Look) -> list[dict[str, Any]]:
    """Each Service, with the number of its endpoints that are ready."""
    slices = _slices(look.of(ENDPOINTS))
    pods = grouped(look.of(PODS))
    workloads = grouped(body for listing in RUNNING for body in look.of(listing))
    found = []
    for body in look.of(SERVICES):
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        own = slices[namespace, name]
        known = _has_endpoints(body) and look.knows(ENDPOINTS, namespace)
        entry = {
            "namespace": namespace,
            "name": name,
            "type": _type(body),
            "ready": len(ready_endpoints(body, own)) if known else None,
            "idle": False,
            "reason": "",
        }
        if entry["ready"] == 0 and _selector(body):
            near = workloads.get(namespace, ()), pods.get(namespace, ())
            entry.update(_portless(own) or _nobody(_selector(body), *near))
        found.append(entry)
    return sorted(found, key=lambda entry: (entry["namespace"], entry["name"]))


def ready_endpoints(service: Body, slices: Iterable[Body]) -> set[str]:
    """Endpoints of a Service that are ready, of its slices."""
    return _ready(_reachable(service, slices))


def _type(body: Body) -> str:
    spec = body.get("spec") or {}
    return "Headless" if spec.get("clusterIP") == "None" else str(spec.get("type", "ClusterIP"))


def _has_endpoints(body: Body) -> bool:
    """An ExternalName is an alias for a name elsewhere."""
    return (body.get("spec") or {}).get("type") != "ExternalName"


def _selector(body: Body) -> Mapping[str, Any]:
    """The selector, empty where somebody else keeps the endpoints and knows how many there should be."""
    labels = (body.get("spec") or {}).get("selector") or {}
    return {"matchLabels": labels} if labels and _has_endpoints(body) else {}


def _slices(bodies: Iterable[Body]) -> dict[tuple[str, str], list[Body]]:
    found: dict[tuple[str, str], list[Body]] = defaultdict(list)
    for body in bodies:
        metadata = body["metadata"]
        service = (metadata.get("labels") or {}).get(SERVICE_NAME, "")
        found[metadata["namespace"], service].append(body)
    return found


def _reachable(service: Body, slices: Iterable[Body]) -> list[Body]:
    """Pods that have no port of the name that a Service uses are endpoints without a port."""
    has_ports = bool((service.get("spec") or {}).get("ports"))
    return [body for body in slices if body.get("ports") or not has_ports]


def _ready(slices: Iterable[Body]) -> set[str]:
    """Endpoints that are ready. One with addresses of two families counts once."""
    found = set()
    for body in slices:
        for endpoint in body.get("endpoints") or ():
            # What says nothing of itself counts as ready, as the API has it.
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                target = endpoint.get("targetRef") or {}
                found.add(str(target.get("name") or endpoint["addresses"][0]))
    return found


def _portless(slices: Sequence[Body]) -> dict[str, Any]:
    if not _ready(slices):
        return {}
    return {"reason": "its pods are ready, and have no port of the name that it uses"}


def _nobody(
    selector: Mapping[str, Any], workloads: Sequence[Body], pods: Sequence[Body]
) -> dict[str, Any]:
    """Why no endpoint is ready; ``idle`` where what it leads to is scaled to 0 on purpose."""
    behind = [body for body in workloads if matches(selector, _template_labels(body))]
    if behind and not any(map(wanted, behind)):
        names = ", ".join(f"{body['kind']} {body['metadata']['name']}" for body in behind)
        return {"idle": True, "reason": f"{names} is scaled to 0"}
    for body in behind:
        if waits_for(body):
            return {"reason": f"{body['kind']} {body['metadata']['name']} is not ready"}
    own = [pod for pod in pods if matches(selector, pod["metadata"].get("labels"))]
    if own or behind:
        return {"reason": why(own) or "its endpoints do not say yet that its pods are ready"}
    labels = ",".join(f"{key}={value}" for key, value in selector["matchLabels"].items())
    return {"reason": f"no pod has the labels {labels}"}


def _template_labels(body: Body) -> Mapping[str, str]:
    template = (body.get("spec") or {}).get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}
