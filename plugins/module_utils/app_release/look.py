# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is looked at before a release begins, and what refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import (
    canary as canaries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import (
    preflight,
    promotion,
    registry,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.delivery import (
    Delivery,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING,
    BRING_BACK,
    KEEP,
    Fate,
    decide,
    rolled_back_to,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    ROLLBACK,
    Service,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    Policy,
    World,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    Kept,
    Records,
    secret,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.surroundings import (
    KEDA,
    surroundings,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import Tls
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World as Asker
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import refuse

if TYPE_CHECKING:
    from ansible_collections.groundwork.platform.plugins.module_utils.app_release.run import Wishes

Body = Mapping[str, Any]
Revisions = Mapping[tuple[str, str], Sequence[Kept]]


@dataclass(frozen=True)
class Before:
    """What becomes of each service, as decided; what each returned from, where that was asked for."""

    fates: tuple[Fate, ...]


async def look(
    client: Client,
    delivery: Delivery,
    services: Sequence[Service],
    wishes: Wishes,
    asker: Asker,
) -> Before:
    """Look at the cluster and decide. Raises ``KubeError`` with all that refuses the release."""
    revisions = await Records(client).read(service.namespace for service in services)
    services, returned, problems = _meant(services, revisions, wishes)
    refuse(problems)
    lives = await asyncio.gather(*(delivery.live(service) for service in services))
    fates, problems = [], []
    for service, live in zip(services, lives):
        try:
            holds = await delivery.holds(service, live)
            runs = await delivery.runs(service, live)
        except KubeError as error:
            problems.append(error)
            continue
        known = revisions.get((service.namespace, service.name), ())
        if not (service.target.manifests or service.git):
            service = replace(service, live=live)
        fate = decide(service, known, holds, runs, wishes.by, returned.get(service.name, ""))
        problems += _unfit(fate)
        fates.append(fate)
    if any(fate.action == BRING_BACK for fate in fates):
        # Nothing else is brought, and what is to be ended is not well.
        refuse(problems)
        return Before(tuple(fates))
    moving = [fate.service for fate in fates if fate.action != KEEP]
    spaces = {service.namespace for service in services}
    world = await surroundings(client, spaces, delivery.serves(*KEDA))
    problems += _refusals(moving, world, wishes)
    if not (wishes.allow_degraded or wishes.operation == ROLLBACK):
        # What was left half way, or is to be left, may be the cause.
        begun = [fate.service for fate in fates if fate.action == BRING and not fate.why]
        problems += preflight.disruptions(begun, world.budgets)
    problems += await _absent(client, moving, wishes.policy, asker)
    problems += await _promotion(moving, wishes)
    # What cannot even be read has been told already.
    problems += [] if problems else await delivery.refused(moving)
    refuse(problems)
    return Before(tuple(fates))


def _meant(
    services: Sequence[Service], revisions: Revisions, wishes: Wishes
) -> tuple[list[Service], dict[str, str], list[KubeError]]:
    """The services as they are to be: those of an earlier revision, where that is asked for."""
    if wishes.operation != ROLLBACK:
        return list(services), {}, []
    found, returned, problems = [], {}, []
    for service in services:
        try:
            known = revisions.get((service.namespace, service.name), ())
            meant, of = rolled_back_to(service, known, wishes.revision)
        except KubeError as error:
            problems.append(error)
        else:
            found.append(meant)
            returned[service.name] = of
    return found, returned, problems


def _unfit(fate: Fate) -> Iterable[KubeError]:
    """Why what a service brings could not be written down as its revision, or not be tried by a canary."""
    service = fate.service
    try:
        secret(fate.kept, service.namespace)
        if service.canary and fate.back:
            canaries.objects(service, service.canary)
            if service.canary.weight:
                canaries.routed(service, service.canary)
    except KubeError as error:
        return [error]
    return []


def _refusals(services: Sequence[Service], world: World, wishes: Wishes) -> Iterable[KubeError]:
    found: list[KubeError] = []
    for service in services:
        found += preflight.image_problems(service, wishes.policy)
        found += preflight.absent(service, world.nodes)
        found += preflight.masters(service, world.autoscalers)
    found += preflight.headroom(services, world.deployments, world.quotas)
    return found


async def _absent(
    client: Client, services: Sequence[Service], policy: Policy, asker: Asker
) -> list[KubeError]:
    """Images that their registries do not have."""
    if not policy.ask:
        return []
    try:
        tls = Tls(policy.ca_cert).context() if policy.ca_cert else None
        found = await registry.logins(client, services)
        registries = registry.Registries(asker.session, tls, found)
    except ValueError as error:
        return [KubeError("bad_registry", f"image_policy: {error}.")]
    return await registry.problems(registries, services)


async def _promotion(services: Sequence[Service], wishes: Wishes) -> list[KubeError]:
    if wishes.earlier is None or wishes.operation == ROLLBACK:
        return []
    given = wishes.migrate
    async with Client(connect(wishes.earlier), given.concurrency, given.timeout) as client:
        spaces = wishes.earlier_namespace
        known = await Records(client).read(
            promotion.there(service.namespace, spaces) for service in services
        )
    return promotion.problems(services, known, wishes.earlier_name, wishes.earlier_soak, spaces)
