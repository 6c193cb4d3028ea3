# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run at a time: a Lease that the run holds and renews.

As client-go's leader election does it (k8s.io/client-go/tools/leaderelection): the clocks of two machines are not
compared. A Lease is free where its holder let it go, or did not renew it for its length as seen from here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds for which a holder that says nothing keeps it, and between two signs of life.
LENGTH = 15.0
RENEWAL = 4.0
#: Seconds between two looks at one that somebody else holds.
LOOK = 1.0


class Lease:
    """Use as ``async with Lease(...)``.

    Raises ``KubeError``: ``busy`` where somebody else holds it for longer than ``patience`` seconds.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        patience: float,
        tell: Callable[[str], None],
    ) -> None:
        self._client = client
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace, self._name = namespace, name
        self._patience = patience
        self._tell = tell
        self._me = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._renewing: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()

    async def __aenter__(self) -> Lease:
        beginning = time.monotonic()
        seen, since, told = "", beginning, False
        while True:
            holder, version = await self._holder()
            now = time.monotonic()
            if version != seen:
                seen, since = version, now
            if holder == self._me:
                break  # the answer to the taking was lost
            if not holder or now - since > LENGTH:
                if await self._write(version):
                    break
                continue
            if now - beginning >= self._patience:
                raise KubeError(
                    "busy",
                    f"Another run is at work in {self._namespace}: {holder} (Lease {self._name}). Wait for its end, or "
                    "let this one wait (other_run: wait).",
                )
            if not told:
                self._tell(f"waits for another run: {holder}")
                told = True
            await asyncio.sleep(LOOK)
        self._renewing = asyncio.ensure_future(self._renew())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        if not self.lost.is_set():
            _holder, version = await self._holder()
            await self._write(version, free=True)

    async def _holder(self) -> tuple[str, str]:
        """Who holds it, and the version of what says so; empty where there is none."""
        answer = await self._client.get(f"{self._leases}/{self._name}")
        if answer.status == 404:
            return "", ""
        if not answer.ok:
            raise KubeError("failed", f"Lease {self._name}: {answer.message}.")
        spec: Mapping[str, Any] = answer.body.get("spec") or {}
        return spec.get("holderIdentity") or "", answer.body["metadata"]["resourceVersion"]

    async def _write(self, version: str, free: bool = False) -> bool:
        """Take it, keep it or let it go; false where somebody else was faster."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = {"name": self._name, "namespace": self._namespace}
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**metadata, "resourceVersion": version} if version else metadata,
            "spec": {
                "holderIdentity": None if free else self._me,
                "leaseDurationSeconds": int(LENGTH),
                "renewTime": now,
            },
        }
        if version:
            answer = await self._client.send("PUT", f"{self._leases}/{self._name}", body, tries=1)
        else:
            answer = await self._client.send("POST", self._leases, body, tries=1)
        if not answer.ok and answer.status != 409:
            raise KubeError("failed", f"Lease {self._name}: {answer.message}.")
        return answer.ok

    async def _renew(self) -> None:
        """Give signs of life; ``lost`` is set where that was not possible for the Lease's length."""
        last = time.monotonic()
        while time.monotonic() - last < LENGTH:
            await asyncio.sleep(RENEWAL)
            try:
                holder, version = await self._holder()
                if holder != self._me:
                    break
                if await self._write(version):
                    last = time.monotonic()
            except KubeError:
                continue
        self.lost.set()
