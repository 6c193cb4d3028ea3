# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster's state as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.verdict import (
    PROBLEM,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import table

Info = Mapping[str, Any]

_HEADINGS = (
    "namespace",
    "phase",
    "workloads",
    "services",
    "hosts",
    "fullest quota",
    "certificates",
)
_GIB = 1024**3


def cluster_lines(info: Info, name: str = "cluster", standby: bool = False) -> list[str]:
    """Return what ``kube_cluster_info`` told as lines: a headline, the namespaces, the problems.

    What was not gathered or could not be read is shown as ``?``.
    """
    lines = [_headline(info, name, standby), *_pools(info)]
    if info.get("namespaces"):
        lines += table([_HEADINGS, *(_row(info, entry) for entry in info["namespaces"])])
    for problem in info.get("problems") or ():
        lines.append(f"{'!' if problem['level'] == PROBLEM else '~'} {problem['message']}")
    return lines


def _headline(info: Info, name: str, standby: bool) -> str:
    broken = any(problem["level"] == PROBLEM for problem in info.get("problems") or ())
    parts = [
        "standby" if standby else "",
        "NOT well" if broken else "well",
        f"Kubernetes {info['version']}" if info.get("version") else "",
        _share(info, "nodes", "nodes ready", lambda node: node["ready"]),
        _count(info.get("namespaces"), "namespace"),
        _share(info, "workloads", "workloads ready", lambda entry: not entry["reason"]),
        _count(info.get("services"), "service"),
        _next_end(info.get("certificates") or ()),
    ]
    return f"{name}: {', '.join(filter(None, parts))}"


def _share(info: Info, key: str, words: str, good: Any) -> str:
    if key not in info:
        return ""
    return f"{sum(map(bool, map(good, info[key])))} of {len(info[key])} {words}"


def _count(entries: Sequence[Any] | None, word: str) -> str:
    if entries is None:
        return ""
    return f"{len(entries)} {word}" if len(entries) == 1 else f"{len(entries)} {word}s"


def _next_end(entries: Iterable[Info]) -> str:
    days = [entry["days_left"] for entry in entries if entry["days_left"] is not None]
    if not days:
        return ""
    left = min(days)
    return "a certificate has ended" if left < 0 else f"certificates good for {left} days"


def _pools(info: Info) -> list[str]:
    if not info.get("nodes"):
        return []
    counted = [f"{name} {pool['ready']}/{pool['total']}" for name, pool in info["pools"].items()]
    there = info["capacity"]
    room = f"{there['cpu']:g} cores, {there['memory'] / _GIB:.1f} GiB, {there['pods']} pods"
    return [f"pools: {', '.join(counted) or 'none is named'}; room: {room}"]


def _row(info: Info, namespace: Info) -> tuple[str, ...]:
    name = namespace["name"]

    def own(key: str) -> list[Info] | None:
        """The entries of the namespace, ``None`` where nobody asked."""
        if key not in info:
            return None
        return [entry for entry in info[key] if entry["namespace"] == name]

    return (
        name,
        namespace["phase"],
        _ready(own("workloads"), own("failed_jobs")),
        _served(own("services")),
        _hosts(own("ingresses")),
        _fullest(own("quotas")),
        _days(own("certificates")),
    )


def _ready(workloads: list[Info] | None, jobs: list[Info] | None) -> str:
    if workloads is None:
        return "?"
    good = sum(not entry["reason"] for entry in workloads)
    text = f"{good}/{len(workloads)}" if workloads else "-"
    return f"{text}, {_count(jobs, 'failed job')}" if jobs else text


def _served(services: list[Info] | None) -> str:
    """Services that have an endpoint of those that need one now."""
    if services is None:
        return "?"
    needy = [entry for entry in services if entry["ready"] is not None and not entry["idle"]]
    return f"{sum(not entry['reason'] for entry in needy)}/{len(needy)}" if needy else "-"


def _hosts(ingresses: list[Info] | None) -> str:
    if ingresses is None:
        return "?"
    names = list(dict.fromkeys(host for entry in ingresses for host in entry["hosts"]))
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more or "-"


def _fullest(quotas: list[Info] | None) -> str:
    if quotas is None:
        return "?"
    counted = [limit for limit in quotas if limit["percent"] is not None]
    if not counted:
        return "-"
    fullest = max(counted, key=lambda limit: float(limit["percent"]))
    return f"{fullest['resource']} {fullest['percent']:.0f}%"


def _days(certificates: list[Info] | None) -> str:
    if certificates is None:
        return "?"
    days = [entry["days_left"] for entry in certificates if entry["days_left"] is not None]
    return f"{min(days)} days" if days else "-"
