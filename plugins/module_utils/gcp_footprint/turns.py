# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose turn it is: of hosts that stand in for one another, a run stops or replaces one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
#: Type, name and zone of an instance, which a plan and a declaration have in common.
_Who = tuple[str, str, str]

#: Who is missed least goes first.
_ROLES = ("dr", "backup", "member")


def turns(plan: Sequence[Entry], declared: Sequence[Entry]) -> dict[str, list[Any]]:
    """Return ``problems``, ``waiting`` and ``now`` of a plan of gcp_resources of what is ``declared``.

    ``problems`` are sentences about members of a database cluster, or NAT gateways of a region, of which
    the plan may stop or replace more than one. ``waiting`` are keys of those that are refused while
    another one of theirs has its turn, and ``now`` is what is declared without them.
    """
    groups = _groups(plan, declared)
    waiting: list[Entry] = []
    problems = []
    for group, entries in groups.items():
        going = [entry for entry in entries if entry["action"] != "refused"]
        if len(going) > 1:
            problems.append(_problem(group, going))
        if going:
            waiting += [entry for entry in entries if entry["action"] == "refused"]
    left_out = [_who(entry, "location") for entry in waiting]
    return {
        "problems": problems,
        "waiting": [str(entry["key"]) for entry in waiting],
        "now": [entry for entry in declared if _who(entry, "zone") not in left_out],
    }


def _groups(plan: Iterable[Entry], declared: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Instances that would be stopped or replaced by what they stand in for, those that go first at the beginning."""
    labels = {_who(each, "zone"): (each.get("body") or {}).get("labels") or {} for each in declared}
    found: dict[str, list[tuple[int, Entry]]] = {}
    for entry in plan:
        mine = labels.get(_who(entry, "location"), {})
        group = _group(mine)
        if group and entry.get("type") == "compute.instances" and _stops(entry):
            role = str(mine.get("groundwork_role", ""))
            rank = _ROLES.index(role) if role in _ROLES else len(_ROLES)
            found.setdefault(group, []).append((rank, entry))
    return {
        group: [entry for _rank, entry in sorted(entries, key=lambda each: each[0])]
        for group, entries in found.items()
    }


def _who(entry: Entry, place: str) -> _Who:
    return str(entry.get("type")), str(entry.get("name")), str(entry.get(place) or "")


def _group(labels: Mapping[str, Any]) -> str:
    if labels.get("groundwork_cluster"):
        return f"the database cluster {labels['groundwork_cluster']}"
    if labels.get("groundwork_role") == "nat":
        return f"the NAT gateways of {labels.get('groundwork_region', '')}"
    return ""


def _stops(entry: Entry) -> bool:
    if entry["action"] == "refused":
        return entry.get("reason") == "needs_replace"
    return entry["action"] == "replace" or (
        entry["action"] == "update" and not entry.get("in_place", True)
    )


def _problem(group: str, going: Sequence[Entry]) -> str:
    names = ", ".join(str(entry["name"]) for entry in going)
    then = "when nat_gateways.yml has set it up"
    if group.startswith("the database"):
        then = "when db_status.yml finds all well, who leads last (db_switchover.yml)"
    return (
        f"one_at_a_time: {names} of {group} would be stopped or made again at once, so nothing would serve. Name one "
        f"in a run, first -e provision_allow_replace={going[0]['key']}, and the next {then}; the others wait meanwhile."
    )
