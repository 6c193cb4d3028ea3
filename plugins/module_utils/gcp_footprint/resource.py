# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Declarations for gcp_resources: what all footprints share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.places import (
    member,
)

Declared = dict[str, Any]


def declared(kind: str, name: str, body: Mapping[str, Any], **where: Any) -> Declared:
    """Return one declaration; ``where`` is region, zone, location, needs, payload; empty ones are left out."""
    given = {key: value for key, value in where.items() if value}
    return {"type": kind, "name": name, **given, "body": dict(body)}


def key(kind: str, name: str, place: str = "") -> str:
    """Return the key under which gcp_resources knows a declaration, for ``needs``."""
    return "/".join(part for part in (kind, place, name) if part)


def project_binding(
    name: str, project: str, role: str, account: str, condition: Mapping[str, str] | None = None
) -> Declared:
    """Let a service account have a role in its project."""
    body: dict[str, Any] = {
        "resource": {"type": "cloudresourcemanager.projects", "name": project},
        "role": role,
        "members": [member(account, project)],
    }
    if condition:
        body["condition"] = dict(condition)
    needs = [key("iam.serviceAccounts", account)]
    if role.startswith("projects/"):
        needs.append(key("iam.roles", role.rsplit("/", 1)[-1]))
    return declared("iam.bindings", name, body, needs=needs)


def region_key(region: str, regions: Mapping[str, str]) -> str:
    """Return what the environment calls a region (``main``, ``failover``), the region itself where it does not."""
    return next((name for name, known in regions.items() if known == region), region)


def items(metadata: Mapping[str, str]) -> list[dict[str, str]]:
    """Return metadata as the API has it."""
    return [{"key": name, "value": str(value)} for name, value in sorted(metadata.items())]


def unique(values: Iterable[str]) -> list[str]:
    """Return values once each, in their order."""
    return list(dict.fromkeys(values))
