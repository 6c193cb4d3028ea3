# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the module's option ``resources`` to resources that are checked: all that is wrong is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp import bindings
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import (
    GLOBAL,
    REGION,
    ZONE,
    Definitions,
    Kind,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    Problem,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.kinds import kind_of, rule_of
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    BINDINGS,
    CLUSTERS,
    PROJECTS,
    RECORDS,
    SERVICES,
    Payload,
    Resource,
    key_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.order import order
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.ranges import overlaps
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.references import (
    Index,
    misplaced,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.validate import (
    check,
    check_identity,
)


@dataclass(frozen=True)
class Defaults:
    """What holds for each resource that says nothing else."""

    project: str = ""
    region: str = ""
    state: str = "present"


@dataclass
class Draft:
    """All resources on the way, with what is wrong."""

    resources: list[Resource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parse(
    definitions: Definitions, given: Sequence[Mapping[str, Any]], defaults: Defaults
) -> list[Resource]:
    """The declared resources, in their order. Raises ``RefusedError`` with all that is wrong."""
    draft = Draft()
    for number, each in enumerate(given):
        _identify(definitions, number, each, defaults, draft)
    draft.resources = _prefixed(draft.resources)
    _resolve(definitions, draft)
    draft.resources, problems = order(draft.resources)
    draft.problems += problems
    for resource in draft.resources:
        draft.problems += (check if resource.present else check_identity)(definitions, resource)
    draft.problems += overlaps(draft.resources)
    if draft.problems:
        raise RefusedError(list(dict.fromkeys(draft.problems)))
    return draft.resources


def _identify(
    definitions: Definitions,
    number: int,
    given: Mapping[str, Any],
    defaults: Defaults,
    draft: Draft,
) -> None:
    """What a resource is and where; without that nothing else can be said of it."""
    type_name, name = str(given.get("type") or ""), str(given.get("name") or "")
    where = f"{type_name} {name}".strip() or f"resources[{number}]"
    wanted_location = given.get("location") or ""
    kind = kind_of(definitions, type_name, bool(wanted_location))
    if kind is None:
        draft.problems.append(
            Problem("unknown_type", f"{where}: {definitions.unknown(type_name)}.")
        )
        return
    if not name:
        draft.problems.append(Problem("missing_field", f"{where}: it has no name."))
        return
    project = str(given.get("project") or defaults.project or "")
    if type_name == PROJECTS:
        project = name
    if not project:
        draft.problems.append(
            Problem("missing_field", f"{where}: which project? Give project, here or for all.")
        )
        return
    location = _location(kind, given, defaults, where, draft)
    if location is None:
        return
    draft.resources.append(_made(kind, given, defaults, name, project, location))


def _made(
    kind: Kind,
    given: Mapping[str, Any],
    defaults: Defaults,
    name: str,
    project: str,
    location: str,
) -> Resource:
    rule = rule_of(kind.type)
    body = dict(given.get("body") or {})
    if given.get("cluster") and rule.below[0] == "cluster":
        body["cluster"] = given["cluster"]
    if kind.type == BINDINGS:
        body = bindings.shaped(body)
    resource = Resource(
        key="",
        kind=kind,
        rule=rule,
        name=name,
        project=project,
        location=location,
        parent=_parent(body.get(rule.below[0])),
        rrtype=str(body.get("type") or "") if kind.type == RECORDS else "",
        body=body,
        present=(given.get("state") or defaults.state) == "present",
        payload=_payload(given.get("payload")),
        wishes=tuple(map(str, given.get("needs") or ())),
    )
    return replace(resource, key=key_of(resource))


def _parent(value: Any) -> str:
    """The name of what a resource stands below."""
    if isinstance(value, Mapping):
        value = value.get("name")
    return str(value or "").rstrip("/").rpartition("/")[2]


def _payload(given: Mapping[str, Any] | None) -> Payload | None:
    if not given:
        return None
    generate = given.get("generate")
    if generate is not None:
        return Payload(length=int(generate.get("length") or 32))
    return Payload(given.get("value"))


def _location(
    kind: Kind, given: Mapping[str, Any], defaults: Defaults, where: str, draft: Draft
) -> str | None:
    """Where it is; ``None`` where that is wrong."""
    region, zone, place = (str(given.get(key) or "") for key in ("region", "zone", "location"))
    if region and zone and not zone.startswith(f"{region}-"):
        words = f"{where}: zone {zone} is not in region {region}."
        draft.problems.append(Problem("zone_outside_region", words))
        return None
    if kind.scope == GLOBAL:
        if region or zone:
            hint = _regional(kind.type)
            words = f"{where}: {kind.type} are global, so they have no region and no zone{hint}."
            draft.problems.append(Problem("unknown_field", words))
            return None
        return ""
    if kind.scope == ZONE:
        found = zone
    elif kind.scope == REGION:
        found = region or defaults.region
    else:
        found = place or zone or region or defaults.region
    if not found:
        words = f"{where}: where? Give its {kind.scope}."
        draft.problems.append(Problem("missing_location", words))
        return None
    pattern = kind.patterns.get("location", "[a-z][-a-z0-9]*")
    if not re.fullmatch(pattern, found) or (
        kind.scope == ZONE and not re.search(r"-[a-z]$", found)
    ):
        words = f"{where}: {found!r} is no name of a {kind.scope}."
        draft.problems.append(Problem("bad_name", words))
        return None
    return found


def _regional(type_name: str) -> str:
    api, _dot, collection = type_name.partition(".")
    if collection.startswith("global"):
        own = collection[len("global") :]
        return f"; the regional ones are {api}.{own[:1].lower()}{own[1:]}"
    if api == "compute" and collection in ("backendServices", "healthChecks", "urlMaps"):
        return f"; the regional ones are {api}.region{collection[:1].upper()}{collection[1:]}"
    return ""


def _prefixed(resources: Iterable[Resource]) -> list[Resource]:
    """Keys say the project where there are several."""
    resources = list(resources)
    projects = {each.project for each in resources if each.type != PROJECTS}
    if len(projects) < 2:
        return resources
    return [
        each if each.type == PROJECTS else replace(each, key=f"{each.project}:{each.key}")
        for each in resources
    ]


def _resolve(definitions: Definitions, draft: Draft) -> None:
    """Find what each body names, and whether it may be used from there."""
    index = Index(definitions, draft.resources)
    resolved = []
    for resource in draft.resources:
        found = index.resolve(resource)
        if resource.type == BINDINGS:
            bindings.named(found, resource.project)
        draft.problems += found.problems
        needs = []
        for reference in found.references:
            target = index.links.get(reference.link)
            if target is None or target.key == resource.key:
                continue
            needs.append(target.key)
            words = misplaced(resource, target)
            if words:
                draft.problems.append(
                    Problem(
                        "zone_outside_region",
                        f"{resource.key}: {reference.path}: {target.key} cannot be used there, as {words}.",
                    )
                )
            if resource.present and not target.present:
                draft.problems.append(
                    Problem(
                        "unknown_reference",
                        f"{resource.key}: {reference.path}: {target.key} is declared absent.",
                    )
                )
        needs += _ground(resource, index)
        resolved.append(
            replace(
                resource,
                body=found.body,
                needs=tuple(dict.fromkeys(needs)),
                references=tuple(found.references),
                external=tuple(each for each in found.references if each.link not in index.links),
            )
        )
    draft.resources = _after_pools(resolved)


def _after_pools(resources: Sequence[Resource]) -> list[Resource]:
    """Let bindings of Kubernetes accounts wait for the clusters: the first one makes the project's identity pool."""
    clusters: dict[str, list[str]] = {}
    for each in resources:
        if each.type == CLUSTERS and each.present:
            clusters.setdefault(each.project, []).append(each.key)
    ordered = []
    for each in resources:
        members = each.body.get("members") or () if each.type == BINDINGS else ()
        pools = dict.fromkeys(bindings.identity_pool(str(member)) for member in members)
        needs = [key for project in pools for key in clusters.get(project, ())]
        ordered.append(replace(each, needs=tuple(dict.fromkeys((*each.needs, *needs)))))
    return ordered


def _ground(resource: Resource, index: Index) -> list[str]:
    """What everything of a project needs that is declared: the project, and the API that serves it."""
    service = f"{resource.kind.api}.googleapis.com"
    links = [f"projects/{resource.project}"]
    if resource.type not in (PROJECTS, SERVICES):
        links.append(f"projects/{resource.project}/services/{service}")
    found = [index.links[link] for link in links if link in index.links]
    return [each.key for each in found if each.key != resource.key]
