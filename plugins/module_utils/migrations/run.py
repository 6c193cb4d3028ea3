# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run: refuse or decide, hold the Lease, work the graph off, write down what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    decide as decisions,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import Ended
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.gates import (
    wait as wait_for_gate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.history import (
    DONE,
    FAILED,
    Entry,
    History,
    entry,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.jobs import Jobs
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.lease import (
    AWAY,
    Lease,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    CONTRACT,
    Migration,
    Rollout,
    history_key,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    graph,
    open_gates,
    rollout_key,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.policy import (
    objections,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.rollouts import (
    Rollouts,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.tracker import (
    MigrationError,
    Tracker,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: Name of the Lease.
LEASE = "groundwork-migrations"


@dataclass(frozen=True)
class Wishes:
    """What the module was asked for. ``patience`` is how long to wait for another run, in seconds."""

    namespace: str
    decide: decisions.Options = field(default_factory=decisions.Options)
    patience: float = 0.0
    parallel: int = 64
    check: bool = False
    concurrency: int = 16
    timeout: float = 30.0


@dataclass
class Fate:
    """What became of one migration. ``gates`` are the seconds that its gates took.

    ``noted`` says that the history has it already, so that it is not written anew.
    """

    migration: Migration
    action: str
    why: str
    gates: float = 0.0
    job: Mapping[str, Any] | None = None
    failures: Sequence[Ended] = ()
    noted: bool = False


@dataclass(frozen=True)
class _There:
    """What a namespace has: the history by its keys, and Jobs by name."""

    history: Mapping[str, Entry]
    jobs: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Done:
    """All fates by service, and the graph's own report; ``None`` in check mode, where nothing ran.

    ``changed`` says of each rollout that has objects, by its service, whether they were or would be changed.
    """

    fates: Mapping[str, Fate]
    needs: Mapping[str, Sequence[str]]
    report: dag.Report[None] | None
    lost: bool = False
    changed: Mapping[str, bool] = field(default_factory=dict)


async def run(
    connection: Connection,
    migrations: Sequence[Migration],
    rollouts: Sequence[Rollout],
    wishes: Wishes,
    tell: Tell,
) -> Done:
    """Run migrations and rollouts. Raises ``KubeError`` where nothing may begin; failures are in the report."""
    needs = graph(migrations, rollouts)
    async with Client(connection, wishes.concurrency, wishes.timeout) as client:
        bringer = Rollouts(client, rollouts, wishes.check)
        work = Work(client, migrations, bringer, needs, wishes, tell)
        if wishes.check:
            await work.prepare()
            refuse(await bringer.trial())
            return Done(work.fates, needs, None, changed=bringer.changed)
        waits = partial(tell, "")
        async with Lease(client, wishes.namespace, LEASE, wishes.patience, waits, AWAY) as lease:
            # What another run did meanwhile counts.
            await work.prepare()
            client.patience = AWAY
            return replace(await work.go(lease), changed=bringer.changed)


def refuse(problems: Sequence[KubeError]) -> None:
    """Raise one ``KubeError`` of all problems, where there are some."""
    texts = [str(problem) for problem in problems]
    if not problems:
        return
    numbered = [f"{number}. {text}" for number, text in enumerate(texts, start=1)]
    whole = "\n".join([f"{len(texts)} problems:", *numbered]) if len(texts) > 1 else texts[0]
    raise KubeError(problems[0].reason, whole)


class Rolling(Protocol):
    """Who brings the rollouts of the graph: the objects alone, or with all that belongs to a release."""

    @property
    def all(self) -> Sequence[Rollout]:
        """The rollouts."""

    async def prepare(self) -> list[KubeError]:
        """Look at the cluster; return what refuses a rollout."""

    async def bring(self, rollout: Rollout, /) -> None:
        """Bring one, and wait until it is up. Raises ``KubeError``."""


class Work:
    """Migrations and rollouts of one run."""

    def __init__(
        self,
        client: Client,
        migrations: Sequence[Migration],
        rollouts: Rolling,
        needs: Mapping[str, Sequence[str]],
        wishes: Wishes,
        tell: Tell,
    ) -> None:
        self._client = client
        self._migrations = migrations
        self._rollouts = rollouts
        self._needs = needs
        self._wishes = wishes
        self._tell = tell
        self._jobs = Jobs(client)
        self._histories = {
            namespace: History(client, namespace)
            for namespace in sorted({migration.namespace for migration in migrations})
        }
        self.fates: dict[str, Fate] = {}

    async def prepare(self) -> None:
        """Decide about all migrations; refuse all that cannot be, at once. Raises ``KubeError``."""
        namespaces = list(self._histories)
        histories = await asyncio.gather(*(self._histories[name].read() for name in namespaces))
        jobs = await asyncio.gather(*map(self._jobs.all, namespaces))
        there = {name: _There(*both) for name, both in zip(namespaces, zip(histories, jobs))}
        found = await asyncio.gather(
            *(self._decide(each, there[each.namespace]) for each in self._migrations)
        )
        problems = [problem for each in found for problem in each]
        problems += await self._rollouts.prepare()
        refuse(problems)

    async def go(self, lease: Lease) -> Done:
        """Work the graph off; end early where the Lease is lost."""
        namespaces = self._histories
        async with Tracker(self._client, namespaces, self._tell) as tracker:
            nodes = [
                dag.Node(
                    each.service,
                    partial(self._migrate, each, tracker, lease),
                    self._needs[each.service],
                )
                for each in self._migrations
            ] + [
                dag.Node(key, partial(self._bring, rollout, lease), self._needs[key])
                for rollout in self._rollouts.all
                if (key := rollout_key(rollout.service))
            ]
            report = await lease.while_held(dag.run(nodes, self._wishes.parallel, self._changed))
        for result in report.results.values():
            if result.error is not None and not isinstance(result.error, KubeError):
                raise result.error
        return Done(self.fates, self._needs, report)

    async def _decide(self, migration: Migration, there: _There) -> list[KubeError]:
        live = there.jobs.get(migration.name)
        seen = there.history.get(history_key(migration.service, migration.version))
        try:
            action, why = decisions.decide(migration, live, seen, self._wishes.decide)
        except KubeError as error:
            return [error]
        noted = bool(seen and seen.state == DONE and seen.checksum == migration.checksum)
        self.fates[migration.service] = Fate(migration, action, why, job=live, noted=noted)
        if migration.phase == CONTRACT and action != decisions.SKIP:
            texts = await objections(self._client, migration)
            return [KubeError("consumers_need_it", f"{text}.") for text in texts]
        return []

    async def _migrate(self, migration: Migration, tracker: Tracker, lease: Lease) -> None:
        """Run one migration. Raises ``MigrationError``, ``KubeError``: ``gate_closed``, ``failed``."""
        fate = self.fates[migration.service]
        if fate.action == decisions.SKIP:
            if not fate.noted:
                await self._remember(migration, DONE, fate.job or {})
            return
        job = fate.job or {}
        if fate.action != decisions.AWAIT:
            await self._gates(fate)
            await lease.sure()
            if fate.action == decisions.REPLACE:
                await self._jobs.delete(migration)
            job = await self._jobs.create(migration)
        try:
            fate.job, fate.failures = await tracker.finished(job, migration.service)
        except MigrationError as error:
            fate.failures = error.failures
            if error.reason == "hopeless_pod":
                # Otherwise it would run as soon as its image is there, when nobody looks any more.
                await self._jobs.suspend(migration)
            await self._remember(migration, FAILED, {}, str(error))
            raise
        await self._remember(migration, DONE, fate.job)

    async def _bring(self, rollout: Rollout, lease: Lease) -> None:
        await lease.sure()
        await self._rollouts.bring(rollout)

    async def _gates(self, fate: Fate) -> None:
        gates = open_gates(fate.migration, self._rollouts.all)
        for gate in gates:
            self._tell(fate.migration.service, f"waits for {gate}")
        waits = (wait_for_gate(self._client, gate, fate.migration.namespace) for gate in gates)
        fate.gates = max(await asyncio.gather(*waits), default=0.0)

    async def _remember(
        self, migration: Migration, state: str, job: Mapping[str, Any], reason: str = ""
    ) -> None:
        if job or state == FAILED:
            history = self._histories[migration.namespace]
            await history.write(entry(migration, state, job, reason))

    def _changed(self, change: dag.Change) -> None:
        fate = self.fates.get(change.key)
        if fate and fate.action == decisions.SKIP:
            if change.state == dag.DONE:
                self._tell(change.key, f"skipped: {fate.why}")
            return
        self._tell(
            change.key, f"{change.state}{f', as {change.because} failed' if change.because else ''}"
        )
