# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A migration's Job in the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Migration

#: Seconds between two looks for a Job that is being deleted, and until that has taken too long.
PAUSE = 0.2
PATIENCE = 60.0


class Jobs:
    """Reads, makes and deletes Jobs. Raises ``KubeError`` (``failed``) in the API's own words."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, migration: Migration) -> Mapping[str, Any] | None:
        """The Job as it is, ``None`` where there is none."""
        answer = await self._client.get(_path(migration))
        if answer.status == 404:
            return None
        _expect(answer, migration)
        found: Mapping[str, Any] = answer.body
        return found

    async def create(self, migration: Migration) -> None:
        """Make it. To be sent twice does no harm."""
        answer = await self._client.send(
            "PATCH",
            _path(migration),
            migration.job,
            "application/apply-patch+yaml",
            {"fieldManager": "groundwork"},
        )
        _expect(answer, migration)

    async def suspend(self, migration: Migration) -> None:
        """End its pods, and keep it as the mark that it failed."""
        body = {"spec": {"suspend": True}}
        answer = await self._client.send(
            "PATCH", _path(migration), body, "application/merge-patch+json"
        )
        _expect(answer, migration)

    async def delete(self, migration: Migration) -> None:
        """Delete it with its pods, and wait until all are gone."""
        body = {"propagationPolicy": "Foreground"}
        answer = await self._client.send("DELETE", _path(migration), body)
        if answer.status != 404:
            _expect(answer, migration)
        for _look in range(int(PATIENCE / PAUSE)):
            if await self.get(migration) is None:
                return
            await asyncio.sleep(PAUSE)
        raise KubeError(
            "failed", f"Job {migration.name} is still being deleted after {PATIENCE:g} s."
        )


def _path(migration: Migration) -> str:
    return f"/apis/batch/v1/namespaces/{migration.namespace}/jobs/{migration.name}"


def _expect(answer: Answer, migration: Migration) -> None:
    if not answer.ok:
        raise KubeError("failed", f"{migration.service}: Job {migration.name}: {answer.message}.")
