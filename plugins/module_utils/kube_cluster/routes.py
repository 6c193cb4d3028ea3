# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What leads into a cluster: Ingresses, and Gateways with their routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import waits_for
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    GATEWAYS,
    INGRESSES,
    ROUTES,
    Look,
)

Body = Mapping[str, Any]


def ingresses(look: Look) -> list[dict[str, Any]]:
    """Ingresses, Gateways and HTTPRoutes; ``reason`` says why one is not in use."""
    makers: tuple[tuple[Any, Callable[[Body], dict[str, Any]]], ...] = (
        (INGRESSES, _ingress),
        (GATEWAYS, _gateway),
        (ROUTES, _route),
    )
    found = [
        {
            "kind": body["kind"],
            "namespace": body["metadata"]["namespace"],
            "name": body["metadata"]["name"],
            **make(body),
        }
        for listing, make in makers
        for body in look.of(listing)
    ]
    return sorted(found, key=lambda entry: (entry["namespace"], entry["kind"], entry["name"]))


def _unique(names: Iterator[Any]) -> list[str]:
    return list(dict.fromkeys(str(name) for name in names if name))


def _ingress(body: Body) -> dict[str, Any]:
    spec = body.get("spec") or {}
    balancer = (body.get("status") or {}).get("loadBalancer") or {}
    addresses = _unique(
        entry.get("ip") or entry.get("hostname") for entry in balancer.get("ingress") or ()
    )
    name = spec.get("ingressClassName")
    return {
        "classes": [name] if name else [],
        "hosts": _unique(rule.get("host") for rule in spec.get("rules") or ()),
        "addresses": addresses,
        "reason": "" if addresses else "no controller has given it an address",
    }


def _gateway(body: Body) -> dict[str, Any]:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    return {
        "classes": [spec["gatewayClassName"]],
        "hosts": _unique(entry.get("hostname") for entry in spec.get("listeners") or ()),
        "addresses": _unique(entry.get("value") for entry in status.get("addresses") or ()),
        "reason": waits_for(body, "Programmed"),
    }


def _route(body: Body) -> dict[str, Any]:
    spec = body.get("spec") or {}
    return {
        "classes": _unique(entry.get("name") for entry in spec.get("parentRefs") or ()),
        "hosts": _unique(iter(spec.get("hostnames") or ())),
        "addresses": [],
        "reason": _not_taken(body),
    }


def _not_taken(body: Body) -> str:
    """Why a gateway that a route names does not take it."""
    parents = (body.get("status") or {}).get("parents") or ()
    if not parents:
        return "no gateway has taken it"
    for parent in parents:
        said = {"metadata": {}, "status": parent}
        for name in ("Accepted", "ResolvedRefs"):
            text = waits_for(said, name)
            if text:
                return f"Gateway {(parent.get('parentRef') or {}).get('name', '')}: {text}"
    return ""
