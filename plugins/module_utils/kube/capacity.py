# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether what namespaces may use together fits into a cluster, with room for its own components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.quantity import quantity

#: Under which names a quota limits what nodes have.
_NAMES = {
    "cpu": ("requests.cpu", "cpu"),
    "memory": ("requests.memory", "memory"),
    "pods": ("pods", "count/pods"),
}
_GIB = Decimal(1024) ** 3


def capacity(nodes: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """What the nodes that take pods have for them: cores, bytes and pods."""
    found = dict.fromkeys(_NAMES, Decimal(0))
    for node in nodes:
        if not (node.get("spec") or {}).get("unschedulable"):
            there = (node.get("status") or {}).get("allocatable") or {}
            for name in found:
                found[name] += quantity(there.get(name, 0))
    return found


def quota_problems(
    namespaces: Mapping[str, Mapping[str, Any]], available: Mapping[str, Any], kept_percent: float
) -> list[str]:
    """Say for each resource whether the sum of all quotas is more than the cluster has for them.

    ``available`` are quantities by ``cpu``, ``memory`` and ``pods``; what it does not name is not judged.
    ``kept_percent`` of each stays for the components of the platform. A namespace without a quota for
    a resource could use all of it, so that it is named as soon as another one has a quota.
    """
    problems = []
    for name, keys in _NAMES.items():
        if name not in available:
            continue
        amounts = {
            title: _asked(entry, keys)
            for title, entry in namespaces.items()
            if entry.get("enabled", True)
        }
        given = {title: amount for title, amount in amounts.items() if amount is not None}
        whole = quantity(available[name])
        room = whole * (100 - Decimal(str(kept_percent))) / 100
        total = sum(given.values(), Decimal(0))
        if total > room:
            most = sorted(given, key=lambda title: given[title], reverse=True)[:3]
            problems.append(
                f"quotas of {name} add up to {_shown(name, total)} and the cluster has {_shown(name, room)} for them "
                f"({_shown(name, whole)} less the {kept_percent:g}% that stay for the platform's components); the "
                f"largest are {', '.join(f'{title} ({_shown(name, given[title])})' for title in most)}"
            )
        if given and len(given) < len(amounts):
            without = sorted(amounts.keys() - given.keys())
            problems.append(
                f"no quota of {name} in {', '.join(without)}: one namespace could take what the others count on"
            )
    return problems


def _asked(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Decimal | None:
    quota = entry.get("quota") or {}
    return next((quantity(quota[key]) for key in keys if key in quota), None)


def _shown(name: str, amount: Decimal) -> str:
    return f"{amount / _GIB:.1f} GiB" if name == "memory" else f"{amount.normalize():f}"
