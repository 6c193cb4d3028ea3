# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The services of one run: each is brought as one step of the graph, or brought back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import (
    canary as canaries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.delivery import (
    Delivery,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    FAILED,
    KEEP,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Breach,
    Canary,
    Service,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import Records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import (
    Watched,
    broken,
    other_template,
    patient,
    soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.watch import Watcher
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Budget
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import Plan
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import run as ask
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Check
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.lease import AWAY
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Rollout
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: Seconds within which a service that is up has to be well, and within which a Deployment's controller sees a change.
PATIENCE, SEEN = 30.0, 10.0


class Services:
    """Brings the services of a run; the graph's ``Rolling``. Use it within its ``open``."""

    def __init__(
        self,
        client: Client,
        world: World,
        delivery: Delivery,
        budget: Budget,
        tell: Tell,
    ) -> None:
        self._client = client
        self._world = world
        self._delivery = delivery
        self._budget = budget
        self._tell = tell
        self._records = Records(client)
        self.watcher: Watcher
        # The ReplicaSets that were up, by their Deployments.
        self._templates: dict[tuple[str, str], str] = {}
        self.fates: dict[str, Fate] = {}
        self.needs: Mapping[str, Sequence[str]] = {}

    @asynccontextmanager
    async def open(
        self, fates: Iterable[Fate], needs: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[None]:
        """Follow what the services have."""
        self.fates = {fate.service.name: fate for fate in fates}
        self.needs = needs
        async with Watcher(
            self._client, {fate.service.namespace for fate in self.fates.values()}
        ) as watcher:
            self.watcher = watcher
            yield

    @property
    def all(self) -> Sequence[Rollout]:
        """The services as the graph knows them."""
        return [fate.service.rollout for fate in self.fates.values()]

    async def prepare(self) -> list[KubeError]:
        """Nothing: what refuses a release was asked before."""
        return []

    async def bring(self, rollout: Rollout, /) -> None:
        """Bring one service and wait until it is up and well. Raises ``KubeError``; ``fates`` has it, too."""
        fate = self.fates[rollout.service]
        if fate.action == KEEP:
            return
        try:
            await self._bring(fate)
        except KubeError as error:
            fate.state, fate.reason, fate.message = FAILED, error.reason, str(error)
            raise

    async def _bring(self, fate: Fate) -> None:
        service = fate.service
        await self._records.write(fate.kept, service.namespace)
        if service.canary and fate.back:
            async with _timed(fate, "canary"):
                await self._canary(service, service.canary, fate.back)
        fate.begun = True
        async with _timed(fate, "rollout"):
            fate.changes = await self._delivery.bring(service, service.target)
            await self._without_leftover(service)
            await self.up(service)
        async with _timed(fate, "health"):
            await self.well([service])

    async def up(self, service: Service) -> None:
        """Wait until a service's Deployment is up. Raises ``KubeError``."""
        live = await self._delivery.live(service)
        generation = live["metadata"]["generation"] if live else 0
        tell = partial(self._tell, service.name)
        await self.watcher.rolled_out(service.place, generation, service.timeout, tell)
        # The Deployment's generation would not do: an autoscaler changes it as well.
        self._templates[service.place] = await self._template(service.place)

    async def _template(self, place: tuple[str, str]) -> str:
        return await self.watcher.until(lambda: self.watcher.template(place) or None, SEEN) or ""

    def watched(self, fate: Fate) -> Watched:
        """A service that is up, for its window."""
        service = fate.service
        return Watched(service, service.place, service.soak, self._templates.get(service.place, ""))

    async def replaced(self, fates: Iterable[Fate]) -> list[Breach]:
        """Services that run something else by now than what came up."""
        watched = [self.watched(fate) for fate in fates]
        # A change that its controller has not seen yet is none of the window's.
        await asyncio.gather(*(self._template(each.place) for each in watched))
        found = (other_template(self.watcher, each) for each in watched)
        return [each for each in found if each]

    async def well(self, services: Iterable[Service]) -> None:
        """Wait until services answer well. Raises ``KubeError`` (``unhealthy``, ``not_measured``)."""
        checks = patient(asked(services), PATIENCE)
        if not checks:
            return
        # What may fail is for the soak: of one service's checks it could be all.
        course = await ask([check for _name, check in checks], self._world, Plan(patience=AWAY))
        found = broken(checks, course, Budget())
        if found:
            raise KubeError(
                found[0].reason, "; ".join(each.message.rstrip(".") for each in found) + "."
            )

    async def _canary(self, service: Service, canary: Canary, back: Target) -> None:
        """Judge a few pods of the new version. Raises ``KubeError`` (``canary_failed``); they are gone afterwards."""
        place = canaries.place(service)
        own = canaries.objects(service, canary)
        # Routes stay those of what runs, where they are known: those of the new version come with it.
        known = replace(service, target=back)
        stable = known if canaries.routes(known) else service
        routed = canaries.routed(stable, canary) if canary.weight else []
        share = f"{canary.weight}% of its requests" if canary.weight else "its share of the pods"
        self._tell(service.name, f"canary: {canary.replicas} of the new version, {share}")
        try:
            await self._delivery.apply(service, own)
            live = await self._delivery.live(replace(service, deployment=place[1]))
            generation = live["metadata"]["generation"] if live else 0
            tell = partial(self._tell, f"{service.name} canary")
            await self.watcher.rolled_out(place, generation, service.timeout, tell)
            if routed:
                await self._delivery.apply(service, routed)
            watched = Watched(service, place, replace(service.soak, seconds=canary.seconds))
            done = await soak(
                self._client, self.watcher, [watched], asked([service]), self._world, self._budget
            )
        except KubeError as error:
            raise KubeError(
                "canary_failed", f"its canary failed, and nothing else was touched: {error}"
            ) from error
        finally:
            await self._without_canary(service, stable)
        if done.breaches:
            why = "; ".join(each.message for each in done.breaches)
            raise KubeError(
                "canary_failed",
                f"its canary failed after {done.seconds:.0f} s, and nothing else was touched: {why}.",
            )
        self._tell(service.name, f"canary: held for {done.seconds:.0f} s")

    async def _without_canary(self, service: Service, stable: Service) -> None:
        """Give requests back to the others before the canary's pods go."""
        routes = canaries.routes(stable)
        if routes:
            await self._delivery.apply(service, routes)
        name = f"{service.deployment}{canaries.SUFFIX}"
        gone = self._delivery.plan(
            service, Target("", tuple(canaries.objects(service, Canary(weight=1))))
        )
        await self._delivery.delete(
            {item.key: item.path for item in gone.items if item.key.name.endswith(canaries.SUFFIX)}
        )
        self._tell(service.name, f"canary: {name} is gone")

    async def _without_leftover(self, service: Service) -> None:
        """Take away the canary of a run that was killed while it judged one: its routes have just been set right."""
        own = replace(service, deployment=canaries.place(service)[1])
        if await self._delivery.without(own, canaries.TRACK):
            self._tell(service.name, f"canary: {own.deployment}, left by another run, is gone")

    async def mark_back(self, fates: Iterable[Fate]) -> None:
        """Write down that services return, all before the first does: who takes it up has to know of each."""
        await asyncio.gather(
            *(
                self._records.write(
                    records.ended(fate.kept, records.ROLLING_BACK, fate.message),
                    fate.service.namespace,
                )
                for fate in fates
                if fate.back
            )
        )

    async def bring_back(self, fate: Fate) -> None:
        """Bring one service back to what it was, and wait until it is up. Raises ``KubeError``."""
        service = fate.service
        if fate.back is None:
            return
        began = time.monotonic()
        # Whoever touched it meanwhile does not keep it at a version that is no good.
        await self._delivery.bring(service, fate.back, force=True)
        await self._delivery.remove(service, fate.kept.target, fate.back)
        await self.up(service)
        fate.seconds["rollback"] = round(time.monotonic() - began, 1)

    async def remember(self, fate: Fate, state: str, reason: str = "") -> None:
        """Write down how a service's revision ended."""
        kept = records.ended(fate.kept, state, reason, soak_told(fate))
        await self._records.write(kept, fate.service.namespace)
        fate.kept = kept
        if state == records.GOOD:
            if fate.back:
                # Only now: until here it was the way back.
                await self._delivery.remove(fate.service, fate.back, kept.target)
            others = [each for each in fate.known if each.revision.number != kept.revision.number]
            await self._records.prune([*others, kept], fate.service.namespace)


def asked(services: Iterable[Service]) -> list[tuple[str, Check]]:
    """What services are asked, with their names."""
    return [(service.name, check) for service in services for check in service.checks]


def soak_told(fate: Fate) -> dict[str, object]:
    """What is kept of a window."""
    told: dict[str, object] = {"seconds": round(fate.soaked, 1)}
    if fate.traffic:
        told |= {
            "requests": fate.traffic.requests,
            "failed": fate.traffic.failed,
            "latency": dict(fate.traffic.latency),
        }
    return told


@asynccontextmanager
async def _timed(fate: Fate, part: str) -> AsyncIterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        fate.seconds[part] = round(time.monotonic() - began, 1)
