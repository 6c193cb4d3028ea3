# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests to a Kubernetes API: many in flight over a few connections, with the server's own pace."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

IMPORT_ERROR: Exception | None = None
try:
    import aiohttp
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

#: Answers after which the same request may succeed; 409 only where another writer was faster.
RETRIED = frozenset((429, 500, 502, 503, 504))
#: Tries of a request in all, and seconds of the first pause, which doubles up to the longest.
TRIES = 6
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0

#: A watch says nothing of its own accord, so a peer that went without a word is asked for: seconds of silence, seconds
#: between two questions, and how many of them may be without an answer.
_PROBES = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3}

#: How the API begins, with status 500, about a field that the kind does not have or that has the wrong type.
UNTYPED = "failed to create typed patch object"


@dataclass(frozen=True)
class Answer:
    """An answer of the API; ``body`` is its JSON, or a text where it sent none."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """Kubernetes' word for a failure, such as NotFound."""
        return str(self.body.get("reason", "")) if isinstance(self.body, dict) else ""

    @property
    def message(self) -> str:
        """Kubernetes' own words for a failure."""
        if isinstance(self.body, dict) and self.body.get("message"):
            return str(self.body["message"])
        return str(self.body)[:500]

    @property
    def by_api(self) -> bool:
        """Whether the API itself says it, in its own form."""
        return isinstance(self.body, dict) and self.body.get("kind") == "Status"

    @property
    def causes(self) -> list[Mapping[str, Any]]:
        """What exactly failed, field by field."""
        details = self.body.get("details") or {} if isinstance(self.body, dict) else {}
        return details.get("causes") or []


class Client:
    """One connection pool to one API; use as ``async with Client(...)``.

    ``tries`` is how often a request is sent that says nothing of it. ``patience`` are the seconds for which such a
    request is sent again on top of that while nobody answers; who has begun something sets it.
    """

    def __init__(
        self, connection: Connection, concurrency: int, timeout: float, tries: int = TRIES
    ) -> None:
        self._connection = connection
        self._timeout = timeout
        self._tries = tries
        self.patience = 0.0
        self._slots = asyncio.Semaphore(concurrency)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._connection.tls or True, limit=0),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def get(self, path: str, accept: str = "application/json", **query: str) -> Answer:
        """GET."""
        return await self.send("GET", path, query=query, accept=accept)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
        tries: int | None = None,
    ) -> Answer:
        """Send one request, up to ``tries`` times where the API is busy or the connection broke.

        What may not be sent twice has one try; server-side apply, reads, deletes and patches may.
        A 401 of a service that the API hands on (``/proxy``) is an answer like others.
        Raises ``KubeError``: ``unreachable`` with the URL, ``unauthorized``.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        until = 0.0 if tries else time.monotonic() + self.patience
        tries = tries or self._tries
        for attempt in itertools.count(1):
            pause = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
            try:
                async with self._open(method, path, data, content_type, query, accept) as response:
                    answer = await _read(response)
                    pause = float(response.headers.get("Retry-After") or pause)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                if not _goes_on(error, attempt < tries, until):
                    raise self._unreachable(method, path, error) from error
            else:
                if answer.status == 401 and (answer.by_api or "/proxy" not in path):
                    raise KubeError("unauthorized", self._unauthorized(answer))
                if not (attempt < tries and _worth_another(answer)):
                    return answer
            # Those that were refused together do not come back together.
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
        raise AssertionError("the last try returns or raises")

    async def watch(self, path: str, seconds: float, **query: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of a watch until it ends.

        What stands before the API, and an API that is busy or ends, answers in plain text, at once or in the middle.
        Raises ``KubeError``: ``unreachable`` for that as well, ``unauthorized``.
        """
        query = {**query, "watch": "true", "timeoutSeconds": str(max(1, int(seconds)))}
        request = self._session.request(
            "GET",
            self._connection.url + path,
            params=query,
            headers={"Accept": "application/json", **self._connection.headers()},
            timeout=aiohttp.ClientTimeout(total=seconds + self._timeout),
            server_hostname=self._connection.server_name,
            proxy=self._connection.proxy,
            read_bufsize=2**22,
        )
        try:
            async with request as response:
                if response.status != 200:
                    raise self._no_watch(path, await _read(response))
                _probe(response)
                async for line in response.content:
                    yield json.loads(line)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise self._unreachable("WATCH", path, error) from error

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        data: bytes | None,
        content_type: str,
        query: Mapping[str, str] | None,
        accept: str,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": accept, **self._connection.headers()}
        if data is not None:
            headers["Content-Type"] = content_type
        async with (
            self._slots,
            self._session.request(
                method,
                self._connection.url + path,
                data=data,
                params=query,
                headers=headers,
                server_hostname=self._connection.server_name,
                proxy=self._connection.proxy,
            ) as response,
        ):
            yield response

    def _unreachable(self, method: str, path: str, error: BaseException) -> KubeError:
        cause = str(error) or f"no answer within {self._timeout:g} s"
        return KubeError("unreachable", f"{method} {self._connection.url}{path}: {cause}.")

    def _no_watch(self, path: str, answer: Answer) -> KubeError:
        if answer.status == 401:
            return KubeError("unauthorized", self._unauthorized(answer))
        text = f"WATCH {self._connection.url}{path}: status {answer.status}: {answer.message}."
        return KubeError("unreachable", text)

    def _unauthorized(self, answer: Answer) -> str:
        return (
            f"{self._connection.url} does not know who asks ({answer.message}): the token or certificate is wrong or "
            "has ended. Log in again, or name another kubeconfig."
        )


async def _read(response: aiohttp.ClientResponse) -> Answer:
    text = await response.read()
    try:
        body = json.loads(text)
    except ValueError:
        body = text.decode(errors="replace")
    return Answer(response.status, body, tuple(response.headers.getall("Warning", ())))


def _probe(response: aiohttp.ClientResponse) -> None:
    """Have the system ask whether the peer is still there; without that a watch of a host that was lost goes on."""
    transport = response.connection.transport if response.connection else None
    found = transport.get_extra_info("socket") if transport else None
    if found is None:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        if hasattr(socket, name):  # not every system has them
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _goes_on(error: BaseException, tries_left: bool, until: float) -> bool:
    """Whether a request is sent again that got no answer. A wrong certificate stays so."""
    if time.monotonic() < until:
        return not isinstance(error, (aiohttp.ClientSSLError, aiohttp.InvalidURL))
    return tries_left and _may_pass(error)


def _may_pass(error: BaseException) -> bool:
    """A name that is unknown or a certificate that is wrong stays so."""
    return not isinstance(
        error,
        (
            aiohttp.ClientConnectorDNSError,
            aiohttp.ClientSSLError,
            aiohttp.InvalidURL,
            asyncio.TimeoutError,
        ),
    )


def _worth_another(answer: Answer) -> bool:
    if answer.status == 409:
        # A field manager's conflict stays one; an object that changed meanwhile does not.
        return answer.reason == "Conflict" and not answer.causes
    return answer.status in RETRIED and not answer.message.startswith(UNTYPED)
