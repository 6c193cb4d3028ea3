# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a cluster is as it should be: what ``kube_cluster_info`` saw against what is expected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.nodes import (
    takes_pods,
)

Info = Mapping[str, Any]

PROBLEM, WARNING = "problem", "warning"
#: Checks whose findings time alone may mend.
_MENDED = frozenset(("ingresses", "nodes", "services", "workloads"))


@dataclass(frozen=True)
class Expectation:
    """What a cluster is held against.

    ``nodes`` is the least number of nodes that take pods, by pool. ``ignore`` are patterns of
    subjects (``Service */*-ro``) that are left out. In ``standby`` the pools are at 0: nothing runs,
    and what was applied is there all the same.
    """

    standby: bool = False
    namespaces: Sequence[str] = ()
    nodes: Mapping[str, int] = field(default_factory=dict)
    quota_percent: float = 90.0
    certificate_warning_days: int = 21
    certificate_days: int = 7
    ignore: Sequence[str] = ()


def options() -> dict[str, Any]:
    """The option ``expect`` of the module."""
    known = Expectation()
    return {
        "standby": {"type": "bool", "default": known.standby},
        "namespaces": {"type": "list", "elements": "str", "default": list(known.namespaces)},
        "nodes": {"type": "dict", "default": dict(known.nodes)},
        "quota_percent": {"type": "float", "default": known.quota_percent},
        "certificate_warning_days": {"type": "int", "default": known.certificate_warning_days},
        "certificate_days": {"type": "int", "default": known.certificate_days},
        "ignore": {"type": "list", "elements": "str", "default": list(known.ignore)},
    }


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be; ``reason`` is a code, ``subject`` what it is about."""

    check: str
    reason: str
    subject: str
    message: str
    level: str = PROBLEM


def judge(info: Info, expectation: Expectation) -> list[Finding]:
    """Everything that is not as expected, problems before warnings. Parts that were not gathered are not judged."""
    found = [
        finding
        for check in _CHECKS
        for finding in map(_one_sentence, check(info, expectation))
        if not any(fnmatchcase(finding.subject, pattern) for pattern in expectation.ignore)
    ]
    return sorted(found, key=lambda finding: finding.level != PROBLEM)


def _one_sentence(finding: Finding) -> Finding:
    """What others said may end in a full stop of its own."""
    message = finding.message.rstrip(". ")
    return replace(finding, message=message if message.endswith("…") else f"{message}.")


def may_pass(finding: Finding) -> bool:
    """Whether waiting may help."""
    return finding.level == PROBLEM and finding.check in _MENDED


def _nodes(info: Info, _expectation: Expectation) -> Iterator[Finding]:
    for node in info.get("nodes") or ():
        subject = f"Node {node['name']}"
        if not node["ready"]:
            text = f"{subject} is not ready: {node['reason']}."
            yield Finding("nodes", "node_not_ready", subject, text)
        if not node["schedulable"]:
            text = f"{subject} takes no new pods: it is cordoned."
            yield Finding("nodes", "cordoned", subject, text, WARNING)
        for pressure in node["pressures"]:
            text = f"{subject} reports {pressure}."
            yield Finding("nodes", "pressure", subject, text, WARNING)


def _pools(info: Info, expectation: Expectation) -> Iterator[Finding]:
    """Enough nodes. A cluster that is not in standby needs one at least."""
    if "nodes" not in info or expectation.standby:
        return
    if not any(map(takes_pods, info["nodes"])):
        total = len(info["nodes"])
        text = f"None of {total} nodes is ready and takes pods." if total else "There is no node."
        yield Finding("nodes", "no_node", "Cluster", text)
    for pool, least in expectation.nodes.items():
        there = info["pools"].get(pool, {"ready": 0})["ready"]
        if there < least:
            subject = f"Pool {pool}"
            text = (
                f"{subject} has {there} nodes that are ready and take pods; {least} are expected."
            )
            yield Finding("nodes", "too_few_nodes", subject, text)


def _namespaces(info: Info, expectation: Expectation) -> Iterator[Finding]:
    if "namespaces" not in info:
        return
    phases = {entry["name"]: entry["phase"] for entry in info["namespaces"]}
    hidden = {entry["namespace"] for entry in info["unread"] if entry["resource"] == "namespaces"}
    for name in expectation.namespaces:
        subject = f"Namespace {name}"
        if name in phases:
            if phases[name] != "Active":
                text = f"{subject} is being deleted (phase {phases[name]})."
                yield Finding("namespaces", "namespace_terminating", subject, text)
        elif not hidden & {"", name}:
            yield Finding("namespaces", "no_namespace", subject, f"{subject} is not there.")


def _quotas(info: Info, expectation: Expectation) -> Iterator[Finding]:
    for limit in info.get("quotas") or ():
        percent, resource = limit["percent"], limit["resource"]
        subject = f"ResourceQuota {limit['namespace']}/{limit['name']} {resource}"
        amounts = f"{limit['used']} of {limit['hard']}"
        if percent is None:
            text = f"{subject}: nobody has counted yet what is used."
            yield Finding("quotas", "quota_not_counted", subject, text, WARNING)
        elif percent >= 100:
            text = f"{subject} is used up ({amounts}): what asks for more is refused."
            yield Finding("quotas", "quota_used_up", subject, text)
        elif percent > expectation.quota_percent:
            text = f"{subject} is used to {percent:g}% ({amounts})."
            yield Finding("quotas", "quota_nearly_used_up", subject, text, WARNING)


def _workloads(info: Info, expectation: Expectation) -> Iterator[Finding]:
    if expectation.standby:
        return
    for entry in info.get("workloads") or ():
        if entry["reason"]:
            subject = _subject(entry)
            text = f"{subject} is not ready: {entry['reason']}."
            yield Finding("workloads", "not_ready", subject, text)
    for entry in info.get("failed_jobs") or ():
        subject = f"Job {entry['namespace']}/{entry['name']}"
        yield Finding("jobs", "job_failed", subject, f"{subject}: {entry['reason']}.")


def _services(info: Info, expectation: Expectation) -> Iterator[Finding]:
    if expectation.standby:
        return
    for entry in info.get("services") or ():
        if entry["reason"] and not entry["idle"]:
            subject = f"Service {entry['namespace']}/{entry['name']}"
            text = f"{subject} has no endpoint that is ready: {entry['reason']}."
            yield Finding("services", "no_endpoints", subject, text)


def _ingresses(info: Info, expectation: Expectation) -> Iterator[Finding]:
    """An Ingress without an address may be served all the same: not every controller tells its own."""
    if expectation.standby:
        return
    for entry in info.get("ingresses") or ():
        if entry["reason"]:
            subject = _subject(entry)
            level = WARNING if entry["kind"] == "Ingress" else PROBLEM
            text = f"{subject} is not in use: {entry['reason']}."
            yield Finding("ingresses", "not_in_use", subject, text, level)


def _certificates(info: Info, expectation: Expectation) -> Iterator[Finding]:
    entries = info.get("certificates") or ()
    seen = {(entry["namespace"], entry["name"]) for entry in entries if entry["kind"] == "Secret"}
    for entry in entries:
        kept = entry["kind"] == "Certificate"
        # Who keeps certificates rests with everything else while the cluster is in standby.
        if entry["reason"] and not (kept and expectation.standby):
            reason = "certificate_not_ready" if kept else "certificate_unreadable"
            subject = _subject(entry)
            text = f"{subject}: {entry['reason']}."
            yield Finding("certificates", reason, subject, text)
        # One that stands in a Secret is told of once.
        if not (kept and (entry["namespace"], entry["secret"]) in seen):
            yield from _ending(entry, expectation)


def _ending(entry: Info, expectation: Expectation) -> Iterator[Finding]:
    days, subject = entry["days_left"], _subject(entry)
    if days is None or days >= expectation.certificate_warning_days:
        return
    whose = f"{subject} ({entry['subject']})" if entry["subject"] else subject
    if days < 0:
        text = f"The certificate of {whose} has ended on {entry['not_after']}."
        yield Finding("certificates", "certificate_ended", subject, text)
        return
    text = f"The certificate of {whose} ends in {days} days, on {entry['not_after']}."
    level = PROBLEM if days < expectation.certificate_days else WARNING
    yield Finding("certificates", "certificate_ends_soon", subject, text, level)


def _unread(info: Info, _expectation: Expectation) -> Iterator[Finding]:
    """What nobody could look at is no success."""
    places: dict[str, list[str]] = defaultdict(list)
    messages: dict[str, str] = {}
    for entry in info.get("unread") or ():
        places[entry["resource"]].append(entry["namespace"])
        messages.setdefault(entry["resource"], entry["message"])
    for resource, names in places.items():
        where = ", ".join(filter(None, names))
        text = f"Not looked at: {resource}{' in ' + where if where else ''}: {messages[resource]}."
        yield Finding("access", "unread", resource, text, WARNING)


def _subject(entry: Info) -> str:
    if not entry["namespace"]:
        return str(entry["kind"])
    return f"{entry['kind']} {entry['namespace']}/{entry['name']}"


_CHECKS: tuple[Callable[[Info, Expectation], Iterator[Finding]], ...] = (
    _nodes,
    _pools,
    _namespaces,
    _quotas,
    _workloads,
    _services,
    _ingresses,
    _certificates,
    _unread,
)
