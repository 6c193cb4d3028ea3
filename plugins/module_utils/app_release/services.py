# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The services of one run: each is brought as one step of the graph, or brought back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

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
    Service,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import Records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import (
    Watched,
    broken,
    other_template,
    patient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.trial import Trial
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
        self._client, self._world = client, world
        self._delivery = delivery
        self._trial = Trial(client, world, delivery, budget, tell)
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
                await self._trial.judge(self.watcher, fate, service.canary, fate.back)
        fate.begun = True
        async with _timed(fate, "rollout"):
            fate.changes = await self._delivery.bring(service, service.target)
            await self._trial.leftover(service)
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
        await self._trial.unrouted(fate, fate.back)
        await self._trial.leftover(service)
        await self._delivery.remove(service, fate.kept.target, fate.back)
        await self.up(service)
        fate.seconds["rollback"] = round(time.monotonic() - began, 1)

    async def remember(self, fate: Fate, state: str, reason: str = "") -> None:
        """Write down how a service's revision ended. Raises ``KubeError``."""
        kept = records.ended(fate.kept, state, reason, soak_told(fate))
        if state == records.GOOD and fate.back:
            # Only now: until here it was the way back. Once it is on record as good, nobody would come for them again.
            await self._delivery.remove(fate.service, fate.back, kept.target)
        await self._records.write(kept, fate.service.namespace)
        fate.kept = kept
        if state == records.GOOD:
            others = [each for each in fate.known if each.revision.number != kept.revision.number]
            await self._records.prune([*others, kept], fate.service.namespace)

    async def record(self, fates: Sequence[Fate]) -> list[KubeError]:
        """Have services on record as good; return why some are not, each of which the next run takes up."""
        found = await asyncio.gather(
            *(self.remember(fate, records.GOOD) for fate in fates), return_exceptions=True
        )
        problems = []
        for fate, error in zip(fates, found):
            if isinstance(error, KubeError):
                fate.reason, fate.message = error.reason, str(error)
                fate.why = "it held, and is not on record as good; the next run takes it up"
                problems.append(KubeError(error.reason, f"{fate.service.name} held, but {error}"))
            elif isinstance(error, BaseException):
                raise error
        return problems


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
