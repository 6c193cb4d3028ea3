# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A canary's life: it is brought, judged and taken away, whatever came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import (
    canary as canaries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.delivery import (
    Delivery,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import Fate
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Canary,
    Service,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import (
    Watched,
    soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.watch import Watcher
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Budget
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell


class Trial:
    """Judges canaries. ``budget`` is what health checks may do wrong."""

    def __init__(
        self, client: Client, world: World, delivery: Delivery, budget: Budget, tell: Tell
    ) -> None:
        self._client = client
        self._world = world
        self._delivery = delivery
        self._budget = budget
        self._tell = tell

    async def judge(self, watcher: Watcher, fate: Fate, canary: Canary, back: Target) -> None:
        """Judge a few pods of the new version. Raises ``KubeError`` (``canary_failed``).

        They are gone afterwards. Where they could not be taken away the service counts as begun, as its requests may
        lead to them.
        """
        service = fate.service
        stable = stable_of(service, back)
        why, left = "", ""
        try:
            why = await self._tried(watcher, service, canary, stable)
        except KubeError as error:
            why = f": {error}"
        finally:
            left = await self._cleared(service, canary, stable)
        if left:
            fate.begun = True
            ended = f"failed{why.rstrip('.')}" if why else "held"
            raise KubeError("canary_failed", f"its canary {ended}. {left}")
        if why:
            before, _colon, after = why.partition(":")
            raise KubeError(
                "canary_failed",
                f"its canary failed{before}, and nothing else was touched:{after.rstrip('.')}.",
            )

    async def _tried(
        self, watcher: Watcher, service: Service, canary: Canary, stable: Service
    ) -> str:
        """Bring a canary and watch it; return after how long it failed, a colon and why, or an empty text."""
        place = canaries.place(service)
        share = f"{canary.weight}% of its requests" if canary.weight else "its share of the pods"
        self._tell(service.name, f"canary: {canary.replicas} of the new version, {share}")
        await self._delivery.apply(service, canaries.objects(service, canary))
        live = await self._delivery.live(replace(service, deployment=place[1]))
        generation = live["metadata"]["generation"] if live else 0
        tell = partial(self._tell, f"{service.name} canary")
        await watcher.rolled_out(place, generation, service.timeout, tell)
        if canary.weight:
            await self._delivery.apply(service, canaries.routed(stable, canary))
        watched = Watched(service, place, replace(service.soak, seconds=canary.seconds))
        checks = [(service.name, check) for check in service.checks]
        done = await soak(self._client, watcher, [watched], checks, self._world, self._budget)
        if done.breaches:
            said = "; ".join(each.message for each in done.breaches)
            return f" after {done.seconds:.0f} s: {said}"
        self._tell(service.name, f"canary: held for {done.seconds:.0f} s")
        return ""

    async def _cleared(self, service: Service, canary: Canary, stable: Service) -> str:
        """Take a canary away; return why it is there still, or an empty text."""
        name = canaries.place(service)[1]
        try:
            await self._clear(service, canary, canaries.routes(stable))
        except KubeError as error:
            said = (
                f"It could not be taken away, so Deployment {name} is left, and HTTPRoutes may lead to it: "
                f"{str(error).rstrip('.')}."
            )
            self._tell(service.name, f"canary: {said}")
            return said
        self._tell(service.name, f"canary: {name} is gone")
        return ""

    async def _clear(self, service: Service, canary: Canary, routes: Sequence[Manifest]) -> None:
        """Give requests back to the others before the canary's pods go."""
        if routes:
            await self._delivery.apply(service, routes)
        gone = self._delivery.plan(service, Target("", tuple(canaries.objects(service, canary))))
        await self._delivery.delete({item.key: item.path for item in gone.items})

    async def leftover(self, service: Service) -> None:
        """Take away a canary that was left: its routes have just been set right."""
        own = replace(service, deployment=canaries.place(service)[1])
        if await self._delivery.without(own, canaries.TRACK):
            if service.canary:
                await self._clear(service, service.canary, ())
            self._tell(service.name, f"canary: {own.deployment}, which was left, is gone")

    async def unrouted(self, fate: Fate, back: Target) -> None:
        """Give requests back to the others where the way back has no routes of its own."""
        brought = replace(fate.service, target=fate.kept.target)
        if not canaries.routes(replace(fate.service, target=back)):
            routes = canaries.routes(brought)
            if routes:
                await self._delivery.apply(fate.service, routes)


def stable_of(service: Service, back: Target) -> Service:
    """The service with the routes of what runs, where they are known: those of the new version come with it."""
    known = replace(service, target=back)
    return known if canaries.routes(known) else service
