# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between a cluster and its inventory, in words, from results of check mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: What an outcome in check mode says of the cluster as it is.
_WORDS = {
    "created": "missing",
    "updated": "changed",
    "replaced": "changed where nothing can be changed",
    "pruned": "not in the inventory",
    "failed": "cannot be compared",
    "skipped": "cannot be compared",
}


def differences(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each object that differs: ``object``, ``is`` and ``details`` (sentences).

    ``results`` are those of ``kube_apply`` or ``kube_secrets`` in check mode.
    """
    found = []
    for result in results:
        details = _details(result)
        if result["action"] in ("failed", "skipped"):
            details = [result["message"]]
        if result["action"] in _WORDS:
            words = _WORDS[result["action"]]
        elif details:
            words = "changed"
        else:
            continue
        found.append({"object": _name(result), "is": words, "details": details})
    return found


def _details(result: Mapping[str, Any]) -> list[str]:
    changes = list(result.get("changes", ()))
    told = {change.partition(":")[0] for change in changes}
    added = [entry for entry in result.get("drift", ()) if entry.partition(" (")[0] not in told]
    keys = () if changes else result.get("keys", {}).items()
    return [
        *changes,
        *(f"{entry}: not in the inventory" for entry in added),
        *(f"{key}: {what}" for key, what in keys),
    ]


def lines(cluster: str, found: Iterable[Mapping[str, Any]]) -> list[str]:
    """A headline and what differs, for a terminal."""
    found = list(found)
    if not found:
        return [f"{cluster}: as in the inventory"]
    shown = [f"{cluster}: {len(found)} {'object differs' if len(found) == 1 else 'objects differ'}"]
    for entry in found:
        shown.append(f"  {entry['object']}: {entry['is']}")
        shown += [f"    {detail}" for detail in entry["details"]]
    return shown


def _name(result: Mapping[str, Any]) -> str:
    place = f" in {result['namespace']}" if result.get("namespace") else ""
    return f"{result['kind']} {result['name']}{place}"
