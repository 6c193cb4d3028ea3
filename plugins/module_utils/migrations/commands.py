# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Migrations that are commands on the host that the module runs on: the same graph and decisions, a file as history."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    decide as decisions,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import Ended
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.file_history import (
    FileHistory,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.history import (
    DONE,
    FAILED,
    RUNNING,
    Entry,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Migration
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import graph
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import (
    Done,
    Fate,
    Wishes,
    refuse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.tracker import (
    MigrationError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: Exit code of what could not be run, as a shell has it for a program that is not there.
CANNOT_RUN = 127


async def run(
    migrations: Sequence[Migration], history: FileHistory, wishes: Wishes, tell: Tell
) -> Done:
    """Run commands in the order of their needs. Raises ``KubeError`` where nothing may begin."""
    needs = graph(migrations, [])
    async with history.held(0.0 if wishes.check else wishes.patience, partial(tell, "")):
        fates, problems = {}, []
        for each in migrations:
            try:
                fates[each.service] = _decided(each, history, wishes.decide)
            except KubeError as error:
                problems.append(error)
        refuse(problems)
        if wishes.check:
            return Done(fates, needs, None)
        work = {name: partial(_perform, fate, history, tell) for name, fate in fates.items()}
        nodes = [dag.Node(name, work[name], needs[name]) for name in fates]
        report = await dag.run(nodes, wishes.parallel, partial(_changed, fates, tell))
    for result in report.results.values():
        if result.error is not None and not isinstance(result.error, KubeError):
            raise result.error
    return Done(fates, needs, report)


def _decided(migration: Migration, history: FileHistory, options: decisions.Options) -> Fate:
    known = history.get(migration)
    # What says that it runs is a run that was killed, as this one holds the history now.
    if known and known.state != DONE and not options.retry_failed:
        why = known.reason if known.state == FAILED else "its run was cut short"
        raise KubeError(
            "failed_before",
            f"{migration.service}: version {migration.version} failed before ({why.rstrip('.')}). See what it left, "
            "then run again with retry_failed.",
        )
    return Fate(migration, *decisions.decide(migration, None, known, options))


async def _perform(fate: Fate, history: FileHistory, tell: Tell) -> None:
    """Run one command, as often as it may. Raises ``MigrationError`` (``command_failed``)."""
    migration = fate.migration
    if fate.action == decisions.SKIP:
        return
    began, failures = _now(), []
    history.write(_entry(migration, RUNNING, began))
    for _attempt in range(int(migration.job["spec"]["backoffLimit"]) + 1):
        end = await _once(migration, history)
        if end is None:
            history.write(_entry(migration, DONE, began))
            return
        failures.append(end)
        fate.failures = tuple(failures)
        tell(migration.service, str(end))
    text = f"{failures[-1]}"
    history.write(_entry(migration, FAILED, began, text))
    raise MigrationError("command_failed", text, failures)


async def _once(migration: Migration, history: FileHistory) -> Ended | None:
    """Run a command to its end; how it ended badly, or ``None``. At its deadline it is ended with all that it began."""
    spec = migration.job["spec"]
    try:
        process = await asyncio.create_subprocess_exec(
            *spec["command"],
            env={**os.environ, **spec["environment"]},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            pass_fds=history.shared,
        )
    except OSError as error:
        return _ended(migration, "CannotRun", CANNOT_RUN, str(error))
    history.begun(migration.service, process.pid)
    try:
        return await _end(migration, process)
    finally:
        history.ended(migration.service)


async def _end(migration: Migration, process: asyncio.subprocess.Process) -> Ended | None:
    reason = "Error"
    reading = asyncio.ensure_future(process.communicate())
    try:
        await asyncio.wait_for(asyncio.shield(reading), migration.deadline)
    except asyncio.TimeoutError:
        reason = "DeadlineExceeded"
    finally:
        if not reading.done():
            os.killpg(process.pid, signal.SIGKILL)
    output, _none = await reading
    code = process.returncode or 0
    if code == 0 and reason == "Error":
        return None
    return _ended(migration, reason, code, output.decode(errors="replace"))


def _ended(migration: Migration, reason: str, code: int, log: str) -> Ended:
    return Ended(socket.gethostname(), migration.service, reason, code).with_log(log)


def _entry(migration: Migration, state: str, began: str, reason: str = "") -> Entry:
    return Entry(
        migration.service,
        migration.version,
        state,
        migration.checksum,
        migration.name,
        began,
        _now(),
        migration.phase,
        reason,
    )


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _changed(fates: dict[str, Fate], tell: Tell, change: dag.Change) -> None:
    fate = fates[change.key]
    if fate.action == decisions.SKIP:
        if change.state == dag.DONE:
            tell(change.key, f"skipped: {fate.why}")
        return
    tell(change.key, f"{change.state}{f', as {change.because} failed' if change.because else ''}")
