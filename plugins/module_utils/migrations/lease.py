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
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, TypeVar

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds for which a holder that says nothing keeps it, and between two signs of life.
LENGTH = 15.0
RENEWAL = 4.0
#: Seconds after which a sign of life has to have been answered.
ANSWER = 5.0
#: Seconds between two looks at one that somebody else holds.
LOOK = 1.0
#: Seconds for which the API may be away from a run that is ``sure`` of its Lease before it begins anything: if it is
#: still ours afterwards, nobody else has had it.
AWAY = 180.0


Value = TypeVar("Value")


class Lease:
    """Use as ``async with Lease(...)``.

    Raises ``KubeError``: ``busy`` where somebody else holds it for longer than ``patience`` seconds and gives signs of
    life; one that was killed is waited out in any case. It is ``lost`` where somebody else has it, or nobody has
    answered for ``away`` seconds.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        patience: float,
        tell: Callable[[str], None],
        away: float = LENGTH,
    ) -> None:
        self._client = client
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace, self._name = namespace, name
        self._patience = patience
        self._tell = tell
        self._away = away
        self._me = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._renewing: asyncio.Task[None] | None = None
        self._signed = 0.0
        self.lost = asyncio.Event()

    async def __aenter__(self) -> Lease:
        beginning = time.monotonic()
        seen, since, alive, told = "", beginning, False, False
        while True:
            holder, version = await self._holder()
            now = time.monotonic()
            if version != seen:
                # What is seen first may be the last word of a run that was killed.
                seen, since, alive = version, now, bool(seen)
            elif now - since > RENEWAL + ANSWER:
                alive = False
            if holder == self._me:
                break  # the answer to the taking was lost
            if not holder or now - since > LENGTH:
                if await self._write(version):
                    break
                continue
            if alive and now - beginning >= self._patience:
                raise KubeError(
                    "busy",
                    f"Another run is at work in {self._namespace}: {holder} (Lease {self._name}). Wait for its end, or "
                    "let this one wait (other_run: wait).",
                )
            if not told:
                self._tell(f"waits for another run: {holder}")
                told = True
            await asyncio.sleep(LOOK)
        self._signed = time.monotonic()
        self._renewing = asyncio.ensure_future(self._renew())
        return self

    async def sure(self) -> None:
        """Wait until it is held for certain, as before something is begun."""
        while time.monotonic() - self._signed >= LENGTH:
            await asyncio.sleep(LOOK)

    async def __aexit__(self, *_error: object) -> None:
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        if not self.lost.is_set():
            # What was done stands also where nobody answers now; the Lease runs out by itself then.
            with suppress(KubeError, asyncio.TimeoutError):
                await asyncio.wait_for(self._free(), ANSWER)

    async def while_held(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do something; end it where the Lease is lost. Raises ``KubeError`` (``lost_lease``), and the work's."""
        working = asyncio.ensure_future(work)
        losing = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
        finally:
            losing.cancel()
            working.cancel()
            await asyncio.gather(working, losing, return_exceptions=True)
        raise KubeError(
            "lost_lease",
            f"The Lease {self._name} could not be renewed, so another run may be at work. What was begun goes on; run "
            "again to take it up.",
        )

    async def _holder(self) -> tuple[str, str]:
        """Who holds it, and the version of what says so; empty where there is none."""
        answer = await self._client.get(f"{self._leases}/{self._name}")
        if answer.status == 404:
            return "", ""
        if not answer.ok:
            raise KubeError("failed", f"Lease {self._name}: {answer.message}.")
        spec: Mapping[str, Any] = answer.body.get("spec") or {}
        return spec.get("holderIdentity") or "", answer.body["metadata"]["resourceVersion"]

    async def _free(self) -> None:
        holder, version = await self._holder()
        if holder == self._me:
            await self._write(version, free=True)

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
        """Give signs of life; ``lost`` is set where somebody else holds it, or nobody answered for too long."""
        away = False
        while time.monotonic() - self._signed < self._away:
            # Who waits is told soon that it goes on.
            await asyncio.sleep(LOOK if away else RENEWAL)
            try:
                if not await asyncio.wait_for(self._sign(), ANSWER):
                    break
            except (KubeError, asyncio.TimeoutError) as error:
                if not away:
                    why = str(error) or f"no answer within {ANSWER:g} s"
                    self._tell(f"waits for the API, up to {self._away:g} s: {why}")
                away = True
                continue
            if away:
                self._tell("the API answers again")
            away = False
        self.lost.set()

    async def _sign(self) -> bool:
        """Give one sign of life; false where it is not ours any more."""
        began = time.monotonic()
        holder, version = await self._holder()
        if holder == self._me and await self._write(version):
            self._signed = began
        return holder == self._me
