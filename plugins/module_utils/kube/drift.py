# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries that somebody added by hand: server-side apply leaves what its manager does not own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key

#: Mappings that a manifest gives as a whole, by group and kind. In all other fields of built-in kinds
#: an extra entry is either no possibility or a controller's business.
WHOLE = {
    ("", "ConfigMap"): (("data",), ("binaryData",)),
    ("", "Secret"): (("data",),),
    ("bitnami.com", "SealedSecret"): (("spec", "encryptedData"),),
    ("", "ResourceQuota"): (("spec", "hard"),),
}


@dataclass(frozen=True)
class Extra:
    """An entry that the manifest does not have; ``managers`` wrote it."""

    path: tuple[str, ...]
    managers: tuple[str, ...]

    def __str__(self) -> str:
        by = f" (by {', '.join(self.managers)})" if self.managers else ""
        return ".".join(self.path) + by


def extras(key: Key, manifest: Mapping[str, Any], live: Mapping[str, Any]) -> list[Extra]:
    """What the live object has more than the manifest, in mappings that are the manifest's as a whole.

    A mapping that the manifest does not have at all is somebody else's.
    """
    found = []
    for path in WHOLE.get((key.group, key.kind), ()):
        wanted, there = _at(manifest, path), _at(live, path)
        if isinstance(wanted, dict) and isinstance(there, dict):
            found += [
                Extra((*path, name), tuple(_managers(live, (*path, name))))
                for name in sorted(there.keys() - wanted.keys())
            ]
    return found


def removal(entries: list[Extra]) -> dict[str, Any]:
    """A merge patch that removes entries, whatever has become of the object's other fields meanwhile.

    Not bound to the object's version: a quota's controller writes its status after each change.
    """
    patch: dict[str, Any] = {}
    for entry in entries:
        place = patch
        for name in entry.path[:-1]:
            place = place.setdefault(name, {})
        place[entry.path[-1]] = None
    return patch


def without(body: Mapping[str, Any], entries: list[Extra]) -> dict[str, Any]:
    """The object without entries."""
    found = dict(body)
    for entry in entries:
        found = _dropped(found, entry.path)
    return found


def _dropped(body: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if len(path) == 1:
        return {name: value for name, value in body.items() if name != path[0]}
    return {**body, path[0]: _dropped(body[path[0]], path[1:])}


def _at(body: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    place: Any = body
    for name in path:
        place = place.get(name) if isinstance(place, dict) else None
    return place


def _managers(live: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for entry in live["metadata"].get("managedFields", ()):
        if _at(entry.get("fieldsV1", {}), tuple(f"f:{name}" for name in path)) is not None:
            yield str(entry.get("manager", "unknown"))
