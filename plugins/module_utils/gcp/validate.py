# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One declared resource: its name, its fields, what it cannot be made without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp import bindings
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    ACCOUNTS,
    BINDINGS,
    PEERINGS,
    PROJECTS,
    RECORDS,
    SECRETS,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.ranges import range_problems
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import (
    problems,
    properties,
)

_SHORT = r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"
_FORTY = r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?"
#: Names that no discovery document describes; sources are the references of the APIs.
_NAMES: Mapping[str, str] = {
    ACCOUNTS: r"[a-z][-a-z0-9]{4,28}[a-z0-9]",
    PROJECTS: r"[a-z][-a-z0-9]{4,28}[a-z0-9]",
    RECORDS: r"(?:\*\.)?(?:[\w-]{1,63}\.)+",
    SECRETS: r"[\w-]{1,255}",
    PEERINGS: _SHORT,
    "cloudscheduler.jobs": r"[\w-]{1,500}",
    "container.clusters": _FORTY,
    "container.nodePools": _FORTY,
    "dns.managedZones": _SHORT,
    "dns.policies": _SHORT,
    "iam.roles": r"[\w.]{3,64}",
    "run.jobs": _SHORT,
    "serviceusage.services": r"[a-z0-9.-]+\.[a-z]+",
    "storage.buckets": r"[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9]",
}
#: What stands between two slashes of a URL and is none of its signs.
_ANY_NAME = r"(?!\.+$)[^/?#%\\\s]+"
_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z0-9-]+")
_LABEL = re.compile(r"[^\WA-Z][\w-]{0,62}")
_VALUE = re.compile(r"[\w-]{0,63}")


def check_identity(definitions: Definitions, resource: Resource) -> Iterator[Problem]:
    """What is wrong with how a resource is named: it decides which one is deleted."""
    yield from _name(definitions, resource)
    if not _PROJECT.fullmatch(resource.project):
        words = f"{resource.project!r} is no id of a project"
        yield Problem("bad_name", f"{resource.key}: {words}.")
    needed = [resource.rule.below[0]] if resource.rule.below[0] else []
    needed += ["type"] if resource.type == RECORDS else []
    if resource.type == BINDINGS:
        needed = list(resource.rule.required)
    yield from _missing(resource, needed)
    if resource.type == BINDINGS:
        yield from bindings.problems(resource.key, resource.body)


def check(definitions: Definitions, resource: Resource) -> Iterator[Problem]:
    """All that is wrong with one resource and can be known without Google."""
    yield from check_identity(definitions, resource)
    yield from _missing(resource, resource.rule.required)
    if resource.type == BINDINGS:
        return
    if resource.payload is not None:
        yield from _payload(resource)
    yield from _labels(resource)
    yield from range_problems(resource)
    api = resource.kind.api
    own = {resource.rule.below[0], "peerNetwork" if resource.type == PEERINGS else ""}
    body = {name: value for name, value in resource.body.items() if name not in own}
    if "name" in body:
        words = f"{resource.key}: the name stands beside the body, not in it."
        yield Problem("unknown_field", words)
        body.pop("name")
    schemas = definitions.schemas(api)
    extra = {field: {"type": "any"} for field in resource.rule.settable if "." not in field}
    schema = schemas[resource.kind.schema]
    whole = {**schema, "properties": {**extra, **schema["properties"]}}
    yield from problems(body, schemas, whole, resource.key, resource.rule.settable)


def _name(definitions: Definitions, resource: Resource) -> Iterator[Problem]:
    pattern = _NAMES.get(resource.type, "")
    if not pattern and resource.kind.schema:
        fields = properties(definitions.schemas(resource.kind.api), resource.kind.schema)
        pattern = fields.get("name", {}).get("pattern", "")
    pattern = pattern or _ANY_NAME
    # A name without a pattern still may not lead out of its place in the URL.
    if not re.fullmatch(pattern, resource.name):
        yield Problem(
            "bad_name",
            f"{resource.key}: the name {resource.name!r} does not match Google's pattern {pattern}"
            f"{_advice(resource)}.",
        )


def _advice(resource: Resource) -> str:
    if resource.type == RECORDS and not resource.name.endswith("."):
        return "; a record's name ends with a dot"
    if resource.name != resource.name.lower():
        return "; capital letters are not allowed"
    return ""


def _missing(resource: Resource, fields: Iterable[str]) -> Iterator[Problem]:
    for field in fields:
        choices = field.split("|")
        if all(resource.body.get(name) is None for name in choices):
            words = " or ".join(choices)
            yield Problem("missing_field", f"{resource.key}: {words} is missing.")


def _payload(resource: Resource) -> Iterator[Problem]:
    payload = resource.payload
    if resource.type != SECRETS:
        yield Problem("unknown_field", f"{resource.key}: only secrets have a payload.")
    elif payload and payload.value is None and not 8 <= payload.length <= 512:
        words = "a payload has value, or generate with a length of 8 to 512"
        yield Problem("missing_field", f"{resource.key}: {words}.")


def _labels(resource: Resource) -> Iterator[Problem]:
    labels: Any = resource.body.get("labels")
    if not isinstance(labels, Mapping):
        return
    for key, value in labels.items():
        if value is not None and not isinstance(value, str):
            continue  # the schema says so
        if not _LABEL.fullmatch(str(key)) or not _VALUE.fullmatch(value or "") or _capital(value):
            words = "keys and values have small letters, digits, - and _, up to 63"
            yield Problem("bad_pattern", f"{resource.key}: label {key}: {words}.")


def _capital(value: str | None) -> bool:
    return (value or "") != (value or "").lower()
