"""A proxy between a module and the Kubernetes API, at which a request can be stopped and the API can go away."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from tests.integration.kube_api import ADMIN, Api, free_port

#: What belongs to one connection and not to what is sent over it.
_HOPS = frozenset(("connection", "content-length", "host", "transfer-encoding"))

API = web.AppKey("api", ClientSession)


class Between:
    """Stops the requests that match ``METHOD path?query``; they get no answer any more."""

    def __init__(self, kube: Api, folder: Path) -> None:
        self.kubeconfig = folder / "between.kubeconfig"
        self.reached = threading.Event()
        self.away = False
        self._kube = kube
        self._port = free_port()
        self._pattern: re.Pattern[str] | None = None
        self._after: re.Pattern[str] | None = None
        self._forward = False
        cluster = {"server": f"http://127.0.0.1:{self._port}"}
        config = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def stop_at(self, pattern: str, *, forward: bool = False, after: str = "") -> None:
        """Stop a request before the API has it, or (``forward``) with its answer, which nobody gets.

        ``after`` is a request that has to have come before.
        """
        self._pattern, self._forward = re.compile(pattern), forward
        self._after = re.compile(after) if after else None

    async def serve(self, up: threading.Event, end: asyncio.Event) -> None:
        tls = ssl.create_default_context(cafile=str(self._kube.ca_cert))
        tls.check_hostname = False
        timeout = ClientTimeout(total=None)
        async with ClientSession(connector=TCPConnector(ssl=tls, limit=0), timeout=timeout) as api:
            app = web.Application(client_max_size=2**24)
            app[API] = api
            app.router.add_route("*", "/{path:.*}", self._pass)
            runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
            up.set()
            await end.wait()
            await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            self._hang_up(request)
        stopped = self._stops(f"{request.method} {request.path_qs}")
        if stopped and not self._forward:
            await self._hold()
        body = await request.read()
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOPS}
        headers["Authorization"] = f"Bearer {ADMIN}"
        url = f"{self._kube.url}{request.path_qs}"
        async with request.app[API].request(
            request.method, url, data=body or None, headers=headers
        ) as answer:
            if stopped:
                await answer.read()
                await self._hold()
            kind = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
            response = web.StreamResponse(status=answer.status, headers=kind)
            await response.prepare(request)
            # An API that goes away ends what it has begun to say, too.
            while chunk := await self._chunk(answer.content.readany(), request):
                await response.write(chunk)
        return response

    def _stops(self, line: str) -> bool:
        if self._after:
            if self._after.search(line):
                self._after = None
            return False
        return self._pattern is not None and self._pattern.search(line) is not None

    async def _chunk(self, reading: object, request: web.Request) -> bytes:
        task = asyncio.ensure_future(reading)  # type: ignore[call-overload]
        try:
            while not (await asyncio.wait({task}, timeout=0.1))[0]:
                if self.away:
                    self._hang_up(request)
            return bytes(task.result())
        finally:
            task.cancel()

    async def _hold(self) -> None:
        self.reached.set()
        await asyncio.Event().wait()

    @staticmethod
    def _hang_up(request: web.Request) -> None:
        if request.transport:
            request.transport.abort()
        raise ClientError("away")


@contextmanager
def between(kube: Api, folder: Path) -> Iterator[Between]:
    """Put a proxy before an API until the block ends."""
    made, up = Between(kube, folder), threading.Event()
    loop = asyncio.new_event_loop()
    end = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[made.serve(up, end)])
    thread.start()
    try:
        assert up.wait(10)
        yield made
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
