# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A component's own words over those of its definition in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.components.model import ORIGINS

#: What a definition says whose objects are its template's alone.
NO_SOURCE = "none"
#: What a definition says of itself, for people.
ABOUT = ("description", "notes", "pinned", "tried")


def merged(definition: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a component: mappings are merged key by key, all else of ``own`` replaces.

    A source that says where it comes from replaces the definition's; one with a version alone changes that.
    """
    below = dict(definition)
    replaced = any((own.get("source") or {}).get(origin) for origin in ORIGINS)
    if replaced or below.get("source") == NO_SOURCE:
        below.pop("source", None)
    found = _over(below, {key: value for key, value in own.items() if value is not None})
    return {key: value for key, value in found.items() if key not in ABOUT}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        there = below.get(key)
        both = isinstance(value, Mapping) and isinstance(there, Mapping)
        found[key] = _over(there, value) if both and there is not None else value
    return found
