# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose a resource is: a label, or where a type has none the end of its description."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import (
    output_only,
    properties,
)

LABEL = "groundwork-owner"
_MARK = re.compile(r"\[groundwork-owner=([^\]]*)\]\Z")


def marked(definitions: Definitions, resource: Resource, owner: str | None) -> Resource:
    """The resource as it is made: with the owner's mark, where its type has room for one."""
    if not owner or not resource.kind.schema:
        return resource
    field = mark_field(definitions, resource.kind.api, resource.kind.schema)
    body: dict[str, Any] = dict(resource.body)
    if field == "description":
        body[field] = f"{body.get(field) or ''} [{LABEL}={owner}]".strip()
    elif field:
        body[field] = {**(body.get(field) or {}), LABEL: owner}
    return replace(resource, body=body)


def mark_field(definitions: Definitions, api: str, schema: str) -> str:
    """The field that bears marks, empty where a type has none."""
    fields = properties(definitions.schemas(api), schema)
    for name in ("labels", "resourceLabels", "description"):
        if name in fields and not output_only(fields[name]):
            return name
    return ""


def owner_of(live: Mapping[str, Any]) -> str:
    """The owner whose mark a resource bears."""
    for name in ("labels", "resourceLabels"):
        labels = live.get(name)
        if isinstance(labels, Mapping) and LABEL in labels:
            return str(labels[LABEL])
    match = _MARK.search(str(live.get("description") or ""))
    return match.group(1) if match else ""


def labels(wanted: Mapping[str, Any] | None, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """Labels as they should be: others' stay, ``null`` takes one away, and in place of all of them all but the mark."""
    having = dict(live or {})
    if wanted is None:
        return {key: value for key, value in having.items() if key == LABEL}
    return {key: value for key, value in {**having, **wanted}.items() if value is not None}


def kept(description: str, live: Mapping[str, Any]) -> str:
    """A new description with the mark that the resource bears."""
    match = _MARK.search(str(live.get("description") or ""))
    return f"{description} {match.group(0)}".strip() if match else description
