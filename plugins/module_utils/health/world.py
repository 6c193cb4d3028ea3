# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all checks of a run share: one HTTP session, TLS settings read once, one connection to the cluster."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    TLS,
    HttpClient,
    tls_context,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import (
    Access,
    connect,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    discover,
)

# A library that is missing is told by the module, with the way to get it, where a check needs it.
with suppress(ImportError):
    import aiohttp

Answer = TypeVar("Answer")

#: Threads for what has no asynchronous client: names, PostgreSQL, Patroni and etcd.
THREADS = 64


@dataclass(frozen=True)
class Tls:
    """Whose certificates are trusted and which one is shown; the system's CAs where nothing is said."""

    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate_certs: bool = True

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises ``ValueError``."""
        return tls_context(self.ca_cert, self.client_cert, self.client_key, self.validate_certs)

    def client(
        self, timeout: float, username: str | None = None, password: str | None = None
    ) -> HttpClient:
        """The collection's HTTP client with these settings. Raises ``ValueError``."""
        return HttpClient(
            ca_cert=self.ca_cert,
            client_cert=self.client_cert,
            client_key=self.client_key,
            validate_certs=self.validate_certs,
            username=username,
            password=password,
            timeout=timeout,
        )


class World:
    """Use as ``async with World(...)``."""

    def __init__(self, access: Access, concurrency: int, timeout: float) -> None:
        """``timeout`` (seconds) is the longest of all checks'."""
        self._access = access
        self._concurrency = concurrency
        self._timeout = timeout
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None
        self._cluster: asyncio.Task[tuple[Client, Catalogue]] | None = None
        self._client: Client | None = None

    async def __aenter__(self) -> World:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, "health"))
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()
        if self._client is not None:
            await self._client.__aexit__()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session of all HTTP checks: each attempt has a connection of its own, and no proxy between."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A name is asked for anew in each round of a window: a switch of DNS has to be seen.
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=1),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def tls(self, settings: Tls) -> ssl.SSLContext:
        """The context of these settings. Raises ``FailedError`` (``tls``)."""
        if settings not in self._contexts:
            try:
                self._contexts[settings] = settings.context()
            except ValueError as error:
                raise FailedError(TLS, str(error)) from error
        return self._contexts[settings]

    async def in_thread(self, work: Callable[..., Answer], *given: Any) -> Answer:
        """Run what blocks, beside everything else."""
        return await asyncio.get_running_loop().run_in_executor(None, work, *given)

    async def cluster(self) -> tuple[Client, Catalogue]:
        """The Kubernetes API and what it serves, asked once. Raises ``KubeError``."""
        if self._cluster is None or (self._cluster.done() and self._failed(self._cluster)):
            self._cluster = asyncio.ensure_future(self._open())
            # Where all who asked have given up, nobody else looks at what became of it.
            self._cluster.add_done_callback(self._failed)
        # One check's time-out does not take the answer from the others.
        return await asyncio.shield(self._cluster)

    @staticmethod
    def _failed(task: asyncio.Task[Any]) -> bool:
        return task.cancelled() or task.exception() is not None

    async def _open(self) -> tuple[Client, Catalogue]:
        if self._client is None:
            connection = await self.in_thread(connect, self._access)
            # What is asked again after a failure is the check's own matter.
            client = Client(connection, self._concurrency, self._timeout, tries=1)
            self._client = await client.__aenter__()
        return self._client, await discover(self._client)
