"""Calls to other services: one session, short time limits, the trace passed on."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from payments.errors import RefusedError, UnavailableError
from payments.settings import Settings
from payments.telemetry import Tracer

CLIENT = 3


class Peers:
    """The other services, by name."""

    def __init__(self, settings: Settings, tracer: Tracer) -> None:
        self._settings = settings
        self._tracer = tracer
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=settings.peer_timeout, connect=1.0),
            connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=10),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.session.close()

    async def get(self, service: str, path: str, **options: Any) -> dict[str, Any]:
        """Ask a service. Raises RefusedError with its own no, UnavailableError where it has no answer."""
        return await self.call("GET", service, path, **options)

    async def post(self, service: str, path: str, body: Any, **options: Any) -> dict[str, Any]:
        """Have a service do something; all that is asked for here may be asked for twice."""
        return await self.call("POST", service, path, json=body, **options)

    async def call(self, method: str, service: str, path: str, **options: Any) -> dict[str, Any]:
        """One call, tried again at once where the connection was closed under it."""
        with self._tracer.span(f"{method} {service}", CLIENT) as span:
            headers = {**options.pop("headers", {}), "traceparent": span.header()}
            if self._settings.service_host:
                headers["Host"] = self._settings.service_host
            # payment-api answers under payment, as all of its paths say.
            url = f"{self._settings.peer(service)}/v1/api/{service.partition('-')[0]}{path}"
            for last in (False, True):
                try:
                    return await self._once(method, service, url, headers=headers, **options)
                except aiohttp.ServerDisconnectedError as error:
                    if last:
                        raise UnavailableError(service, repr(error)) from error
        raise AssertionError

    async def _once(self, method: str, service: str, url: str, **options: Any) -> dict[str, Any]:
        try:
            async with self.session.request(method, url, **options) as answer:
                status, text = answer.status, await answer.text()
        except aiohttp.ServerDisconnectedError:
            raise
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(service, str(error) or type(error).__name__) from error
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if status >= 500 or status in (408, 429) or not isinstance(body, dict):
            raise UnavailableError(service, f"status {status}")
        if status < 400:
            return body
        # A final no is one of the service's own words; a path that it does not have is none.
        if body.get("reason") in (None, "http", "fault"):
            raise UnavailableError(service, f"status {status}")
        raise RefusedError(status, str(body["reason"]), str(body.get("message")))
