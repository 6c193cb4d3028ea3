# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the short names in a body to links: what a field names, whether it is declared, and where it stands."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import (
    GLOBAL,
    LOCATION,
    REGION,
    ZONE,
    Definitions,
    Kind,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    ACCOUNTS,
    Output,
    Reference,
    Resource,
    account_email,
    region_of,
    tail,
)

_OPTIONS = frozenset(
    ("type", "name", "project", "region", "zone", "location", "cluster", "output", "managedZone")
)
_ADDRESSES = ("compute.addresses", "compute.globalAddresses")
#: Fields whose texts are never short names: they hold texts of all sorts.
_LITERAL = frozenset(("rrdatas[]", "members[]"))
#: The API takes nothing but whole URLs there.
_WHOLE_URL = ("networkUrl",)
_COMPUTE_URL = "https://www.googleapis.com/compute/v1/"


@dataclass
class Found:
    """What was found in one body: the body with links, what it names, and what is wrong."""

    body: Any = None
    references: list[Reference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Index:
    """All declared resources, by what a reference says of them."""

    def __init__(self, definitions: Definitions, resources: Iterable[Resource]) -> None:
        self._definitions = definitions
        self.links: dict[str, Resource] = {}
        self._named: dict[tuple[str, str, str], list[Resource]] = {}
        for resource in resources:
            self.links[resource.link] = resource
            same = (resource.type, resource.project, resource.name)
            self._named.setdefault(same, []).append(resource)

    def resolve(self, resource: Resource) -> Found:
        """Find all that a resource's body names."""
        found = Found()
        found.body = self._walk(resource.body, "", resource, found)
        return found

    def _walk(self, value: Any, path: str, owner: Resource, found: Found) -> Any:
        types = owner.rule.references.get(path)
        if types and isinstance(value, (str, Mapping)):
            return self.target(value, types, path, owner, found)
        if isinstance(value, Mapping):
            if is_reference(value):
                return self.target(value, (), path, owner, found)
            return {
                key: self._walk(part, f"{path}.{key}" if path else str(key), owner, found)
                for key, part in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._walk(item, f"{path}[]", owner, found) for item in value]
        return value

    def target(
        self, value: Any, types: Sequence[str], path: str, owner: Resource, found: Found
    ) -> Any:
        """What stands in the place of a reference: a link, an address, or what tells it later."""
        output = owner.rule.outputs.get(path, "")
        if isinstance(value, Mapping):
            reference = self._described(value, types, path, owner, found)
            output = str(value.get("output") or output)
        elif _is_literal(value, path, output):
            return value
        else:
            reference = self._short(value, types, path, owner, found)
        if reference is None:
            return None
        found.references.append(reference)
        if output == "email" and reference.type == ACCOUNTS:
            return reference.link.rpartition("/")[2]
        if output:
            return Output(reference.link, output)
        return _COMPUTE_URL + reference.link if path.endswith(_WHOLE_URL) else reference.link

    def _described(
        self,
        value: Mapping[str, Any],
        types: Sequence[str],
        path: str,
        owner: Resource,
        found: Found,
    ) -> Reference | None:
        """A reference as a mapping of type, name, and where it is."""
        strange = sorted(value.keys() - _OPTIONS)
        type_name = str(value.get("type") or (types[0] if len(types) == 1 else ""))
        if strange or not type_name or not value.get("name"):
            _wrong(
                found, owner, path, "unknown_field", "a reference has type, name and where it is"
            )
            return None
        kind = self._definitions.kind(type_name)
        if kind is None:
            message = f"{owner.key}: {path}: {self._definitions.unknown(type_name)}."
            found.problems.append(Problem("unknown_type", message))
            return None
        if types and type_name not in types:
            words = f"it takes {' or '.join(types)}, not {type_name}"
            _wrong(found, owner, path, "wrong_type", words)
            return None
        project = str(value.get("project") or owner.project)
        place = value.get("zone") or value.get("region") or value.get("location")
        name = str(value["name"])
        return self._in_place(
            [kind], project, name, str(place or ""), str(value.get("cluster") or ""), path, owner, found
        )  # fmt: skip

    def _short(
        self, value: str, types: Sequence[str], path: str, owner: Resource, found: Found
    ) -> Reference | None:
        if "://" in value or value.startswith(("//", "projects/", "global/", "regions/", "zones/")):
            return Reference(path, tail(value, owner.project), types[0] if types else "")
        kinds = [kind for kind in map(self._definitions.kind, types) if kind is not None]
        if types == ("compute.images",) and value.count("/") == 1:
            project, family = value.split("/")
            return Reference(path, f"projects/{project}/global/images/family/{family}", types[0])
        if not value or "/" in value:
            words = f"{value!r} is no name and no link; a link begins with projects/ or https://"
            _wrong(found, owner, path, "bad_name", words)
            return None
        return self._in_place(kinds, owner.project, value, "", "", path, owner, found)

    def _in_place(
        self,
        kinds: Sequence[Kind],
        project: str,
        name: str,
        place: str,
        parent: str,
        path: str,
        owner: Resource,
        found: Found,
    ) -> Reference | None:
        declared = [
            each for kind in kinds for each in self._named.get((kind.type, project, name), ())
        ]
        fitting = [each for each in declared if _fits(each, place, owner)]
        nearest = [each for each in fitting if each.location == owner.location] or fitting
        if len(nearest) > 1:
            words = f"{name} may be {', '.join(each.key for each in nearest)}; say which by region, zone or type"
            _wrong(found, owner, path, "ambiguous_reference", words)
            return None
        if nearest:
            return Reference(path, nearest[0].link, nearest[0].type)
        worldwide = owner.kind.scope == GLOBAL and not place
        kind = next((kind for kind in kinds if (kind.scope == GLOBAL) is worldwide), kinds[0])
        location = place or _own_place(kind, owner)
        if kind.scope != GLOBAL and not location:
            words = f"{name} is not declared here; say where it is, by a link or its {kind.scope}"
            _wrong(found, owner, path, "unknown_reference", words)
            return None
        served = account_email(name, project) if kind.type == ACCOUNTS else name
        link = kind.link(project, location, served, parent)
        return Reference(path, link, kind.type, ", ".join(each.key for each in declared))


def is_reference(value: Mapping[str, Any]) -> bool:
    """Whether a mapping names a resource, where a text is meant."""
    return (
        value.keys() >= {"type", "name"}
        and value.keys() <= _OPTIONS
        and str(value["type"]).count(".") == 1
        and str(value["type"]).partition(".")[0].islower()
    )


def misplaced(owner: Resource, target: Resource) -> str:
    """Why something cannot use another where they stand, or an empty string."""
    ours, theirs = owner.kind.scope, target.kind.scope
    if GLOBAL in (ours, theirs) or LOCATION in (ours, theirs):
        return ""
    if ours == ZONE and theirs == ZONE and owner.location != target.location:
        return f"zone {target.location} is not {owner.location}"
    if region_of(owner.location) != region_of(target.location):
        where = "zone" if ours != REGION else "region"
        return f"{where} {owner.location} is not in the region of {target.location}"
    return ""


def _fits(target: Resource, place: str, owner: Resource) -> bool:
    if place:
        return place in (target.location, region_of(target.location))
    if target.kind.scope == GLOBAL or owner.kind.scope == GLOBAL:
        return True
    if target.kind.scope == ZONE and owner.kind.scope == ZONE:
        return target.location == owner.location
    return region_of(target.location) == region_of(owner.location)


def _own_place(kind: Kind, owner: Resource) -> str:
    if kind.scope == ZONE:
        return owner.location if region_of(owner.location) != owner.location else ""
    return region_of(owner.location)


def _is_literal(value: str, path: str, output: str) -> bool:
    if path in _LITERAL or not value:
        return True
    if output == "email":
        return "@" in value or value == "default"
    if output == "address" or path.startswith("nextHop"):
        return _is_address(value)
    return False


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return True


def _wrong(found: Found, owner: Resource, path: str, reason: str, words: str) -> None:
    found.problems.append(Problem(reason, f"{owner.key}: {path}: {words}."))
