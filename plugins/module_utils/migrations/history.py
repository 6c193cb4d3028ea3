# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which migrations of which version have run: a ConfigMap that outlives the Jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import (
    completed,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    EXPAND,
    Migration,
    history_key,
)

#: Name of the ConfigMap.
NAME = "migration-history"
DONE, FAILED, RUNNING = "done", "failed", "running"


@dataclass(frozen=True)
class Entry:
    """How one migration ended. Times are those of the cluster, as it writes them."""

    service: str
    version: str
    state: str
    checksum: str
    job: str
    started: str = ""
    finished: str = ""
    phase: str = EXPAND
    reason: str = ""

    @property
    def key(self) -> str:
        """Its key in the ConfigMap."""
        return history_key(self.service, self.version)


class History:
    """The history of a namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._maps = f"/api/v1/namespaces/{namespace}/configmaps"
        self._new: dict[str, Entry] = {}
        self._writing = asyncio.Lock()

    async def read(self) -> dict[str, Entry]:
        """All entries by key. Raises ``KubeError`` (``failed``, ``bad_history``)."""
        answer = await self._client.get(f"{self._maps}/{NAME}")
        if answer.status == 404:
            return {}
        if not answer.ok:
            raise KubeError("failed", f"ConfigMap {NAME} in {self._namespace}: {answer.message}.")
        return {
            key: self._entry(key, text) for key, text in (answer.body.get("data") or {}).items()
        }

    async def write(self, entry: Entry) -> None:
        """Add or replace one entry; others stay. Those that come while one is being written are written together.

        Returns when it is written. Raises ``KubeError`` (``failed``).
        """
        self._new[entry.key] = entry
        async with self._writing:
            # Whoever had the turn before may have taken this one along.
            if self._new.get(entry.key) is entry:
                await self._merge(dict(self._new))

    async def _merge(self, entries: Mapping[str, Entry]) -> None:
        data = {key: json.dumps(asdict(each), sort_keys=True) for key, each in entries.items()}
        metadata = {"name": NAME, "namespace": self._namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        answer = await self._client.send(
            "PATCH", f"{self._maps}/{NAME}", {"data": data}, "application/merge-patch+json"
        )
        if answer.status == 404:
            answer = await self._client.send("POST", self._maps, body)
            if answer.status == 409:
                await self._merge(entries)
                return
        if not answer.ok:
            raise KubeError("failed", f"ConfigMap {NAME} in {self._namespace}: {answer.message}.")
        for key, each in entries.items():
            if self._new.get(key) is each:
                del self._new[key]

    def _entry(self, key: str, text: str) -> Entry:
        try:
            return Entry(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise KubeError(
                "bad_history",
                f"ConfigMap {NAME} in {self._namespace}: {key} is no entry ({error}). Remove or mend it.",
            ) from error


def entry(migration: Migration, state: str, job: Mapping[str, Any], reason: str = "") -> Entry:
    """The entry of a migration that ended."""
    status = job.get("status") or {}
    return Entry(
        migration.service,
        migration.version,
        state,
        migration.checksum,
        migration.name,
        status.get("startTime", ""),
        completed(job),
        migration.phase,
        reason,
    )
