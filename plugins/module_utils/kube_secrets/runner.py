# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole run: look, refuse or write, have sealed values opened, restart what uses changed ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    MERGE,
    METADATA,
    Outcome,
    apply,
    trial,
    untried,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Key,
    Manifest,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import compare
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Item, plan
from ansible_collections.groundwork.platform.plugins.module_utils.kube.prune import prune, surplus
from ansible_collections.groundwork.platform.plugins.module_utils.kube.wait import until_ready
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets import (
    files,
    restarting,
    workloads,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.live import (
    MANAGED,
    Target,
    hands_over,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    KINDS,
    SEALED,
    SECRET,
    Described,
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.prepare import (
    Preparation,
    Prepared,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.settings import (
    RefusedError,
    Report,
    Settings,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.values import problem
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.wanted import (
    Wanted,
    want,
    without_change,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem

#: Seconds after which the sealed-secrets controller's no is its last word: its retries are over within one.
LAST_WORD = 5.0


def run(
    connection: Connection,
    described: list[Described],
    problems: list[Problem],
    settings: Settings,
) -> Report:
    """Bring the secrets of a cluster to what is described. ``problems`` are those of the description.

    Raises ``RefusedError`` and ``KubeError`` where nothing was changed; what failed later is in the report.
    """
    return asyncio.run(_run(connection, described, problems, settings))


async def _run(
    connection: Connection,
    described: list[Described],
    problems: list[Problem],
    settings: Settings,
) -> Report:
    report = Report()
    async with Client(connection, settings.concurrency, settings.timeout) as client:
        prepared = await Preparation(client, described, problems, settings, report).run()
        wanted = _wanted(prepared)
        await _Writing(client, prepared, wanted, settings, report).run()
    return report


def _wanted(prepared: Prepared) -> list[Wanted]:
    found, problems, since = [], [], workloads.now()
    for target, live in prepared.there.items():
        try:
            found.append(want(target, live, prepared.contents[target], prepared.tools, since))
        except MissingError as error:
            problems.append(problem(target.described, "", error))
    if problems:
        raise RefusedError(problems)
    return found


class _Writing:
    """From the first change on. What fails keeps what comes after it from being done, and the next run goes on."""

    def __init__(
        self,
        client: Client,
        prepared: Prepared,
        wanted: Sequence[Wanted],
        settings: Settings,
        report: Report,
    ) -> None:
        self._client = client
        self._prepared = prepared
        self._filed = [one for one in wanted if one.target.described.form != SECRET]
        # What somebody else applies, out of its file, is only filed here.
        self._wanted = [one for one in wanted if not settings.git_only or one not in self._filed]
        self._settings = settings
        self._options = settings.options
        self._report = report

    async def run(self) -> None:
        """Raises ``KubeError`` as long as nothing was written; then it is in the report."""
        try:
            await self._write()
        except KubeError as error:
            if not self._report.outcomes:
                raise
            self._report.error = error

    async def _write(self) -> None:
        await self._find_restarts()
        items = self._items([one.marked for one in self._wanted])
        await self._hand_over()
        await self._apply(items)
        self._write_files()
        if self._whole():
            await self._opened(items)
        if self._whole():
            await self._restart()
        if self._whole() and self._settings.prune:
            await self._prune()

    def _whole(self) -> bool:
        return not any(outcome.action == FAILED for outcome in self._report.outcomes)

    async def _find_restarts(self) -> None:
        """Find what restarts before anything is written; what nobody uses needs no note."""
        changes = [one.change for one in self._wanted if one.change]
        if self._settings.standby or not self._settings.restart:
            changes = []
        found = await restarting.find(self._client, changes)
        used = {(restart.namespace, name) for restart in found for name in restart.secrets}
        self._wanted = [
            one
            if (one.target.namespace, one.target.described.name) in used
            else without_change(one)
            for one in self._wanted
        ]
        self._report.restarts = found
        self._report.resumed = any(restart.done for restart in found)
        self._report.keys = {one.target.key: one.keys for one in self._wanted if one.keys}
        for restart in found:
            if restart.held:
                self._report.warnings.append(f"{restart}: {restart.held}.")

    def _items(self, bodies: Sequence[Mapping[str, Any]]) -> dict[Target, Item]:
        """An item for each secret, in their order."""
        sources = [one.target.described.where() for one in self._wanted]
        planned = plan(
            [Manifest(body, source) for body, source in zip(bodies, sources)],
            self._prepared.catalogue,
            "default",
            self._settings.inventory,
        )
        by_key = {item.key: item for item in planned.items}
        return {one.target: by_key[one.target.key] for one in self._wanted}

    async def _hand_over(self) -> None:
        """Let the sealed-secrets controller take over what was written as a Secret before."""
        ours = [
            target
            for target, live in self._prepared.there.items()
            if hands_over(target, live) and not self._options.check
        ]
        patch = {"metadata": {"annotations": {MANAGED: "true"}}}
        for target in ours:
            path = f"/api/v1/namespaces/{target.namespace}/secrets/{target.described.name}"
            query = {"fieldManager": self._options.manager}
            answer = await self._client.send("PATCH", path, patch, MERGE, query, METADATA)
            if not answer.ok:
                raise KubeError(
                    "failed", f"handing over the Secret {target.where}: {answer.message}."
                )

    async def _apply(self, items: Mapping[Target, Item]) -> None:
        outcomes = await asyncio.gather(
            *(self._apply_one(target, item) for target, item in items.items())
        )
        self._report.outcomes += outcomes

    async def _apply_one(self, target: Target, item: Item) -> Outcome:
        if self._options.check and target.described.form in self._prepared.no_kind:
            return untried(item)
        if self._options.check and target.namespace in self._prepared.no_namespace:
            return await trial(self._client, item, self._options)
        own = self._prepared.there[target].own
        found = compare(item, own, self._options.manager) if own is not None else None
        return await apply(self._client, item, found, self._options)

    def _write_files(self) -> None:
        folder = self._settings.files_dir
        failed = {outcome.key for outcome in self._report.outcomes if outcome.action == FAILED}
        for one in self._filed if folder else ():
            if folder and one.target.key not in failed:
                written = files.write(folder, one.body, self._options.check)
                self._report.files.update({written: one.keys} if written else {})

    async def _opened(self, items: Mapping[Target, Item]) -> None:
        """Wait until the controller has opened what is sealed: only then do restarted pods read it."""
        if self._options.check or self._settings.standby:
            return
        sealed = [item for target, item in items.items() if target.described.form == SEALED]
        conditions = {KINDS[SEALED].name: "Synced"}
        late = await until_ready(self._client, sealed, conditions, LAST_WORD)
        refused = {key: text for key, text in late.items() if text.startswith("Synced:")}
        if late and not refused:
            patience = self._settings.wait_timeout
            late = await until_ready(self._client, sealed, conditions, patience)
        self._fail(
            refused or late,
            "is not opened by the sealed-secrets controller",
            "Restarts wait for the next run",
        )

    def _fail(self, late: Mapping[Key, str], what: str, then: str) -> None:
        self._report.outcomes = [
            replace(
                outcome,
                action=FAILED,
                reason="not_ready",
                message=f"{outcome.key} {what}: {late[outcome.key]}. {then}.",
            )
            if outcome.key in late
            else outcome
            for outcome in self._report.outcomes
        ]

    async def _restart(self) -> None:
        wrong = await restarting.restart_all(
            self._client, self._report.restarts, self._options, self._settings.wait_timeout
        )
        self._report.outcomes += wrong
        marked = [one for one in self._wanted if one.change]
        if wrong or self._options.check or not marked:
            return
        items = self._items([one.body for one in self._wanted])
        answers = await asyncio.gather(
            *(apply(self._client, items[one.target], None, self._options) for one in marked)
        )
        self._report.outcomes += [answer for answer in answers if answer.action == FAILED]

    async def _prune(self) -> None:
        targets = self._prepared.there
        kept = [target.key for target in targets]
        # A Secret that another hand writes now, or will, is not left over.
        kept += [
            target.secret_key
            for target in targets
            if target.described.form == SEALED or target.described.sync
        ]
        catalogue, inventories = self._prepared.catalogue, (self._settings.inventory,)
        left_over = await surplus(self._client, catalogue, inventories, kept, ())
        self._report.outcomes += await prune(self._client, left_over, self._options)
