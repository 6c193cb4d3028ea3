# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Velero writes beside a backup or a restore: lists of objects, and what went wrong."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Kind

#: States that a backup or a restore does not leave.
ENDED = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")

#: Made and removed by controllers, or never restored by Velero: that one is there or not says nothing.
TRANSIENT = frozenset(
    (
        "Backup",
        "BackupRepository",
        "CSINode",
        "ControllerRevision",
        "EndpointSlice",
        "Endpoints",
        "Event",
        "Job",
        "Lease",
        "Node",
        "Pod",
        "PodMetrics",
        "ReplicaSet",
        "Restore",
        "VolumeAttachment",
    )
)
#: What each namespace gets by itself.
GIVEN = frozenset((("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")))

#: How the list of a restore writes an object: its name, then what was done with it.
_ENTRY = re.compile(r"^(?:(?P<namespace>[^/]+)/)?(?P<name>[^/]+?)(?:\((?P<action>[^()]*)\))?$")


@dataclass(frozen=True)
class Item:
    """An object of a list; ``action`` is what a restore did with it."""

    kind: Kind
    namespace: str
    name: str
    action: str = ""

    @property
    def lasting(self) -> bool:
        """Whether it should be there after a restore."""
        return self.kind.name not in TRANSIENT

    @property
    def given(self) -> bool:
        """Whether a namespace has it before anybody restores anything."""
        return (self.kind.name, self.name) in GIVEN

    def told(self, there: bool) -> dict[str, Any]:
        """As the module returns it."""
        return {
            "api_version": self.kind.api_version,
            "kind": self.kind.name,
            "namespace": self.namespace,
            "name": self.name,
            "label": str(Key(self.kind.group, self.kind.name, self.namespace, self.name)),
            "action": self.action,
            "there": there,
            "lasting": self.lasting,
            "given": self.given,
        }


def unpack(body: bytes) -> Any:
    """The JSON of a file of Velero, which packs most. Raises ``ValueError``."""
    try:
        return json.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
    except (OSError, EOFError) as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error


def items(listed: Mapping[str, Sequence[str]]) -> Iterator[Item]:
    """The objects of a list, which has them by kind, such as ``apps/v1/Deployment``."""
    for kind, entries in sorted(listed.items()):
        api_version, _slash, name = kind.rpartition("/")
        for entry in entries:
            found = _ENTRY.match(entry)
            if found:
                where, what, action = found.group("namespace", "name", "action")
                yield Item(Kind(api_version, name), where or "", what, action or "")


def choose(
    found: Sequence[Item], namespaces: Sequence[str], mapping: Mapping[str, str]
) -> list[Item]:
    """Those of some namespaces (all, where none is named), at the places that they are restored to.

    An object without a namespace counts where all are meant; a Namespace belongs to itself.
    """
    return [
        _placed(item, mapping)
        for item in found
        if not namespaces or (item.name if _is_namespace(item) else item.namespace) in namespaces
    ]


def _is_namespace(item: Item) -> bool:
    return item.kind == Kind("v1", "Namespace")


def _placed(item: Item, mapping: Mapping[str, str]) -> Item:
    if _is_namespace(item):
        return replace(item, name=mapping.get(item.name, item.name))
    return replace(item, namespace=mapping.get(item.namespace, item.namespace))


def messages(report: Mapping[str, Any]) -> list[str]:
    """What a report says, a line each, with the namespace that it is about."""
    lines = [*(report.get("velero") or ()), *(report.get("cluster") or ())]
    for namespace, told in sorted((report.get("namespaces") or {}).items()):
        lines += [f"{namespace}: {line}" for line in told]
    return lines


def describe(body: Mapping[str, Any] | None) -> dict[str, Any]:
    """A Backup or a Restore in few words."""
    if body is None:
        return {"exists": False, "phase": "", "ended": False}
    status, spec, metadata = body.get("status") or {}, body.get("spec") or {}, body["metadata"]
    progress = status.get("progress") or {}
    phase = status.get("phase") or "New"
    reasons = [*(status.get("validationErrors") or ()), status.get("failureReason") or ""]
    return {
        "exists": True,
        "phase": "Deleting" if metadata.get("deletionTimestamp") else phase,
        "ended": phase in ENDED,
        "items_done": progress.get("itemsBackedUp", progress.get("itemsRestored", 0)),
        "items_total": progress.get("totalItems", 0),
        "error_count": status.get("errors", 0),
        "warning_count": status.get("warnings", 0),
        "reasons": [reason for reason in reasons if reason],
        "expires": status.get("expiration") or "",
        "namespaces": spec.get("includedNamespaces") or [],
        "location": spec.get("storageLocation") or "",
    }
