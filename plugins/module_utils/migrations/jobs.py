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

Body = Mapping[str, Any]

#: Seconds between two looks for a Job that is being deleted, and until that has taken too long.
PAUSE = 0.2
PATIENCE = 60.0


class Jobs:
    """Reads, makes and deletes Jobs. Raises ``KubeError`` (``failed``) in the API's own words."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def all(self, namespace: str) -> dict[str, Body]:
        """The Jobs of a namespace by name, whoever made them: one request, however many there are."""
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        answer = await self._client.get(path)
        if not answer.ok:
            raise KubeError("failed", f"listing {path}: {answer.message}.")
        return {body["metadata"]["name"]: body for body in answer.body["items"] or ()}

    async def create(self, migration: Migration) -> Body:
        """Make it, and return it as it is then. To be sent twice does no harm."""
        answer = await self._client.send(
            "PATCH",
            _path(migration),
            migration.job,
            "application/apply-patch+yaml",
            {"fieldManager": "groundwork"},
        )
        _expect(answer, migration)
        found: Body = answer.body
        return found

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
            answer = await self._client.get(_path(migration))
            if answer.status == 404:
                return
            _expect(answer, migration)
            await asyncio.sleep(PAUSE)
        raise KubeError(
            "failed", f"Job {migration.name} is still being deleted after {PATIENCE:g} s."
        )


def _path(migration: Migration) -> str:
    return f"/apis/batch/v1/namespaces/{migration.namespace}/jobs/{migration.name}"


def _expect(answer: Answer, migration: Migration) -> None:
    if not answer.ok:
        raise KubeError("failed", f"{migration.service}: Job {migration.name}: {answer.message}.")
