# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person wants to see of a change: the object without what the API server keeps for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import (
    NOTES,
    masked,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import dump

#: Of the metadata, what the API server writes.
SERVER_METADATA = frozenset(
    ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
)


def clean(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without its status and without what the API server writes into its metadata."""
    found = {key: value for key, value in body.items() if key != "status"}
    metadata = {
        key: value
        for key, value in (body.get("metadata") or {}).items()
        if key not in SERVER_METADATA
    }
    annotations = {
        key: value
        for key, value in (metadata.pop("annotations", None) or {}).items()
        if key not in NOTES
    }
    if annotations:
        metadata["annotations"] = annotations
    found["metadata"] = metadata
    return found


def visible(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Both states as they may be shown: ``clean``, and of Secrets no values but which of them differ."""
    return masked(*(None if body is None else clean(body) for body in (before, after)))


def difference(
    title: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, str] | None:
    """One object's diff as Ansible takes it, ``None`` where a person would see none.

    ``None`` stands for an object that does not exist.
    """
    old, new = visible(before, after)
    if old == new:
        return None
    return {
        "before_header": title,
        "after_header": title,
        "before": _text(old),
        "after": _text(new),
    }


def _text(body: Mapping[str, Any] | None) -> str:
    return "" if body is None else dump(body)
