# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests to Google's APIs: many in flight, sent again where that may help and cannot do a thing twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.credentials import Tokens
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Verb
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.failures import (
    busy,
    from_answer,
)

IMPORT_ERROR: Exception | None = None
try:
    import aiohttp
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

#: Tries of a request in all, and seconds of the first pause, which doubles up to the longest: half a minute in all.
TRIES = 8
#: Tries where nothing has answered yet: then it is mostly the way there that is wrong.
FIRST_TRIES = 3
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
#: Seconds for one request. A server holds ``wait`` back for up to two minutes.
TIMEOUT = 60.0
LONG_TIMEOUT = 150.0


class Client:
    """One connection pool for all APIs; use as ``async with Client(...)``."""

    def __init__(self, tokens: Tokens, concurrency: int) -> None:
        self._tokens = tokens
        self._slots = asyncio.Semaphore(max(1, concurrency))
        self._session: aiohttp.ClientSession
        #: Whether anything was ever answered.
        self._heard = False
        #: Until when an API may be refused that was enabled a moment ago, by project.
        self._spreading: dict[str, float] = {}

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_tls(), limit=0),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            trust_env=True,
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def call(
        self,
        verb: Verb,
        places: Mapping[str, str],
        body: Any = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call a method. One that may be sent again bears an id by which the server knows it. Raises ``GcpError``."""
        query = dict(query or {})
        if "requestId" in verb.query:
            query["requestId"] = str(uuid.uuid4())
        return await self.send(verb.method, verb.url.format(**places), body, query)

    def spreads(self, project: str, seconds: float) -> None:
        """An API of a project was enabled: for so many seconds it may still be refused, as not all servers know it."""
        self._spreading[project] = time.monotonic() + seconds

    async def send(
        self,
        method: str,
        url: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        held: bool = False,
    ) -> dict[str, Any]:
        """Send a request until it is answered with something that stays so. ``held``: the server may take its time.

        Raises ``GcpError``: ``unreachable``, or what Google says.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        renewed = False
        for attempt in itertools.count(1):
            pause = FIRST_PAUSE * 2 ** min(attempt - 1, TRIES)
            pause = min(pause, LONGEST_PAUSE) * random.uniform(0.7, 1.3)
            token = await self._tokens.get()
            try:
                status, answer, retry_after = await self._once(
                    method, url, data, query, token, held
                )
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                if attempt >= (TRIES if self._heard else FIRST_TRIES) or _stays(error):
                    raise _unreachable(method, url, error) from error
            else:
                self._heard = True
                if 200 <= status < 300:
                    return answer
                if status == 401 and not renewed and await self._tokens.renew(token):
                    renewed = True
                    continue
                refusal = from_answer(status, answer, attempt)
                again = attempt < TRIES and busy(status, answer)
                if not again and not self._comes(refusal, url):
                    raise refusal
                pause = max(pause, retry_after)
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _comes(self, error: GcpError, url: str) -> bool:
        """Whether it is refused only as its API was enabled a moment ago."""
        project = re.split("[/:?]", url.partition("/projects/")[2])[0]
        until = self._spreading.get(project, 0.0)
        return error.reason == "service_disabled" and time.monotonic() < until

    async def pages(
        self, url: str, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """All pages of a list."""
        query = dict(query or {})
        while True:
            page = await self.send("GET", url, query=query)
            yield page
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    async def _once(
        self,
        method: str,
        url: str,
        data: bytes | None,
        query: Mapping[str, str] | None,
        token: str,
        held: bool,
    ) -> tuple[int, dict[str, Any], float]:
        headers = {"Authorization": f"Bearer {token}", **self._tokens.headers}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if held:
            return await self._answer(method, url, data, query, headers, LONG_TIMEOUT)
        async with self._slots:
            return await self._answer(method, url, data, query, headers, TIMEOUT)

    async def _answer(
        self,
        method: str,
        url: str,
        data: bytes | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        timeout: float,
    ) -> tuple[int, dict[str, Any], float]:
        async with self._session.request(
            method,
            url,
            data=data,
            params=query,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout),
        ) as response:
            text = await response.read()
            retry_after = response.headers.get("Retry-After", "")
            return (
                response.status,
                _parsed(text),
                float(retry_after) if retry_after.isdigit() else 0.0,
            )


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        found = text.decode(errors="replace")
    return found if isinstance(found, dict) else {"text": str(found)[:500]}


def _tls() -> ssl.SSLContext:
    """What certificates are verified with: the system's, or what the variables that other clients know say."""
    cafile = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    try:
        return ssl.create_default_context(cafile=cafile or None)
    except (OSError, ssl.SSLError) as error:
        raise GcpError("unreachable", f"the CA file {cafile} cannot be read: {error}.") from error


def _stays(error: BaseException) -> bool:
    """A name that is unknown or a certificate that is wrong stays so."""
    return isinstance(
        error, (aiohttp.ClientConnectorDNSError, aiohttp.ClientSSLError, aiohttp.InvalidURL)
    )


def _unreachable(method: str, url: str, error: BaseException) -> GcpError:
    cause = str(error) or f"no answer within {TIMEOUT:g} s"
    return GcpError("unreachable", f"{method} {url}: {cause}.")
