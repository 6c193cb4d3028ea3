# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read, change and watch an Application of Argo CD."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    Application,
    Body,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.follow import follow


async def get(client: Client, application: Application) -> Body:
    """Read it. Raises ``KubeError``: ``no_application``, ``failed``; those of the client."""
    answer = await client.get(application.path)
    if answer.status == 404:
        # What is not known at all is told in a text, an object that is missing in a Status.
        there = "the Application is" if isinstance(answer.body, dict) else "Argo CD's kinds are"
        raise KubeError(
            "no_application",
            f"{application}: {there} not there. Name an Application and its namespace as kubectl get applications -A "
            "lists them.",
        )
    if not answer.ok:
        raise KubeError("failed", f"{application}: {answer.message}.")
    body: Body = answer.body
    return body


async def patch(
    client: Client, application: Application, change: Mapping[str, Any], seen: Body | None = None
) -> Body | None:
    """Merge a change into it and return it; ``None`` where it is not any more what was ``seen``.

    Raises ``KubeError``: ``no_application``, ``failed``; those of the client.
    """
    wanted = dict(change)
    if seen is not None:
        version = seen["metadata"]["resourceVersion"]
        wanted["metadata"] = {**(change.get("metadata") or {}), "resourceVersion": version}
    answer = await client.send(
        "PATCH", application.path, wanted, "application/merge-patch+json", tries=_tries(seen)
    )
    if seen is not None and answer.status == 409:
        return None
    if answer.status == 404:
        await get(client, application)
    if not answer.ok:
        raise KubeError("failed", f"{application}: {answer.message}.")
    changed: Body = answer.body
    return changed


def _tries(seen: Body | None) -> int | None:
    """One where another try would meet the same conflict."""
    return None if seen is None else 1


class Watched:
    """The states of an Application, one after another; use as ``async with Watched(...)``."""

    def __init__(self, client: Client, application: Application) -> None:
        self._client = client
        self._application = application
        self._latest: Body | None = None
        self._gone = False
        self._floor = 0
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Watched:
        selector = f"metadata.name={self._application.name}"
        self._following = asyncio.ensure_future(
            follow(
                self._client,
                self._application.collection,
                self._look,
                self._lost,
                fieldSelector=selector,
            )
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def next(self, seconds: float) -> Body | None:
        """Wait for a state that has not been handed over yet; ``None`` after so many seconds.

        States that came and went meanwhile are left out. Raises ``KubeError``: ``no_application`` where it was deleted;
        those of the client.
        """
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait(
                {changed, self._following},
                timeout=max(0.0, seconds),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            changed.cancel()
        if self._following.done():
            self._following.result()
        if self._gone:
            raise KubeError(
                "no_application", f"{self._application} was deleted while it was awaited."
            )
        if not self._changed.is_set():
            return None
        self._changed.clear()
        return self._latest

    def after(self, changed: Body | None) -> None:
        """Hand over no state that is older than a change made meanwhile: it may be on its way still."""
        if changed is not None:
            self._floor = _version(changed)
            if self._latest is not None and _version(self._latest) < self._floor:
                self._changed.clear()

    def _look(self, body: Body) -> None:
        # Versions of one kind can be compared (https://kubernetes.io/docs/reference/using-api/api-concepts/).
        if _version(body) >= self._floor:
            self._latest = body
            self._changed.set()

    def _lost(self, _body: Body) -> None:
        self._gone = True
        self._changed.set()


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])
