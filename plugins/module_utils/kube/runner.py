# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole run: look, refuse or apply wave by wave, wait, prune; one result for all objects."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    CREATED,
    FAILED,
    PRUNED,
    REPLACED,
    SKIPPED,
    UNCHANGED,
    UPDATED,
    Options,
    Outcome,
    apply,
    trial,
    untried,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import discover
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import World, observe
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    DEFINITION,
    Item,
    Plan,
    plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.preflight import check
from ansible_collections.groundwork.platform.plugins.module_utils.kube.prune import prune
from ansible_collections.groundwork.platform.plugins.module_utils.kube.standby import (
    blocks,
    needs_nodes,
    resting,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.wait import until_ready

#: Seconds within which a definition or a namespace has to be there for what needs it.
SETTLING = 30.0
_COUNTED = (CREATED, UPDATED, UNCHANGED, REPLACED, PRUNED, FAILED, SKIPPED)


@dataclass(frozen=True)
class Wishes:
    """What the module was asked for besides ``Options``. Times are seconds."""

    namespace: str
    inventory: str | None = None
    prune: bool = False
    prune_kinds: Sequence[str] = ()
    wait: bool = False
    wait_conditions: Mapping[str, str] = field(default_factory=dict)
    wait_timeout: float = 300.0
    standby: bool = False
    concurrency: int = 16
    timeout: float = 30.0


def run(
    connection: Connection, manifests: Sequence[Manifest], options: Options, wishes: Wishes
) -> list[Outcome]:
    """Apply manifests; one outcome for each object, in their order. Raises ``KubeError`` where nothing can go on."""
    return asyncio.run(_run(connection, manifests, options, wishes))


async def _run(
    connection: Connection, manifests: Sequence[Manifest], options: Options, wishes: Wishes
) -> list[Outcome]:
    async with Client(connection, wishes.concurrency, wishes.timeout) as client:
        catalogue = await discover(client)
        if wishes.standby:
            manifests = list(map(resting, manifests))
        wanted = plan(manifests, catalogue, wishes.namespace, wishes.inventory)
        world = await observe(client, wanted, options.manager, wishes.inventory)
        check(wanted, world)
        outcomes = await _Waves(client, wanted, world, options, wishes.standby).apply()
        if wishes.wait and not options.check:
            outcomes = await _wait(client, wanted, outcomes, wishes)
        whole = not any(outcome.action in (FAILED, SKIPPED) for outcome in outcomes.values())
        results = list(outcomes.values())
        if wishes.prune and wishes.inventory and whole:
            results += await prune(
                client, catalogue, wishes.inventory, outcomes.keys(), wishes.prune_kinds, options
            )
        return results


class _Waves:
    """Waves in their order; what needs something that failed is left out and says so."""

    def __init__(
        self,
        client: Client,
        wanted: Plan,
        world: World,
        options: Options,
        standby: bool,
    ) -> None:
        self._client = client
        self._plan = wanted
        self._found = world.found
        self._options = options
        self._standby = standby
        self._coming = (
            frozenset() if world.phases is None else wanted.namespaces - world.phases.keys()
        )
        self._missing: set[str] = set()
        self.outcomes: dict[Key, Outcome] = {}

    async def apply(self) -> dict[Key, Outcome]:
        waves: dict[int, list[Item]] = {}
        for item in self._plan.items:
            waves.setdefault(self._wave(item), []).append(item)
        for _number, items in sorted(waves.items()):
            done = await asyncio.gather(*map(self._one, items))
            self.outcomes.update({outcome.key: outcome for outcome in done})
            await self._settle(items)
        return {item.key: self.outcomes[item.key] for item in self._plan.items}

    def _wave(self, item: Item) -> int:
        """Webhooks that are there and without their pods now would stop all that comes before them."""
        urgent = self._standby and item.key in self._found and blocks(item.key)
        return -1 if urgent else item.wave

    async def _one(self, item: Item) -> Outcome:
        needs = [f"Namespace {item.key.namespace}", f"{DEFINITION} {item.defined_by}"]
        for need in needs:
            if need in self._missing:
                return Outcome(
                    item.key,
                    item.manifest.source,
                    SKIPPED,
                    "needs",
                    f"{item.key} ({item.manifest.source}) was left out, as it needs {need}.",
                )
        if self._options.check and item.defined_by:
            return untried(item)
        if self._options.check and item.key.namespace in self._coming:
            return await trial(self._client, item, self._options)
        return await apply(self._client, item, self._found.get(item.key), self._options)

    async def _settle(self, items: Sequence[Item]) -> None:
        """Definitions that were just made serve their kinds a moment later."""
        definitions = [item for item in items if item.key.kind == DEFINITION]
        made = [item for item in definitions if self.outcomes[item.key].changed]
        late: dict[Key, str] = {}
        if made and not self._options.check:
            late = await until_ready(self._client, made, {}, SETTLING)
        for item in items:
            if self.outcomes[item.key].action == FAILED or item.key in late:
                self._missing.add(f"{item.key.kind} {item.key.name}")


async def _wait(
    client: Client, wanted: Plan, outcomes: Mapping[Key, Outcome], wishes: Wishes
) -> dict[Key, Outcome]:
    there = [
        item
        for item in wanted.items
        if outcomes[item.key].action not in (FAILED, SKIPPED)
        and not (wishes.standby and needs_nodes(item.key))
    ]
    late = await until_ready(client, there, wishes.wait_conditions, wishes.wait_timeout)
    return {
        key: replace(
            outcome,
            action=FAILED,
            reason="not_ready",
            message=f"{key} is not ready: {late[key]}.",
        )
        if key in late
        else outcome
        for key, outcome in outcomes.items()
    }


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What the module returns of all objects."""
    counts = Counter(outcome.action for outcome in outcomes)
    return {
        "counts": {action: counts[action] for action in _COUNTED},
        "results": [_shown(outcome) for outcome in outcomes],
        "changed": any(outcome.changed for outcome in outcomes),
        "diff": [dict(outcome.diff) for outcome in outcomes if outcome.diff],
    }


def _shown(outcome: Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": outcome.key.kind,
        "group": outcome.key.group,
        "namespace": outcome.key.namespace,
        "name": outcome.key.name,
        "action": outcome.action,
        "source": outcome.source,
    }
    for name in ("reason", "message", "changes", "drift", "warnings"):
        value = getattr(outcome, name)
        if value:
            shown[name] = list(value) if isinstance(value, tuple) else value
    if not outcome.tried:
        shown["tried"] = False
    return shown
