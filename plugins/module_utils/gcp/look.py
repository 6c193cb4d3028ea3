# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Google has, before anything is changed: all declared resources at once, and what they name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    Problem,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import Handler
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    PROJECTS,
    SERVICES,
    Output,
    Reference,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import (
    CREATE,
    REPLACED,
    UPDATE,
    Seen,
    Step,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.ranges import (
    SUBNETWORKS,
    conflicts,
    ranges_of,
    subnetwork_ranges,
)

#: What has to be there before anything else of a project can be read.
_GROUND = (PROJECTS, SERVICES)


async def look(handlers: Sequence[Handler], settle: bool) -> dict[str, Seen | None]:
    """Each resource as Google has it, by key. ``settle``: wait for what is on its way to another state.

    Raises ``RefusedError`` with all that could not be read.
    """
    cloud = handlers[0].cloud if handlers else None
    outputs = {
        link: _told(cloud, link, kind)
        for handler in handlers
        for link, kind in _wanted_outputs(handler.resource)
        if cloud is not None
    }
    found = await asyncio.gather(
        *(_read(handler, settle) for handler in handlers),
        *outputs.values(),
        return_exceptions=True,
    )
    problems = []
    seen: dict[str, Seen | None] = {}
    there = {handler.resource.key: each for handler, each in zip(handlers, found)}
    for handler, each in zip(handlers, found):
        if isinstance(each, GcpError) and _comes(handler.resource, each, there):
            seen[handler.resource.key] = None
        elif isinstance(each, GcpError):
            problems.append(Problem(each.reason, f"{handler.resource.key} cannot be read: {each}"))
        elif isinstance(each, BaseException):
            raise each
        else:
            seen[handler.resource.key] = each
            if each is not None:
                handler.cloud.outputs[handler.resource.link] = each
    for each in found[len(handlers) :]:
        if isinstance(each, BaseException) and not isinstance(each, GcpError):
            raise each
    if problems:
        raise RefusedError(_once(problems))
    return seen


def _comes(resource: Resource, error: GcpError, there: Mapping[str, Any]) -> bool:
    """Whether it cannot be read only as its project or API is declared and not there yet, or as nothing of it is there.

    Where it is there after all, creation finds it, and what differs is changed. What is to be absent is so where its
    API is off: a run that was cut short had not come that far.
    """
    if error.reason == "service_disabled" and not resource.present:
        return True
    if error.reason not in ("service_disabled", "permission_denied"):
        return False
    return any(
        need.partition(":")[2].startswith(_GROUND) or need.startswith(_GROUND)
        for need in resource.needs
        if there.get(need, error) is None
    )


async def dangling(cloud: Cloud, steps: Iterable[Step]) -> list[Problem]:
    """Names of resources that are not there, of those that would be made or changed."""
    asked: dict[str, tuple[Step, Reference]] = {}
    for step in steps:
        if step.action not in (CREATE, UPDATE, REPLACED):
            continue
        for reference in step.resource.external:
            if reference.type and reference.link not in cloud.outputs:
                asked.setdefault(reference.link, (step, reference))
    there = await asyncio.gather(*(_is_there(cloud, each) for _step, each in asked.values()))
    return [
        _nothing(step, reference)
        for (step, reference), found in zip(asked.values(), there)
        if not found
    ]


async def overlapping(cloud: Cloud, steps: Iterable[Step]) -> list[Problem]:
    """Ranges of subnetworks that would be made or changed and overlap with what is there."""
    steps = list(steps)
    ours = [
        step.resource
        for step in steps
        if step.resource.type == SUBNETWORKS and step.action in (CREATE, REPLACED, UPDATE)
    ]
    declared = {step.resource.link for step in steps}
    found = []
    for project in sorted({each.project for each in ours}):
        there = await _subnetworks(cloud, project)
        theirs = [
            each
            for body in there
            for each in subnetwork_ranges(body, _link(body), _link(body))
            if each.link not in declared
        ]
        wanted = [
            each
            for resource in ours
            if resource.project == project
            for each in ranges_of(cloud.known(resource.body), resource)
        ]
        found += conflicts(wanted, theirs, set())
    return found


async def _read(handler: Handler, settle: bool) -> Seen | None:
    live = await handler.read()
    if live is not None and settle and handler.passing(live):
        return await handler.settled()
    return live


def _wanted_outputs(resource: Resource) -> list[tuple[str, str]]:
    """What others tell that are not declared here, as (link, type)."""
    links = {output.link for output in _outputs(resource.body)}
    return [(each.link, each.type) for each in resource.external if each.link in links]


def _outputs(value: Any) -> list[Output]:
    if isinstance(value, Output):
        return [value]
    if isinstance(value, dict):
        return [each for part in value.values() for each in _outputs(part)]
    if isinstance(value, list):
        return [each for part in value for each in _outputs(part)]
    return []


async def _told(cloud: Cloud, link: str, type_name: str) -> None:
    api = type_name.partition(".")[0]
    cloud.outputs[link] = await cloud.client.send("GET", cloud.definitions.base(api) + link)


async def _is_there(cloud: Cloud, reference: Reference) -> bool:
    """Whether it is there, as far as the account may see; what it may not see is left to Google.

    The other side of a peering may come later: until then the peering is INACTIVE, by Google's reference.
    """
    if reference.path == "peerNetwork":
        return True
    base = cloud.definitions.base(reference.type.partition(".")[0])
    try:
        await cloud.client.send("GET", base + reference.link)
    except GcpError as error:
        return error.status != 404
    return True


def _nothing(step: Step, reference: Reference) -> Problem:
    words = f"{step.key}: {reference.path}: there is no {reference.link}"
    if reference.elsewhere:
        more = f"declared is {reference.elsewhere}, which is not where {step.resource.location} is"
        return Problem("zone_outside_region", f"{words}; {more}.")
    return Problem("unknown_reference", f"{words}, and nothing of that name is declared.")


async def _subnetworks(cloud: Cloud, project: str) -> list[dict[str, Any]]:
    url = f"{cloud.definitions.base('compute')}projects/{project}/aggregated/subnetworks"
    found: list[dict[str, Any]] = []
    try:
        async for page in cloud.client.pages(url):
            for scope in (page.get("items") or {}).values():
                found += scope.get("subnetworks") or ()
    except GcpError:
        return []  # what the account may not see, Google checks
    return found


def _link(body: Seen) -> str:
    return str(body.get("selfLink", "")).partition("/v1/")[2]


def _once(problems: Iterable[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
