# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan of gcp_resources, for people and for guards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.text import table

Entry = Mapping[str, Any]

_ORDER = ("refused", "delete", "replace", "create", "update")
#: Longer values are cut in the table; the task's own diff has them whole.
_WIDTH = 60


def plan_table(plan: Sequence[Entry]) -> list[str]:
    """Return a line for each resource that changes, and one that counts all."""
    counts = Counter(str(entry["action"]) for entry in plan)
    changing = sorted(
        (entry for entry in plan if entry["action"] != "unchanged"),
        key=lambda entry: (_rank(entry), str(entry["key"])),
    )
    rows = [[str(entry["action"]), str(entry["key"]), _changes(entry)] for entry in changing]
    lines = table(rows) if rows else []
    words = [f"{counts[action]} {action}" for action in (*_ORDER, "unchanged") if counts[action]]
    return [*lines, f"{len(plan)} resources: {', '.join(words) or 'nothing declared'}."]


def _rank(entry: Entry) -> int:
    action = str(entry["action"])
    return _ORDER.index(action) if action in _ORDER else len(_ORDER)


def _changes(entry: Entry) -> str:
    words = [
        f"{change['field']}: {_short(change.get('before'))} -> {_short(change.get('after'))}"
        for change in entry.get("changes") or ()
        if entry["action"] in ("update", "replace", "refused")
    ]
    if entry.get("lost") and entry["action"] in ("replace", "delete"):
        words.append(f"lost: {entry['lost']}")
    return "; ".join(words)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def pools_that_shrink(plan: Iterable[Entry]) -> list[str]:
    """Return pools of a fixed size that a plan would make smaller, each with its sizes.

    A pool that a recovery has scaled up is larger than the inventory says: who provisions in the middle
    of it must not take its nodes away.
    """
    return [
        f"{entry['key']} ({change['before']} -> {change['after']} nodes in each zone)"
        for entry in plan
        if entry.get("type") == "container.nodePools" and entry["action"] == "update"
        for change in entry.get("changes") or ()
        if change["field"] == "initialNodeCount"
        and int(change.get("before") or 0) > int(change.get("after") or 0)
    ]


#: What holds data, or is known to others: it stays when an environment is taken down, unless that is asked for.
_LASTING = (
    "compute.disks",
    "compute.globalAddresses",
    "compute.snapshots",
    "secretmanager.secrets",
    "storage.buckets",
)
#: Never taken down with an environment: its deletion would take what nobody has declared.
_NEVER = ("cloudresourcemanager.projects", "serviceusage.services")


def removable(declared: Iterable[Entry], data: bool) -> list[Entry]:
    """Return what goes with an environment; with ``data`` also what cannot be brought back.

    Internal addresses and private zones go in any case, since the network cannot go before them. Pools
    of nodes go with their clusters, which take one change at a time.
    """
    declared = list(declared)
    clusters = {entry["name"] for entry in declared if entry["type"] == "container.clusters"}
    gone = [
        entry
        for entry in declared
        if entry["type"] not in _NEVER and (entry.get("body") or {}).get("cluster") not in clusters
    ]
    if data:
        return gone
    kept = {entry["name"] for entry in gone if _lasts(entry)}
    return [_without_address(entry, kept) for entry in gone if not _goes_on(entry, kept)]


def _goes_on(entry: Entry, kept: Collection[str]) -> bool:
    """A record stays with its zone."""
    zone = (entry.get("body") or {}).get("managedZone")
    return _lasts(entry) or (entry["type"] == "dns.resourceRecordSets" and zone in kept)


def _without_address(entry: Entry, kept: Collection[str]) -> Entry:
    """What names an address that stays need not wait for it, and it is declared no more."""
    body = entry.get("body") or {}
    if body.get("IPAddress") not in kept:
        return entry
    return {**entry, "body": {key: value for key, value in body.items() if key != "IPAddress"}}


def _lasts(entry: Entry) -> bool:
    body = entry.get("body") or {}
    if entry["type"] == "compute.addresses":
        return body.get("addressType") != "INTERNAL"
    if entry["type"] == "dns.managedZones":
        return body.get("visibility") != "private"
    return entry["type"] in _LASTING
