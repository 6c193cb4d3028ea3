# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespaces, and how much of their quotas is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.quantity import quantity

Body = Mapping[str, Any]


def namespaces(bodies: Iterable[Body]) -> list[dict[str, Any]]:
    """Name, phase and labels of each namespace."""
    return [
        {
            "name": body["metadata"]["name"],
            "phase": (body.get("status") or {}).get("phase", ""),
            "labels": dict(body["metadata"].get("labels") or {}),
        }
        for body in sorted(bodies, key=lambda body: str(body["metadata"]["name"]))
    ]


def quotas(bodies: Iterable[Body]) -> list[dict[str, Any]]:
    """Each limit of each quota, with what is used of it."""
    found = [limit for body in bodies for limit in _limits(body)]
    return sorted(found, key=lambda limit: (limit["namespace"], limit["name"], limit["resource"]))


def _limits(body: Body) -> Iterator[dict[str, Any]]:
    status = body.get("status") or {}
    used = status.get("used") or {}
    for resource, hard in ((body.get("spec") or {}).get("hard") or {}).items():
        yield {
            "namespace": body["metadata"]["namespace"],
            "name": body["metadata"]["name"],
            "resource": resource,
            "used": used.get(resource),
            "hard": hard,
            "percent": _percent(used.get(resource), hard),
        }


def _percent(used: str | None, hard: str) -> float | None:
    """``None`` where nobody has counted yet. What must not be there at all is full with the first one."""
    if used is None:
        return None
    whole, part = quantity(hard), quantity(used)
    if not whole:
        return 100.0 if part else 0.0
    return round(float(100 * part / whole), 1)
