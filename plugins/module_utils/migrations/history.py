# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which migrations of which version have run: a ConfigMap that outlives the Jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
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
        """Add or replace one entry; others that are written at the same time stay."""
        data = {entry.key: json.dumps(asdict(entry), sort_keys=True)}
        metadata = {"name": NAME, "namespace": self._namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        answer = await self._client.send(
            "PATCH", f"{self._maps}/{NAME}", {"data": data}, "application/merge-patch+json"
        )
        if answer.status == 404:
            answer = await self._client.send("POST", self._maps, body, tries=1)
            if answer.status == 409:
                await self.write(entry)
                return
        if not answer.ok:
            raise KubeError("failed", f"ConfigMap {NAME} in {self._namespace}: {answer.message}.")

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
        status.get("completionTime", ""),
        migration.phase,
        reason,
    )
