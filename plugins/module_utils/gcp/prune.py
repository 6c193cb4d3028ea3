# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What bears an owner's mark and is not declared any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import (
    GLOBAL,
    Kind,
    Verb,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    Problem,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.kinds import kind_of, rule_of
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.meaning import short
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    PROJECTS,
    Resource,
    region_of,
    tail,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.owners import (
    mark_field,
    owner_of,
)

#: Types that are looked through besides those that are declared, where their API is used at all. Snapshots are mostly
#: made by schedules and by hand, and bear the labels of their disks.
_TYPES = (
    "cloudscheduler.jobs",
    "compute.addresses",
    "compute.backendServices",
    "compute.disks",
    "compute.firewalls",
    "compute.forwardingRules",
    "compute.globalAddresses",
    "compute.globalForwardingRules",
    "compute.healthChecks",
    "compute.instanceGroups",
    "compute.instances",
    "compute.networks",
    "compute.regionBackendServices",
    "compute.regionHealthChecks",
    "compute.resourcePolicies",
    "compute.routers",
    "compute.routes",
    "compute.securityPolicies",
    "compute.sslCertificates",
    "compute.subnetworks",
    "compute.targetHttpProxies",
    "compute.targetHttpsProxies",
    "compute.urlMaps",
    "container.clusters",
    "dns.managedZones",
    "iam.serviceAccounts",
    "run.jobs",
    "secretmanager.secrets",
    "storage.buckets",
)
#: How labels begin that GKE puts on the machines, disks and rules of its clusters.
_MANAGED = ("goog-gke-", "goog-k8s-")


@dataclass(frozen=True)
class _Where:
    kind: Kind
    project: str
    location: str = ""


async def surplus(
    cloud: Cloud, declared: Sequence[Resource], owner: str
) -> list[tuple[Resource, Mapping[str, Any]]]:
    """All resources with the owner's mark that are not declared, in the projects and APIs that are.

    Raises ``RefusedError`` where something cannot be listed, as then nobody knows.
    """
    links = {resource.link for resource in declared}
    several = any(":" in resource.key.partition("/")[0] for resource in declared)
    answers = await asyncio.gather(
        *(_list(cloud, each) for each in _places(cloud, declared)), return_exceptions=True
    )
    found, problems = [], []
    for where, answer in zip(_places(cloud, declared), answers):
        if isinstance(answer, GcpError):
            words = f"{where.kind.type} of {where.project} cannot be listed: {answer}"
            problems.append(Problem(answer.reason, words))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            for live in answer:
                resource = _resource(where, live, several)
                if not _is_of(resource, live) or _is_made_by_others(live):
                    continue
                if owner_of(live) == owner and resource.link not in links:
                    found.append((resource, live))
    if problems:
        raise RefusedError(problems)
    return found


def _places(cloud: Cloud, declared: Iterable[Resource]) -> list[_Where]:
    declared = list(declared)
    apis = {(each.project, each.kind.api) for each in declared}
    places = list(dict.fromkeys(region_of(each.location) for each in declared if each.location))
    types = [*_TYPES, *(each.type for each in declared if each.type not in _TYPES)]
    found = []
    for project, api in sorted(apis):
        for type_name in dict.fromkeys(types):
            kind = (
                kind_of(cloud.definitions, type_name) if type_name.startswith(f"{api}.") else None
            )
            if type_name == PROJECTS:  # what is looked through is no part of what is
                continue
            if kind is None or kind.nested or not kind.schema or not kind.verbs.keys() & {"list"}:
                continue
            if not mark_field(cloud.definitions, api, kind.schema):
                continue
            own = ["-"] if _at_once(kind) else places
            found += [_Where(kind, project, place) for place in own]
    return found


def _at_once(kind: Kind) -> bool:
    """Whether one list has all places."""
    return kind.scope == GLOBAL or "aggregatedList" in kind.verbs or kind.api == "container"


async def _list(cloud: Cloud, where: _Where) -> list[Mapping[str, Any]]:
    kind = where.kind
    whole = kind.scope != GLOBAL and "aggregatedList" in kind.verbs
    verb: Verb = kind.verbs["aggregatedList" if whole else "list"]
    url = verb.url.format(project=where.project, location=where.location, name="", parent="")
    query = {"project": where.project} if "project" in verb.query else {}
    found: list[Mapping[str, Any]] = []
    async for page in cloud.client.pages(url, query):
        if whole:
            for scope in (page.get("items") or {}).values():
                found += [
                    each for part in scope.values() if isinstance(part, list) for each in part
                ]
        else:
            found += [
                each
                for part in page.values()
                if isinstance(part, list)
                for each in part
                if isinstance(each, Mapping)
            ]
    return [each for each in found if each.get("name")]


def _is_made_by_others(live: Mapping[str, Any]) -> bool:
    """Whether a cluster or a managed group made it: they hand the labels on, the owner's mark with them."""
    labels = live.get("labels") or {}
    if any(str(label).startswith(_MANAGED) for label in labels):
        return True
    metadata = live.get("metadata")
    items = (metadata.get("items") or ()) if isinstance(metadata, Mapping) else ()
    return any(each.get("key") == "created-by" for each in items)


def _is_of(resource: Resource, live: Mapping[str, Any]) -> bool:
    """Whether it is of the type: the list of all places has global ones and those of regions as well."""
    link = live.get("selfLink")
    return resource.kind.api != "compute" or link is None or tail(link) == resource.link


def _resource(where: _Where, live: Mapping[str, Any], several: bool) -> Resource:
    kind = where.kind
    place = live.get("zone") or live.get("region") or live.get("location") or where.location
    location = "" if kind.scope == GLOBAL else short(place)
    name = short(live.get("name"))
    if kind.type == "iam.serviceAccounts":
        name = name.partition("@")[0]
    key = "/".join(part for part in (kind.type, location, name) if part)
    return Resource(
        key=f"{where.project}:{key}" if several else key,
        kind=kind,
        rule=rule_of(kind.type),
        name=name,
        project=where.project,
        location=location,
        present=False,
    )
