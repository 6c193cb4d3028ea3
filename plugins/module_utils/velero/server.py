# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Velero as its API has it: objects that ask it, and files in its store."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.velero.contents import unpack

try:
    import aiohttp
    from yarl import URL
except ImportError:  # the client has told of it
    pass

PAUSE = 0.2
#: Seconds for one file of the store.
DOWNLOAD = 60.0
_PLURALS = {"Backup": "backups", "Restore": "restores"}


class Velero:
    """The Velero of one namespace. ``patience`` is how long it may take to answer, in seconds."""

    def __init__(self, client: Client, namespace: str, patience: float) -> None:
        self._client = client
        self._namespace = namespace
        self._patience = patience

    async def get(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """A Backup or a Restore, ``None`` where there is none. Raises ``KubeError`` (``no_velero``)."""
        answer = await self._client.get(f"{self._path(_PLURALS[kind])}/{name}")
        if answer.ok:
            body: Mapping[str, Any] = answer.body
            return body
        # Without its kind there is no such path, and the API answers with a text.
        if answer.status == 404 and answer.reason == "NotFound" and _names(answer, name):
            return None
        raise _refused(answer)

    async def version(self) -> str:
        """Which Velero answers. Raises ``KubeError``: ``no_velero``, ``no_answer``."""
        status = await self._answered("serverstatusrequests", "ServerStatusRequest", {})
        if not status:
            raise KubeError(
                "no_answer",
                f"Velero in namespace {self._namespace} has not answered within {self._patience:g} s: does it run? "
                f"Look at kubectl -n {self._namespace} logs deployment/velero.",
            )
        return str(status.get("serverVersion", ""))

    async def download(self, target: str, name: str) -> Any:
        """A file of the store, unpacked. Raises ``KubeError`` (``unread``)."""
        status = await self._answered(
            "downloadrequests", "DownloadRequest", {"target": {"kind": target, "name": name}}
        )
        if not status.get("downloadURL"):
            raise KubeError(
                "unread",
                f"Velero gave no address for {target} of {name} within {self._patience:g} s: its store may be "
                "unavailable.",
            )
        return await self._fetch(status["downloadURL"], f"{target} of {name}")

    async def _fetch(self, url: str, what: str) -> Any:
        # The address itself is a password for ten minutes: it is in no message.
        place = URL(url, encoded=True)
        origin = str(place.origin())
        try:
            async with (
                # As other clients of the store do, it goes through the environment's proxy.
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=DOWNLOAD), trust_env=True
                ) as session,
                session.get(place, ssl=await self._trust() or True) as response,
            ):
                body = await response.read()
                if response.status != 200:
                    raise KubeError("unread", f"{what}: {origin} answers {response.status}.")
            return unpack(body)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise KubeError(
                "unread",
                f"{what} cannot be read from {origin}: {error or 'no answer in time'}. Where Velero reaches it at "
                "another address than you, publicUrl of the location's config is yours.",
            ) from error

    async def _trust(self) -> ssl.SSLContext | None:
        """The CAs of the locations, where any has its own."""
        answer = await self._client.get(self._path("backupstoragelocations"))
        found = [
            (location.get("spec", {}).get("objectStorage") or {}).get("caCert")
            for location in (answer.body.get("items") or () if answer.ok else ())
        ]
        if not any(found):
            return None
        context = ssl.create_default_context()
        for authority in filter(None, found):
            context.load_verify_locations(cadata=base64.b64decode(authority).decode())
        return context

    async def _answered(self, plural: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """What Velero writes into an object that asks it; empty where it does not. It is removed again."""
        name = f"groundwork-{uuid.uuid4()}"
        body = {
            "apiVersion": "velero.io/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self._namespace},
            "spec": spec,
        }
        made = await self._client.send("POST", self._path(plural), body)
        # A request that was sent twice has made it.
        if not made.ok and made.status != 409:
            raise _refused(made)
        path = f"{self._path(plural)}/{name}"
        try:
            return await self._processed(path)
        finally:
            await self._client.send("DELETE", path)

    async def _processed(self, path: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            answer = await self._client.get(path)
            status: Mapping[str, Any] = (answer.body.get("status") or {}) if answer.ok else {}
            if status.get("phase") == "Processed":
                return status
            await asyncio.sleep(PAUSE)
        return {}

    def _path(self, plural: str) -> str:
        return f"/apis/velero.io/v1/namespaces/{self._namespace}/{plural}"


def _names(answer: Answer, name: str) -> bool:
    details = answer.body.get("details") or {} if isinstance(answer.body, dict) else {}
    return bool(details.get("name") == name)


def _refused(answer: Answer) -> KubeError:
    if answer.status == 404:
        return KubeError(
            "no_velero",
            "The cluster has no Velero, or not in this namespace: add the component velero to kube_components and run "
            f"clusters.yml ({answer.message}).",
        )
    reason = "forbidden" if answer.status == 403 else "failed"
    return KubeError(reason, f"Velero cannot be asked: {answer.message}")
