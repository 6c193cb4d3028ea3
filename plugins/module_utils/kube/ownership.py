# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether applying a manifest would change nothing, read from the live object alone.

The API server keeps, for each field manager, the set of fields that it owns (``metadata.managedFields``,
https://kubernetes.io/docs/reference/using-api/server-side-apply/). Where that set is exactly the
fields of the manifest, and each of them has the manifest's value, applying it again is no change: the
request is not sent. Wherever this cannot be said for certain (a quantity that the server wrote in
another form) the answer is no, and the server decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.diff import clean

#: What names an object is owned by nobody.
_UNOWNED = {
    "": frozenset(("apiVersion", "kind", "metadata")),
    "metadata": frozenset(("name", "namespace")),
}
_ABSENT = object()


def applied(live: Mapping[str, Any], manager: str) -> Mapping[str, Any] | None:
    """The fields that ``manager`` has applied, ``None`` where it never did, or at another version of the API."""
    for entry in live["metadata"].get("managedFields", ()):
        if (
            entry.get("manager") == manager
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            return (
                entry.get("fieldsV1", {}) if entry.get("apiVersion") == live["apiVersion"] else None
            )
    return None


def untouched(before: Mapping[str, Any], after: Mapping[str, Any], manager: str) -> bool:
    """Whether applying left an object alone: its content, and which fields are the manager's.

    The versions do not say so: a controller may have written the status meanwhile.
    """
    return applied(before, manager) == applied(after, manager) and clean(before) == clean(after)


def holds(manifest: Mapping[str, Any], live: Mapping[str, Any], manager: str) -> bool:
    """Whether ``live`` is what applying ``manifest`` as ``manager`` would leave, ownership included."""
    fields = applied(live, manager)
    if fields is None or manifest["apiVersion"] != live["apiVersion"]:
        return False
    wanted = {key: value for key, value in manifest.items() if key not in _UNOWNED[""]}
    metadata = {
        key: value for key, value in manifest["metadata"].items() if key not in _UNOWNED["metadata"]
    }
    if metadata:
        wanted["metadata"] = metadata
    return _same_mapping(fields, wanted, live)


def _same(fields: Mapping[str, Any], wanted: Any, live: Any) -> bool:
    """Whether a value is owned as it is wanted: as a whole, or field by field."""
    inner = {name: part for name, part in fields.items() if name != "."}
    if not inner or not isinstance(wanted, (dict, list)):
        return not inner and _equal(wanted, live)
    if isinstance(wanted, dict):
        return isinstance(live, dict) and _same_mapping(inner, wanted, live)
    return isinstance(live, list) and _same_list(inner, wanted, live)


def _same_mapping(
    fields: Mapping[str, Any], wanted: Mapping[str, Any], live: Mapping[str, Any]
) -> bool:
    owned = {name for name in fields if name != "."}
    return owned == {f"f:{name}" for name in wanted} and all(
        _same(fields[f"f:{name}"], value, live.get(name, _ABSENT)) for name, value in wanted.items()
    )


def _same_list(fields: Mapping[str, Any], wanted: list[Any], live: list[Any]) -> bool:
    if len(fields) != len(wanted):
        return False
    if all(name.startswith("v:") for name in fields):
        values = [json.loads(name[2:]) for name in fields]
        return all(value in values and value in live for value in wanted)
    return all(
        name.startswith("k:") and _same_item(json.loads(name[2:]), part, wanted, live)
        for name, part in fields.items()
    )


def _same_item(
    keys: Mapping[str, Any], fields: Mapping[str, Any], wanted: list[Any], live: list[Any]
) -> bool:
    """One item of a list whose items are told apart by ``keys``."""
    ours, theirs = _find(keys, wanted), _find(keys, live)
    return ours is not None and theirs is not None and _same_mapping(fields, ours, theirs)


def _find(keys: Mapping[str, Any], items: list[Any]) -> Mapping[str, Any] | None:
    """The only item that these keys tell; one that leaves a key to the server's default is found by the others."""
    found = [
        item
        for item in items
        if isinstance(item, dict)
        and any(key in item for key in keys)
        and all(item.get(key, value) == value for key, value in keys.items())
    ]
    return found[0] if len(found) == 1 else None


def _equal(wanted: Any, live: Any) -> bool:
    """Equal in JSON's sense: ``1`` is not ``true``; a null is never sure."""
    if wanted is None or type(wanted) is not type(live):
        return False
    if isinstance(wanted, dict):
        return wanted.keys() == live.keys() and all(
            _equal(value, live[key]) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(wanted) == len(live) and all(map(_equal, wanted, live))
    return bool(wanted == live)
