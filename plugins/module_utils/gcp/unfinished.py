# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is still done to declared resources: by a run that was cut short, or by anybody else.

Networks, routes, rules and balancers show no state: one that is being deleted looks as if it stayed, and a plan would
leave it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    PROJECTS,
    Resource,
    tail,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: It takes long and leaves the disk as it is.
_HARMLESS = "createSnapshot"


@dataclass(frozen=True)
class Unfinished:
    """An operation of compute, as Google tells it, and the declared resource that it is about."""

    resource: Resource
    operation: Mapping[str, Any]

    @property
    def verb(self) -> str:
        """What is done: ``insert``, ``delete``, ``setTags`` …"""
        return str(self.operation.get("operationType"))


async def unfinished(
    cloud: Cloud, resources: Sequence[Resource]
) -> tuple[list[Unfinished], list[str]]:
    """What goes on, and words about projects in which that cannot be seen."""
    by_link = {each.link: each for each in resources if each.kind.api == "compute"}
    made = {each.name for each in resources if each.type == PROJECTS}
    projects = sorted({each.project for each in by_link.values()})
    listed = await asyncio.gather(
        *(_operations(cloud, project) for project in projects), return_exceptions=True
    )
    found: list[Unfinished] = []
    unseen: list[str] = []
    for project, each in zip(projects, listed):
        if isinstance(each, GcpError):
            if not (each.status == 404 or each.reason == "service_disabled" or project in made):
                words = f"Whether something is still under way in {project} cannot be seen"
                unseen.append(f"{words}: {each}")
        elif isinstance(each, BaseException):
            raise each
        else:
            found += [
                Unfinished(by_link[link], operation)
                for operation in each
                for link in [tail(str(operation.get("targetLink") or ""))]
                if link in by_link and operation.get("operationType") != _HARMLESS
            ]
    return found, unseen


async def wait_for(cloud: Cloud, found: Sequence[Unfinished], tell: Tell) -> None:
    """Wait until they have ended. How they did, the look after it shows. Raises ``GcpError`` (``timeout``)."""
    await asyncio.gather(*(_finish(cloud, each, tell) for each in found))


async def _operations(cloud: Cloud, project: str) -> list[Mapping[str, Any]]:
    url = f"{cloud.definitions.base('compute')}projects/{project}/aggregated/operations"
    found: list[Mapping[str, Any]] = []
    async for page in cloud.client.pages(url, {"filter": 'status != "DONE"'}):
        for scope in (page.get("items") or {}).values():
            found += scope.get("operations") or ()
    return found


async def _finish(cloud: Cloud, found: Unfinished, tell: Tell) -> None:
    tell(found.resource.key, f"waits for the {found.verb} that is under way")
    try:
        await cloud.operations.finish(found.operation, found.resource)
    except GcpError as error:
        # That another's operation failed is nothing to this run; what it would go on with is.
        if error.reason == "timeout":
            words = f"{found.resource.key}: the {found.verb} that was under way: {error}"
            raise GcpError(error.reason, words, error.cause) from error
