# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole run: look, refuse or apply wave by wave, wait, prune; one result for all objects."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import Found, observe
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    DEFINITION,
    Item,
    plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.preflight import check
from ansible_collections.groundwork.platform.plugins.module_utils.kube.prune import prune, surplus
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import says_nothing
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
    expected: Sequence[str] = ()
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
        inventories = (wishes.inventory,) if wishes.inventory else ()
        world = await observe(client, wanted, options.manager, inventories)
        expected = frozenset(wishes.expected if options.check else ())
        check(wanted, world.with_namespaces(expected))
        coming = (
            frozenset()
            if world.phases is None
            else (wanted.namespaces | expected) - world.phases.keys()
        )
        waves = Waves(client, world.found, coming, wishes.standby)
        outcomes = await waves.apply(wanted.items, options)
        if wishes.wait and not options.check:
            outcomes = await waves.settled(
                outcomes, wanted.items, wishes.wait_conditions, wishes.wait_timeout
            )
        whole = not any(outcome.action in (FAILED, SKIPPED) for outcome in outcomes.values())
        results = list(outcomes.values())
        if wishes.prune and inventories and whole:
            gone = await surplus(
                client, catalogue, inventories, outcomes.keys(), wishes.prune_kinds
            )
            results += await prune(client, gone, options)
        return results


class Waves:
    """Waves in their order; what needs something that failed is left out and says so.

    ``coming`` are namespaces that an object of the same run brings, or in check mode an earlier step.
    """

    def __init__(
        self,
        client: Client,
        found: Mapping[Key, Found],
        coming: Collection[str],
        standby: bool,
    ) -> None:
        self._client = client
        self.found = found
        self._coming = coming
        self._standby = standby
        self._missing: set[str] = set()

    async def apply(self, items: Sequence[Item], options: Options) -> dict[Key, Outcome]:
        """Apply objects; their outcomes, in their order. Raises those of the client."""
        waves: dict[int, list[Item]] = {}
        for item in items:
            waves.setdefault(self._wave(item), []).append(item)
        outcomes: dict[Key, Outcome] = {}
        for _number, wave in sorted(waves.items()):
            done = await asyncio.gather(*(self._one(item, options) for item in wave))
            outcomes.update({outcome.key: outcome for outcome in done})
            await self._settle(wave, outcomes, options)
        return {item.key: outcomes[item.key] for item in items}

    async def settled(
        self,
        outcomes: Mapping[Key, Outcome],
        items: Sequence[Item],
        conditions: Mapping[str, str],
        timeout: float,
    ) -> dict[Key, Outcome]:
        """Wait for what was applied; what is not ready after ``timeout`` seconds has failed."""
        there = [
            item
            for item in items
            if outcomes[item.key].action not in (FAILED, SKIPPED)
            and not (self._standby and needs_nodes(item.key))
            and (item.key.kind in conditions or not says_nothing(item.key.group, item.key.kind))
        ]
        late = await until_ready(self._client, there, conditions, timeout)
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

    def _wave(self, item: Item) -> int:
        """Webhooks that are there and without their pods now would stop all that comes before them."""
        urgent = self._standby and item.key in self.found and blocks(item.key)
        return -1 if urgent else item.wave

    async def _one(self, item: Item, options: Options) -> Outcome:
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
        if options.check and item.defined_by:
            return untried(item)
        if options.check and item.key.namespace in self._coming:
            return await trial(self._client, item, options)
        return await apply(self._client, item, self.found.get(item.key), options)

    async def _settle(
        self, items: Sequence[Item], outcomes: Mapping[Key, Outcome], options: Options
    ) -> None:
        """Definitions that were just made serve their kinds a moment later."""
        definitions = [item for item in items if item.key.kind == DEFINITION]
        made = [item for item in definitions if outcomes[item.key].changed]
        late: dict[Key, str] = {}
        if made and not options.check:
            late = await until_ready(self._client, made, {}, SETTLING)
        for item in items:
            if outcomes[item.key].action == FAILED or item.key in late:
                self._missing.add(f"{item.key.kind} {item.key.name}")


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
