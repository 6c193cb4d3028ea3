"""The shortest time in which operations can end: by the emulator's own log and its own table of references.

Nothing here comes from the module gcp_resources: not what needs what, and not how long it took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import longest_chain

from tests.lab.gcp.fields import each
from tests.lab.gcp.links import parse
from tests.lab.gcp.tables import REFERENCES

Body = dict[str, Any]
#: Methods of operations that make something be there, or go.
_MADE = frozenset(("insert", "create", "enable"))
_GONE = frozenset(("delete", "disable"))
#: Fields in which an address stands that was reserved before.
_ADDRESSES = (
    "IPAddress",
    "networkInterfaces[].networkIP",
    "networkInterfaces[].accessConfigs[].natIP",
)


def seconds(operation: Body) -> float:
    """How long an operation took from its request on."""
    begin, end = (datetime.fromisoformat(operation[name]) for name in ("inserted", "ended"))
    return (end - begin).total_seconds()


def span(operations: Iterable[Body]) -> float:
    """Seconds from the first request to the last end."""
    listed = list(operations)
    begin = min(datetime.fromisoformat(each["inserted"]) for each in listed)
    return (max(datetime.fromisoformat(each["ended"]) for each in listed) - begin).total_seconds()


def needs(resources: Mapping[str, Body]) -> dict[str, set[str]]:
    """What each resource names, by key; ``resources`` are those of the emulator's state."""
    by_address = {
        one["body"]["address"]: key
        for key, one in resources.items()
        if key.rpartition("/")[0].endswith("/addresses") and "address" in one["body"]
    }
    return {key: _needed(key, one, by_address) & set(resources) for key, one in resources.items()}


def _needed(key: str, one: Body, by_address: Mapping[str, str]) -> set[str]:
    body = one["body"]
    links = [
        parse(str(holder[name])) or ""
        for path in REFERENCES.get(one["type"], {})
        for holder, name, _where in each(body, path)
    ]
    addresses = [
        by_address.get(str(holder[name]), "")
        for path in _ADDRESSES
        for holder, name, _where in each(body, path)
    ]
    parents = [key[:place] for place, letter in enumerate(key) if letter == "/"]
    return {*links, *addresses, *parents} - {key}


def _switched(operations: Sequence[Body]) -> list[tuple[str, str]]:
    """APIs that were enabled or disabled, with how keys of their resources begin."""
    targets = [each["target"] for each in operations if each["method"].startswith("serviceusage.")]
    return [(each, each.rpartition("/")[2].partition(".")[0] + "/") for each in targets]


def creation(resources: Mapping[str, Body], operations: Sequence[Body]) -> float:
    """Seconds of the longest chain of what was made, each after what it names.

    Operations that change what is there already (a peering, a member of a group) stand after the resource that they
    change, and nothing waits for them: the chain is never longer than Google's own order demands.
    """
    graph: dict[str, Sequence[str]] = {
        key: sorted(found) for key, found in needs(resources).items()
    }
    times = dict.fromkeys(graph, 0.0)
    for number, operation in enumerate(operations):
        target = operation["target"]
        if operation["method"].rpartition(".")[2] in _MADE:
            times[target] = seconds(operation)
            graph.setdefault(target, [])
        else:
            graph[f"{target} {number}"] = [target] if target in graph else []
            times[f"{target} {number}"] = seconds(operation)
    return longest_chain(graph, times)[1]


def deletion(resources: Mapping[str, Body], operations: Sequence[Body]) -> float:
    """Seconds of the longest chain of what went, each after all that names it; ``resources`` are from before."""
    users: dict[str, list[str]] = {key: [] for key in resources}
    for key, found in needs(resources).items():
        for need in found:
            users[need].append(key)
    for target, api in _switched(operations):
        users[target] = [key for key in resources if key.startswith(api)]
    times = dict.fromkeys(users, 0.0)
    for operation in operations:
        if operation["method"].rpartition(".")[2] in _GONE:
            times[operation["target"]] = seconds(operation)
    return longest_chain(users, {key: times[key] for key in users})[1]
