# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes: which are ready, in which pool, and what pods can have of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.capacity import capacity
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import condition

Body = Mapping[str, Any]

#: Labels that name a node's pool: the usual one, and Google's.
POOLS = ("node.kubernetes.io/pool", "cloud.google.com/gke-nodepool")
ZONE = "topology.kubernetes.io/zone"
_PRESSURES = ("DiskPressure", "MemoryPressure", "NetworkUnavailable", "PIDPressure")


def nodes(bodies: Iterable[Body]) -> list[dict[str, Any]]:
    """Each node as the module shows it."""
    return [_node(body) for body in sorted(bodies, key=lambda body: str(body["metadata"]["name"]))]


def _node(body: Body) -> dict[str, Any]:
    labels = body["metadata"].get("labels") or {}
    status = body.get("status") or {}
    return {
        "name": body["metadata"]["name"],
        "ready": is_ready(body),
        "reason": _reason(body),
        "schedulable": not (body.get("spec") or {}).get("unschedulable", False),
        "pressures": [
            name for name in _PRESSURES if (condition(body, name) or {}).get("status") == "True"
        ],
        "pool": next((labels[name] for name in POOLS if labels.get(name)), None),
        "zone": labels.get(ZONE),
        "allocatable": dict(status.get("allocatable") or {}),
        "kubelet": (status.get("nodeInfo") or {}).get("kubeletVersion", ""),
    }


def is_ready(body: Body) -> bool:
    """Whether a node's kubelet says so, and still speaks."""
    return (condition(body, "Ready") or {}).get("status") == "True"


def _reason(body: Body) -> str:
    found = condition(body, "Ready")
    if found is None:
        return "its kubelet has not reported yet"
    if found.get("status") == "True":
        return ""
    return f"{found.get('reason', 'NotReady')}: {found.get('message', '')}".rstrip(": ")


def pools(shown: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many nodes each pool has, and how many of them are ready and take pods."""
    found: dict[str, dict[str, int]] = {}
    for node in shown:
        if node["pool"] is not None:
            counted = found.setdefault(node["pool"], {"ready": 0, "total": 0})
            counted["total"] += 1
            counted["ready"] += takes_pods(node)
    return found


def takes_pods(node: Mapping[str, Any]) -> bool:
    """Whether a node, as it is shown, is ready and not cordoned."""
    return bool(node["ready"] and node["schedulable"])


def room(bodies: Iterable[Body]) -> dict[str, float | int]:
    """Cores, bytes of memory and pods of the nodes that are ready and take pods."""
    found = capacity(body for body in bodies if is_ready(body))
    return {
        "cpu": float(found["cpu"]),
        "memory": int(found["memory"]),
        "pods": int(found["pods"]),
    }
