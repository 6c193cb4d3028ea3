# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Components on their way into the cluster: side by side, awaited, verified, then pruned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.components.hooks import stages
from ansible_collections.groundwork.platform.plugins.module_utils.components.look import (
    Cluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    PATIENCE,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.parts import (
    Part,
    needs,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    SKIPPED,
    Options,
    Outcome,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.bulk import told
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import discover
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    DEFINITION,
    Item,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.prune import prune, surplus
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import Waves
from ansible_collections.groundwork.platform.plugins.module_utils.kube.standby import (
    blocks,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell


@dataclass(frozen=True)
class Wishes:
    """What the module was asked for besides ``Options``. Times are seconds.

    ``expected`` are namespaces that an earlier step brings: in check mode they may be missing still.
    """

    helm: str | None = None
    cache: str = ""
    parallel: int = 8
    prune: bool = True
    prune_kinds: Sequence[str] = ()
    standby: bool = False
    expected: Collection[str] = ()
    concurrency: int = 16
    timeout: float = 30.0
    tell: Tell = lambda _name, _text: None


@dataclass
class Fate:
    """What became of a component that was ours to install."""

    part: Part
    needs: Sequence[str]
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    pruned: list[Outcome] = field(default_factory=list)
    result: dag.Result[None] | None = None

    @property
    def broken(self) -> list[Outcome]:
        """Objects that are not as they should be, first those that failed themselves."""
        found = [*self.outcomes.values(), *self.pruned]
        return [
            outcome for action in (FAILED, SKIPPED) for outcome in found if outcome.action == action
        ]


@dataclass(frozen=True)
class Done:
    """All fates, in the order of the components, how long it took, and what went wrong afterwards."""

    fates: Mapping[str, Fate]
    makespan: float
    critical_path: tuple[str, ...]
    critical_seconds: float
    problem: str = ""


class Run:
    """Parts on their way into the cluster: ``install``, then ``prune``."""

    def __init__(
        self,
        client: Client,
        parts: Sequence[Part],
        waves: Waves,
        options: Options,
        wishes: Wishes,
    ) -> None:
        self._client = client
        self._waves = waves
        self._options = options
        self._wishes = wishes
        self._needs = needs(parts)
        self._fates = {part.name: Fate(part, self._needs[part.name]) for part in parts}

    async def install(self) -> Done:
        """Install all of them; what failed is told by their fates."""
        nodes = [
            dag.Node(name, partial(self._one, fate), fate.needs)
            for name, fate in self._fates.items()
        ]
        if self._wishes.standby:
            await self._unblock()
        report = await dag.run(nodes, self._wishes.parallel, self._changed)
        for name, result in report.results.items():
            if result.error is not None and not isinstance(result.error, KubeError):
                raise result.error
            self._fates[name].result = result
        return Done(self._fates, report.makespan, report.critical_path, report.critical_seconds)

    def _changed(self, change: dag.Change) -> None:
        because = f", as {change.because} failed" if change.because else ""
        self._wishes.tell(change.key, f"{change.state}{because}")

    async def prune(self, cluster: Cluster) -> None:
        """Delete what the components that went well do not have any more."""
        well = {
            fate.part.component.inventory: fate
            for fate in self._fates.values()
            if fate.result and fate.result.state == dag.DONE
        }
        if not well:
            return
        catalogue = cluster.catalogue
        if not self._options.check and self._defined_anew():
            catalogue = await discover(self._client)
        wanted = {item.key for fate in self._fates.values() for item in fate.part.items}
        gone = await surplus(self._client, catalogue, well.keys(), wanted, self._wishes.prune_kinds)
        outcomes = await prune(self._client, gone, self._options)
        owners = {entry.key: well[entry.inventory] for entry in gone}
        for outcome in outcomes:
            owners[outcome.key].pruned.append(outcome)

    async def _unblock(self) -> None:
        """Webhooks that are there and without their pods now would stop what others apply: they go first."""
        for fate in self._fates.values():
            items = [
                item
                for item in fate.part.items
                if blocks(item.key) and item.key in self._waves.found
            ]
            fate.outcomes.update(await self._waves.apply(items, self._options))

    def _defined_anew(self) -> bool:
        return any(
            outcome.changed and key.kind == DEFINITION
            for fate in self._fates.values()
            for key, outcome in fate.outcomes.items()
        )

    async def _one(self, fate: Fate) -> None:
        """Install one component. Raises ``KubeError``: ``objects``, ``not_verified``, those of the client."""
        for stage in stages(fate.part.items):
            items = [item for item in stage.items if item.key not in fate.outcomes]
            if fate.broken:
                fate.outcomes.update(_left_out(items))
                continue
            # As Helm does before it makes a hook.
            options = replace(self._options, replace=True) if stage.hooks else self._options
            outcomes = await self._waves.apply(items, options)
            timeout = fate.part.component.timeout
            if not self._options.check and (timeout or stage.hooks):
                outcomes = await self._waves.settled(
                    outcomes,
                    items,
                    fate.part.component.conditions,
                    timeout or PATIENCE,
                )
            fate.outcomes.update(outcomes)
        if fate.broken:
            raise KubeError("objects", told(fate.broken, len(fate.part.items)))
        # In standby nothing runs that could be verified.
        if not self._options.check and not self._wishes.standby:
            await self._verify(fate.part)

    async def _verify(self, part: Part) -> None:
        timeout = part.component.timeout or PATIENCE
        failing = await part.checks.failing(self._client, self._options.manager, timeout)
        if failing:
            raise KubeError("not_verified", f"{'; '.join(failing)}.")


def _left_out(items: Sequence[Item]) -> dict[Key, Outcome]:
    return {
        item.key: Outcome(
            item.key,
            item.manifest.source,
            SKIPPED,
            "needs",
            f"{item.key} ({item.manifest.source}) was left out, as what comes before it failed.",
        )
        for item in items
    }
