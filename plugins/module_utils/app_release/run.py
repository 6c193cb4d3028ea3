# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release from its preflight to its record: one graph, one window, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.delivery import (
    Delivery,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING,
    BRING_BACK,
    CURRENT,
    FAILED,
    KEEP,
    LEFT_OUT,
    RELEASED,
    ROLLED_BACK,
    WOULD_BRING_BACK,
    WOULD_RELEASE,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.gitops import Gitops
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.look import (
    Before,
    look,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    RELEASE,
    ROLLBACK,
    Service,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    Policy,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.promotion import (
    Namespaces,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.services import (
    Services,
    asked,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import (
    Soaked,
    Watched,
    soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.way_back import (
    ALL,
    NOTHING,
    WayBack,
    chosen,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Budget
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import (
    Access,
    connect,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    run as migrations,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.lease import (
    AWAY,
    Lease,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Migration,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    graph,
    rollout_key,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell


@dataclass(frozen=True)
class Wishes:
    """What the module was asked for besides services and migrations. Times are seconds."""

    migrate: migrations.Wishes
    operation: str = RELEASE
    revision: int | None = None
    rollback: str = ALL
    policy: Policy = field(default_factory=Policy)
    budget: Budget = field(default_factory=Budget)
    allow_degraded: bool = False
    earlier: Access | None = None
    earlier_name: str = ""
    earlier_soak: float = 0.0
    earlier_namespace: Namespaces = None
    by: str = ""
    argocd: str = "argocd"
    force: bool = False


@dataclass
class Done:
    """What a run came to. ``failure`` is why it failed, ``migrated`` what became of the migrations.

    ``notes`` are for people to act on.
    """

    fates: Mapping[str, Fate]
    needs: Mapping[str, Sequence[str]]
    migrated: migrations.Done
    soaked: Soaked | None = None
    reason: str = ""
    failure: str = ""
    notes: Sequence[str] = ()


async def run(
    access: Access,
    services: Sequence[Service],
    wanted: Sequence[Migration],
    wishes: Wishes,
    tell: Tell,
) -> Done:
    """Bring services. Raises ``KubeError`` where nothing may begin; what failed later is told in what it returns."""
    needs = graph(wanted, [each.rollout for each in services])
    given = wishes.migrate
    async with Client(connect(access), given.concurrency, given.timeout) as client:
        gitops = Gitops(client, wishes.argocd, given.check, wishes.by, tell)
        delivery = Delivery(client, given.check, gitops, wishes.force)
        await delivery.open()
        async with World(access, given.concurrency, given.timeout) as world:
            brought = Services(client, world, delivery, wishes.budget, tell)
            work = migrations.Work(client, wanted, brought, needs, given, tell)
            if given.check:
                found = await look(client, delivery, services, wishes, world)
                await work.prepare()
                await _try(delivery, found)
                return Done(_named(found.fates), needs, migrations.Done(work.fates, needs, None))
            waits = partial(tell, "")
            lease = Lease(client, given.namespace, migrations.LEASE, given.patience, waits, AWAY)
            async with lease:
                # What another run did meanwhile counts.
                found = await look(client, delivery, services, wishes, world)
                # What is begun now is not left alone for an API that restarts.
                client.patience = AWAY
                every = [fate.service for fate in found.fates]
                moving = [fate.service for fate in found.fates if fate.action != KEEP]
                async with brought.open(found.fates, needs), gitops.held(moving, every):
                    done = await _Run(client, brought, work, wishes, tell, lease, world).go()
                done.notes = gitops.notes
                return done


#: What check mode says of each.
_WOULD = {KEEP: CURRENT, BRING: WOULD_RELEASE, BRING_BACK: WOULD_BRING_BACK}


async def _try(delivery: Delivery, found: Before) -> None:
    """Have the API try all that would be brought."""
    for fate in found.fates:
        fate.state = _WOULD[fate.action]
        if fate.action == BRING:
            fate.changes = await delivery.bring(fate.service, fate.service.target)


def _named(fates: Sequence[Fate]) -> dict[str, Fate]:
    return {fate.service.name: fate for fate in fates}


class _Run:
    def __init__(
        self,
        client: Client,
        services: Services,
        work: migrations.Work,
        wishes: Wishes,
        tell: Tell,
        lease: Lease,
        world: World,
    ) -> None:
        self._client = client
        self._services = services
        self._work = work
        self._wishes = wishes
        self._tell = tell
        self._lease = lease
        self._world = world

    @property
    def _fates(self) -> list[Fate]:
        return list(self._services.fates.values())

    async def go(self) -> Done:
        """The release. Raises ``KubeError`` where nothing may begin, and ``lost_lease``."""
        unfinished = [fate for fate in self._fates if fate.action == BRING_BACK]
        if unfinished:
            return await self._finish(unfinished)
        await self._work.prepare()
        migrated = await self._work.go(self._lease)
        done = Done(self._services.fates, self._services.needs, migrated)
        self._settle(migrated)
        soaked = None
        if not self._failed(migrated):
            soaked = await self._lease.while_held(self._soak())
            done.soaked = soaked
        await self._lease.while_held(self._end(done))
        return done

    def _settle(self, migrated: migrations.Done) -> None:
        for fate in self._fates:
            result = (
                migrated.report.results[rollout_key(fate.service.name)] if migrated.report else None
            )
            if fate.action == KEEP:
                fate.state = CURRENT
            elif result and result.state == dag.DONE:
                fate.state = RELEASED
            elif not fate.state:
                fate.state = LEFT_OUT
                fate.message = f"{result.because} failed" if result and result.because else ""

    def _failed(self, migrated: migrations.Done) -> list[str]:
        results = migrated.report.results.values() if migrated.report else ()
        return [result.key for result in results if result.state == dag.FAILED]

    async def _soak(self) -> Soaked:
        """Watch all that was brought, in one window."""
        new = [fate for fate in self._fates if fate.state == RELEASED]
        watched = [self._services.watched(fate) for fate in new]
        longest = max((each.soak.seconds for each in watched), default=0.0)
        soaked = Soaked(0.0)
        if longest:
            names = ", ".join(fate.service.name for fate in new)
            self._tell("", f"soaks for {longest:g} s: {names}")
            soaked = await self._window(watched)
        if not soaked.breaches:
            # Up to its record: who changed it between has another's version on record otherwise.
            soaked = replace(soaked, breaches=tuple(await self._services.replaced(new)))
        for fate in new:
            # Nobody looked at its pods after its own window.
            fate.soaked = min(soaked.seconds, fate.service.soak.seconds)
            fate.traffic = soaked.traffic.get(fate.service.name)
        for breach in soaked.breaches:
            self._tell(breach.service, f"breaks its budget: {breach.message}")
            broken = self._services.fates.get(breach.service)
            if broken:
                broken.state, broken.reason = FAILED, breach.reason
                broken.message = f"{breach.message}, {soaked.seconds:.0f} s into the soak"
        return soaked

    async def _window(self, watched: Sequence[Watched]) -> Soaked:
        services, checks = self._services, asked(each.service for each in watched)
        return await soak(
            self._client, services.watcher, watched, checks, self._world, self._wishes.budget
        )

    async def _end(self, done: Done) -> None:
        """Record what stays; bring back what does not."""
        migrated = done.migrated
        broken = [fate for fate in self._fates if fate.state == FAILED]
        vain = done.soaked.breaches if done.soaked else ()
        if not (broken or vain or self._failed(migrated)):
            new = [fate for fate in self._fates if fate.state == RELEASED]
            problems = await self._services.record(new)
            done.reason = problems[0].reason if problems else ""
            done.failure = " ".join(map(str, problems))
            return
        causes = [f"{fate.service.name}: {fate.message.rstrip('.')}" for fate in broken]
        causes += [each.message for each in vain if not each.service]
        causes += [
            f"{key}: {result.error}".rstrip(".")
            for key, result in (migrated.report.results.items() if migrated.report else ())
            if result.state == dag.FAILED and key in self._work.fates
        ]
        done.reason = broken[0].reason if broken else vain[0].reason if vain else "migration_failed"
        done.failure = "; ".join(causes) + "."
        wishes = self._wishes
        scope = wishes.rollback if wishes.operation == RELEASE else NOTHING
        back = WayBack(self._services, wishes.migrate.parallel, self._tell)
        done.failure += await back.go(chosen(self._services, broken, scope), done.failure)

    async def _finish(self, unfinished: Sequence[Fate]) -> Done:
        """End a rollback that was cut short; the release itself is for the next run."""
        cause = "; ".join(fate.why for fate in unfinished)
        back = WayBack(self._services, self._wishes.migrate.parallel, self._tell)
        told = await self._lease.while_held(back.go(unfinished, cause))
        for fate in self._fates:
            fate.state = fate.state or LEFT_OUT
        done = Done(self._services.fates, self._services.needs, migrations.Done({}, {}, None))
        wishes = self._wishes
        ended = all(fate.state == ROLLED_BACK for fate in self._fates)
        if wishes.operation == ROLLBACK and wishes.revision is None and ended:
            return done  # That is what was asked for, and once more would be further back.
        again = "release" if wishes.operation == RELEASE else "go where you wanted"
        done.reason = "rollback_finished"
        done.failure = f"{cause}, and is finished now.{told} Run again to {again}."
        return done
