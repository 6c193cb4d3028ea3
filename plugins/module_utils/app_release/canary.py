# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Canaries: a few pods of the new version that are judged before all others follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Canary,
    Service,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest

Body = dict[str, Any]

#: Label of a canary's pods: what tells its Deployment's selector from the other's.
TRACK = "groundwork.platform/track"
SUFFIX = "-canary"


def place(service: Service) -> tuple[str, str]:
    """Namespace and name of the canary's Deployment."""
    return service.namespace, f"{service.deployment}{SUFFIX}"


def objects(service: Service, canary: Canary) -> list[Manifest]:
    """A canary's own objects: a Deployment and, by weight, a Service. Raises ``KubeError`` (``no_canary``)."""
    found = [_deployment(service, canary)]
    if canary.weight:
        found.append(_service(service))
    return [Manifest(body, f"{service.name}: its canary") for body in found]


def routed(service: Service, canary: Canary) -> list[Manifest]:
    """The service's HTTPRoutes with the canary's weight. Raises ``KubeError`` (``no_canary``) where there is none."""
    found = []
    for route in routes(service):
        body = deepcopy(dict(route.body))
        for rule in body["spec"].get("rules") or ():
            rule["backendRefs"] = [
                each
                for backend in rule.get("backendRefs") or ()
                for each in _split(backend, service, canary)
            ]
        found.append(Manifest(body, route.source))
    if not found:
        raise KubeError(
            "no_canary",
            f"{service.name}: a canary by weight needs an HTTPRoute among its manifests that leads to Service "
            f"{_name(service)}. "
            "Leave weight out to have it take its share of the pods.",
        )
    return found


def routes(service: Service) -> list[Manifest]:
    """The HTTPRoutes that lead to a service."""
    name = _name(service)
    return [
        each
        for each in service.target.manifests
        if each.key.kind == "HTTPRoute"
        and any(
            backend.get("name") == name
            for rule in each.body["spec"].get("rules") or ()
            for backend in rule.get("backendRefs") or ()
        )
    ]


def _split(backend: Mapping[str, Any], service: Service, canary: Canary) -> Iterator[Body]:
    # Weights of one rule are shares of their sum; what others have in it stays theirs.
    whole = int(backend.get("weight", 1)) * 100
    if backend.get("name") != _name(service):
        yield {**backend, "weight": whole}
        return
    part = whole * canary.weight // 100
    yield {**backend, "weight": whole - part}
    yield {**backend, "name": f"{_name(service)}{SUFFIX}", "weight": part}


def _deployment(service: Service, canary: Canary) -> Body:
    body = _only(service, "Deployment", service.deployment)
    name = f"{service.deployment}{SUFFIX}"
    labels = {TRACK: "canary"}
    if canary.weight:
        # The service's own Service must not find them: by weight alone they get requests.
        labels |= _foreign(service)
    template = body["spec"]["template"]
    template.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    body["metadata"] = {
        "name": name,
        "namespace": service.namespace,
        "labels": {**(body["metadata"].get("labels") or {}), TRACK: "canary"},
    }
    selector = body["spec"].setdefault("selector", {}).setdefault("matchLabels", {})
    selector.update(labels)
    body["spec"]["replicas"] = canary.replicas
    return body


def _service(service: Service) -> Body:
    body = _only(service, "Service", _name(service))
    body["metadata"] = {"name": f"{_name(service)}{SUFFIX}", "namespace": service.namespace}
    body["spec"]["selector"] = {
        **body["spec"].get("selector", {}),
        **_foreign(service),
        TRACK: "canary",
    }
    for key in ("clusterIP", "clusterIPs", "type"):
        body["spec"].pop(key, None)
    for port in body["spec"].get("ports") or ():
        port.pop("nodePort", None)
    return body


def _foreign(service: Service) -> dict[str, str]:
    """Another value for a label that the service's Service selects by."""
    selector = _only(service, "Service", _name(service))["spec"].get("selector") or {}
    if not selector:
        raise KubeError("no_canary", f"{service.name}: Service {_name(service)} selects no pods.")
    label = (
        "app.kubernetes.io/name" if "app.kubernetes.io/name" in selector else next(iter(selector))
    )
    return {label: f"{selector[label]}{SUFFIX}"}


def _name(service: Service) -> str:
    """Name of the Service in front of the Deployment: that of its own name, or the only one."""
    names = [each.name for each in service.target.manifests if each.kind == ("v1", "Service")]
    return service.deployment if service.deployment in names or len(names) != 1 else names[0]


def _only(service: Service, kind: str, name: str) -> Body:
    bodies = [each.body for each in service.target.manifests if each.key.kind == kind]
    # What comes by an image alone is tried as the Deployment that is there.
    for body in service.deployments if kind == "Deployment" else bodies:
        if body["metadata"]["name"] == name:
            return deepcopy(dict(body))
    raise KubeError(
        "no_canary", f"{service.name}: a canary needs the {kind} {name} among its manifests."
    )
