# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back: services return to what they were, those first that need others, and all are seen to be well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    FAILED,
    RELEASED,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    STAYS,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.services import (
    Services,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import transitive
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    rollout_key,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: What returns where one service fails: all that the run changed, what failed with what needs it, or nothing.
ALL, WITH_NEEDS, NOTHING = "all", "failed", "none"


def chosen(services: Services, broken: Sequence[Fate], scope: str) -> list[Fate]:
    """The services that return."""
    begun = [fate for fate in services.fates.values() if fate.begun]
    if scope == NOTHING:
        return []
    if scope == ALL or not broken:
        return begun
    lost = {rollout_key(fate.service.name) for fate in broken}
    every = transitive(services.needs)
    return [
        fate for fate in begun if fate in broken or lost & every[rollout_key(fate.service.name)]
    ]


class WayBack:
    """Brings services back and writes down what became of every service of the run."""

    def __init__(self, services: Services, parallel: int, tell: Tell) -> None:
        self._services = services
        self._parallel = parallel
        self._tell = tell

    async def go(self, fates: Sequence[Fate], cause: str) -> str:
        """Bring services back; say in a sentence how that went, empty where nothing was to do."""
        await self._settle_others(fates)
        if not fates:
            return ""
        self._tell("", f"brings back: {', '.join(fate.service.name for fate in fates)}")
        for fate in fates:
            fate.message = fate.message or f"the release failed: {cause}"
        await self._services.mark_back(fates)
        nodes = [
            dag.Node(
                fate.service.name,
                partial(self._services.bring_back, fate),
                self._before(fate, fates),
            )
            for fate in fates
        ]
        report = await dag.run(nodes, self._parallel)
        wrong = {
            key: str(result.error or f"{result.because} came before it, and failed")
            for key, result in report.results.items()
            if result.state != dag.DONE
        }
        there = [fate for fate in fates if fate.back is not None and fate.service.name not in wrong]
        unwell = await self._unwell(there)
        for fate in there:
            if unwell:
                wrong[fate.service.name] = unwell
        return f" {'; '.join([await self._told(fate, wrong) for fate in fates])}."

    async def _settle_others(self, fates: Sequence[Fate]) -> None:
        """What does not return: it stays on record as what it is."""
        for fate in self._services.fates.values():
            if fate in fates:
                continue
            if fate.state == FAILED:
                # Pods that were never touched are as they were.
                ended = records.FAILED if fate.begun else records.ROLLED_BACK
                await self._services.remember(fate, ended, fate.message)
            elif fate.state == RELEASED:
                # Nobody watched it to the end of its window: it is not on record as good, and the next run takes it up.
                fate.why = "it was not watched to the end; the next run takes it up"

    def _before(self, fate: Fate, fates: Sequence[Fate]) -> list[str]:
        """Who returns before a service: those that need it."""
        every, own = transitive(self._services.needs), rollout_key(fate.service.name)
        return [
            other.service.name
            for other in fates
            if other is not fate and own in every[rollout_key(other.service.name)]
        ]

    async def _unwell(self, fates: Sequence[Fate]) -> str:
        """Why services that returned are not well. All at once: who needs others is well when they are."""
        try:
            await self._services.well([fate.service for fate in fates])
        except KubeError as error:
            return str(error)
        return ""

    async def _told(self, fate: Fate, wrong: Mapping[str, str]) -> str:
        name = fate.service.name
        if fate.back is None:
            fate.state = STAYS
            await self._services.remember(fate, records.FAILED, fate.message)
            return f"{name} has nothing to go back to (its first release) and stays as it is"
        if name in wrong:
            fate.state = ROLLBACK_FAILED
            self._tell(name, f"could not be brought back to {fate.back.version}")
            return f"{name} COULD NOT be brought back to {fate.back.version}: {wrong[name].rstrip('.')}"
        fate.state = ROLLED_BACK
        await self._services.remember(fate, records.ROLLED_BACK, fate.message)
        self._tell(name, f"is back at {fate.back.version}")
        return f"{name} was brought back to {fate.back.version} and is well"
