# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A window in which a new version has to hold: readiness, restarts, its own answers, and health checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import traffic
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Breach,
    Service,
    Soak,
    Traffic,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.watch import Watcher
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Budget, judge
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import (
    NOT_MEASURED,
    Course,
    Plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import run as ask
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Check
from ansible_collections.groundwork.platform.plugins.module_utils.health.report import telling
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.lease import AWAY

Body = Mapping[str, Any]
Place = tuple[str, str]


@dataclass(frozen=True)
class Watched:
    """A service's pods in the window; ``place`` is the Deployment that they are of.

    ``template`` is the uid of its ReplicaSet as it was brought; where it is empty, whatever comes is watched.
    """

    service: Service
    place: Place
    soak: Soak
    template: str = ""


@dataclass(frozen=True)
class Soaked:
    """How a window went: its seconds, what broke it, and what each service's pods answered, where they count it."""

    seconds: float
    breaches: tuple[Breach, ...] = ()
    traffic: Mapping[str, Traffic] = field(default_factory=dict)


class Pods:
    """How often pods stopped being ready, or were begun anew, since they were first seen."""

    def __init__(self) -> None:
        self._ready: dict[str, bool] = {}
        self._restarts: dict[str, tuple[int, int]] = {}
        self.unready: list[str] = []

    def look(self, pods: Sequence[Body]) -> None:
        """See how they are now."""
        for pod in pods:
            uid = pod["metadata"]["uid"]
            ready = traffic.is_ready(pod)
            if self._ready.get(uid) and not ready:
                self.unready.append(pod["metadata"]["name"])
            self._ready[uid] = ready
            statuses = (pod.get("status") or {}).get("containerStatuses") or ()
            count = sum(each.get("restartCount", 0) for each in statuses)
            self._restarts[uid] = (self._restarts.get(uid, (count, count))[0], count)

    @property
    def restarts(self) -> int:
        """Restarts of all of them."""
        return sum(now - first for first, now in self._restarts.values())

    def breach(self, service: str, soak: Soak) -> Breach | None:
        """Why pods that went so cannot stay."""
        if self.restarts > soak.restarts:
            return Breach(
                service,
                "restarts",
                f"its containers were begun anew {self.restarts} times, and {soak.restarts} may be",
            )
        if len(self.unready) > soak.unready:
            names = ", ".join(dict.fromkeys(self.unready))
            return Breach(
                service,
                "unready",
                f"its pods stopped being ready {len(self.unready)} times ({names}), and {soak.unready} may be",
            )
        return None


async def soak(
    client: Client,
    watcher: Watcher,
    watched: Sequence[Watched],
    checks: Sequence[tuple[str, Check]],
    world: World,
    budget: Budget,
) -> Soaked:
    """Watch services until the longest window ends or one of them is broken, whichever is first.

    ``checks`` are pairs of a service and what it is asked. Raises those of the client.
    """
    began = time.monotonic()
    meters = {
        each.service.name: traffic.Meter(client, each.service.metrics)
        for each in watched
        if each.service.metrics
    }
    tasks = [
        asyncio.ensure_future(_watch(watcher, each, meters.get(each.service.name), began))
        for each in watched
        if each.soak.seconds > 0
    ]
    seconds = max((each.soak.seconds for each in watched), default=0.0)
    if checks and seconds > 0:
        tasks.append(asyncio.ensure_future(_health(checks, world, budget, seconds)))
    breaches: list[Breach] = []
    try:
        while tasks and not breaches:
            done, _others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            tasks = [task for task in tasks if task not in done]
            breaches = [each for task in done for each in task.result()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    told = {name: meter.traffic for name, meter in meters.items() if meter.measured}
    return Soaked(time.monotonic() - began, tuple(breaches), told)


async def _watch(
    watcher: Watcher, watched: Watched, meter: traffic.Meter | None, began: float
) -> list[Breach]:
    """One service, until its window ends or it is broken."""
    name, wanted, pods = watched.service.name, watched.soak, Pods()
    end = began + wanted.seconds
    ended, now = False, []
    while not ended:
        ended = time.monotonic() >= end
        now = watcher.new_pods(watched.place)
        pods.look(now)
        found = other_template(watcher, watched) or pods.breach(name, wanted)
        if meter and not found:
            found = traffic.breach(name, await meter.look(now), wanted, ended)
        if found:
            return [found]
        pause = max(0.0, min(end - time.monotonic(), wanted.interval))
        await watcher.until(_news(watcher, watched, pods), pause)
    if meter and (not meter.measured or meter.unread(now)):
        # Who cannot count failures has not shown that there are few.
        who = f"of {', '.join(meter.unread(now))} " if meter.measured else ""
        why = meter.trouble or "it has no pod"
        return [Breach(name, NOT_MEASURED, f"its pods' metrics {who}could not be read: {why}")]
    return []


def _news(watcher: Watcher, watched: Watched, pods: Pods) -> Any:
    """What ends the pause between two looks: a pod that went bad, or pods of something else."""

    def look() -> Breach | None:
        pods.look(watcher.new_pods(watched.place))
        return other_template(watcher, watched) or pods.breach(watched.service.name, watched.soak)

    return look


def other_template(watcher: Watcher, watched: Watched) -> Breach | None:
    """A Deployment that somebody has given other pods: what is seen of them says nothing of what was brought."""
    found = watcher.template(watched.place)
    if not watched.template or found in ("", watched.template):
        return None
    return Breach(
        watched.service.name,
        "replaced",
        f"somebody changed the pods of Deployment {watched.place[1]} meanwhile, so what runs is not what was brought",
    )


async def _health(
    checks: Sequence[tuple[str, Check]], world: World, budget: Budget, seconds: float
) -> list[Breach]:
    course = await ask(
        [check for _service, check in checks],
        world,
        Plan(window=seconds, budget=budget, patience=AWAY),
    )
    return broken(checks, course, budget)


def broken(checks: Sequence[tuple[str, Check]], course: Course, budget: Budget) -> list[Breach]:
    """What health checks say against a version, service by service."""
    verdict = judge(course.results, budget)
    if verdict.healthy:
        return []
    by_name = {result.name: result for result in course.results}
    found = []
    for service, check in checks:
        last = telling(by_name[check.name], True) if check.name in verdict.failing else None
        if last:
            found.append(
                Breach(
                    service,
                    NOT_MEASURED if last.reason == NOT_MEASURED else "unhealthy",
                    f"{check.name} ({check.question.target}): {last.message}",
                )
            )
    for name, value, limit in verdict.slow:
        found.append(
            Breach(
                "", "slow", f"{name} of all health checks is {value:g} ms, and may be {limit:g} ms"
            )
        )
    return found


def patient(checks: Sequence[tuple[str, Check]], seconds: float) -> list[tuple[str, Check]]:
    """The same checks, each asked again for so long as a service may take to be well after it is up."""
    return [
        (
            service,
            replace(
                check,
                pace=replace(
                    check.pace,
                    retries=max(check.pace.retries, int(seconds / max(0.05, check.pace.interval))),
                ),
            ),
        )
        for service, check in checks
    ]
