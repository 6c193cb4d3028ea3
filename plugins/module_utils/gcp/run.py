# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole run: look, plan, refuse or carry out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.apply import Wishes, apply
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.credentials import (
    Account,
    Tokens,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.registry import (
    handler_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.look import (
    dangling,
    look,
    overlapping,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    INSTANCES,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.operations import Operations
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import (
    UNCHANGED,
    UPDATE,
    Allowed,
    Step,
    plan,
    pruned,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.prune import surplus
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.result import (
    outcome,
    refused,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.unfinished import (
    unfinished,
    wait_for,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: States in which a resource is there and of no use.
_BROKEN = frozenset(("ERROR", "FAILED", "DEGRADED", "RUNNING_WITH_ERROR"))
#: States of instances that do not end by themselves.
_STOPPED = frozenset(("STOPPED", "SUSPENDED", "TERMINATED"))


@dataclass(frozen=True)
class Settings:
    """What the module was asked for. ``timeout`` is in seconds for one operation."""

    allowed: Allowed
    owner: str | None = None
    prune: bool = False
    concurrency: int = 32
    timeout: float = 1800.0
    check: bool = False


@dataclass(frozen=True)
class Ended:
    """How a run ended: its result, why nothing was done, and what is only worth a word."""

    result: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    warnings: Sequence[str] = ()


def run(
    definitions: Definitions,
    resources: Sequence[Resource],
    account: Account,
    settings: Settings,
    tell: Tell,
) -> Ended:
    """Bring resources to what is declared. Raises ``GcpError`` and ``RefusedError`` where nothing can go on."""
    return asyncio.run(_run(definitions, resources, account, settings, tell))


async def _run(
    definitions: Definitions,
    resources: Sequence[Resource],
    account: Account,
    settings: Settings,
    tell: Tell,
) -> Ended:
    async with Client(Tokens(account), settings.concurrency) as client:
        operations = Operations(client, definitions, settings.timeout)
        cloud = Cloud(client, operations, definitions, settings.timeout)
        under_way, unseen = await unfinished(cloud, resources)
        if not settings.check:
            await wait_for(cloud, under_way, tell)
        steps = await _planned(cloud, resources, settings)
        acting = any(step.action != UNCHANGED for step in steps)
        problems = await _problems(cloud, steps) if acting else []
        missing = [each for each in problems if each.reason == "unknown_reference"]
        warnings = [*unseen, *broken(steps)]
        if settings.check:
            warnings += [
                f"{each.resource.key}: a {each.verb} is under way, which may change the plan."
                for each in under_way
            ]
            # An earlier task may make what is missing, which is only planned there as well.
            problems = [each for each in problems if each not in missing]
            warnings += [each.message for each in missing]
        problems = [*refused(steps), *problems]
        if problems or settings.check:
            return Ended(outcome(steps, None, cloud.outputs, False), problems, warnings)
        if not acting:
            return Ended(outcome(steps, None, cloud.outputs), (), warnings)
        report = await apply(cloud, steps, Wishes(settings.owner, settings.concurrency), tell)
        return Ended(outcome(steps, report, cloud.outputs), (), warnings)


def broken(steps: Sequence[Step]) -> list[str]:
    """What stays as it is though Google says that it failed, or that it does not run."""
    found = []
    for step in steps:
        live = step.live or {}
        state = live.get("status") or live.get("state")
        if step.action in (UNCHANGED, UPDATE) and state in _BROKEN:
            why = str(live.get("statusMessage") or "").strip()
            found.append(f"{step.key} is {state} at Google{f': {why}' if why else ''}.")
        if step.action in (UNCHANGED, UPDATE) and _left_stopped(step.resource, live):
            found.append(
                f"{step.key} is {state} at Google, and nothing is declared of that: somebody stopped it, or a run that "
                "had stopped it for a change was cut short. It stays so. Declare status: RUNNING, and the next run "
                f"starts it; or status: {state}, where that is meant."
            )
    return found


def _left_stopped(resource: Resource, live: Mapping[str, Any]) -> bool:
    """Whether an instance does not run though nobody declared so. A change that was cut short is not seen otherwise."""
    stopped = resource.type == INSTANCES and live.get("status") in _STOPPED
    return stopped and resource.present and "status" not in resource.body


async def _planned(cloud: Cloud, resources: Sequence[Resource], settings: Settings) -> list[Step]:
    handlers = [handler_of(cloud, resource) for resource in resources]
    seen = await look(handlers, settle=not settings.check)
    steps = plan(handlers, seen, settings.allowed)
    if settings.prune and settings.owner:
        gone = await surplus(cloud, resources, settings.owner)
        steps += [pruned(handler_of(cloud, each), live, settings.allowed) for each, live in gone]
    return steps


async def _problems(cloud: Cloud, steps: Sequence[Step]) -> list[Problem]:
    found = await asyncio.gather(dangling(cloud, steps), overlapping(cloud, steps))
    return [problem for problems in found for problem in problems]
