# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What handlers do with bodies before they are sent and after they are read."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output, tail
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import (
    output_only,
    resolve,
)


def bare(value: Any) -> Any:
    """A body without what is declared to be unset."""
    if isinstance(value, Mapping):
        return {name: bare(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [bare(part) for part in value]
    return value


def links(value: Any) -> Iterator[str]:
    """All links in a body, without host and version."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from links(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from links(part)
    elif isinstance(value, str) and value.startswith(("https://", "projects/")):
        yield tail(value)


def unknowns(value: Any) -> Iterator[Output]:
    """What stands in a body for what is not known."""
    if isinstance(value, Output):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from unknowns(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from unknowns(part)


def wider(before: Any, after: Any) -> bool:
    """Whether a range holds the one that was before."""
    try:
        old, new = ipaddress.ip_network(str(before)), ipaddress.ip_network(str(after))
    except ValueError:
        return False
    return old.version == new.version and old.subnet_of(new)  # type: ignore[arg-type]


def within(path: str, other: str) -> bool:
    """Whether a path is another or below it."""
    return path == other or path.startswith((f"{other}.", f"{other}["))


def without_outputs(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value without what only Google sets."""
    schema = resolve(schemas, schema)
    if isinstance(value, Mapping):
        fields = schema.get("properties", {})
        more = schema.get("additionalProperties", {})
        return {
            name: without_outputs(part, fields.get(name, more), schemas)
            for name, part in value.items()
            if not (output_only(fields.get(name, {})) and name != "kind") and name != "kind"
        }
    if isinstance(value, list):
        return [without_outputs(item, schema.get("items", {}), schemas) for item in value]
    return value
