"""The emulator as a server on one port of loopback."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from urllib.parse import parse_qsl

from aiohttp import web

from tests.lab.gcp import control, iap, metadata, tls
from tests.lab.gcp.emulator import Emulator
from tests.lab.gcp.names import name_server
from tests.lab.gcp.proxy import Front
from tests.lab.gcp.scheduler import Clock

_SAVE_EVERY = 0.3


class Server:
    """Serves Google's hosts behind a CONNECT proxy, the metadata server and the control endpoints."""

    def __init__(self, emulator: Emulator, port: int, clock: bool) -> None:
        self.emulator = emulator
        self.port = port
        #: Whether what is scheduled is started.
        self.clock = clock
        self.tasks: set[asyncio.Task[None]] = set()
        self.relay = iap.mounted(emulator)

    async def run(self) -> None:
        """Serve until a signal ends it."""
        directory = self.emulator.directory
        tls.make(directory)
        context = tls.context(directory)
        http = web.Server(self.handle, access_log=None, keepalive_timeout=600)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: Front(http, context, self.tasks), "127.0.0.1", self.port
        )
        self.port = listening.sockets[0].getsockname()[1]
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        names = name_server(self.emulator.store)
        await names.start()
        await self.emulator.backend.start()
        ticking = [loop.create_task(self._save())]
        if self.clock:
            ticking.append(loop.create_task(Clock(self.emulator).run()))
        _announce(self.emulator, directory, self.port, names.port)
        await stop.wait()
        (directory / "environment.json").unlink(missing_ok=True)
        listening.close()
        await names.stop()
        for task in ticking:
            task.cancel()
        # Whatever has ended one of them: what follows is done all the same.
        await asyncio.gather(*ticking, return_exceptions=True)
        await self.emulator.operations.stop()
        await self.emulator.backend.stop()
        self.emulator.save()
        await http.shutdown(1.0)

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY)
            self.emulator.save()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whichever host it is for."""
        host = request.host.partition(":")[0]
        if request.path == "/token" and host == "oauth2.googleapis.com":
            form = dict(parse_qsl((await request.read()).decode()))
            status, body = self.emulator.tokens.grant(form)
            return web.json_response(body, status=status)
        if request.path == "/v1/token" and host == "sts.googleapis.com":
            form = _form(await request.read())
            status, body = self.emulator.tokens.exchange(form)
            return web.json_response(body, status=status)
        if host == iap.HOST:
            return await self.relay.handle(request)
        if host.endswith(".googleapis.com"):
            return await self.emulator.handle(request, host)
        if request.path.startswith("/emulator"):
            return await control.answer(self.emulator, request)
        return metadata.answer(self.emulator.tokens, request)


def _form(raw: bytes) -> dict[str, str]:
    text = raw.decode()
    if text.startswith("{"):
        return {str(name): str(value) for name, value in json.loads(text).items()}
    return dict(parse_qsl(text))


def environment(emulator: Emulator, port: int) -> dict[str, str]:
    """Give the variables with which clients reach the emulator."""
    proxy = f"http://127.0.0.1:{port}"
    authority = str((emulator.directory / "ca.crt").resolve())
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "GCP_AUTH_KIND": "accesstoken",
        "GCP_ACCESS_TOKEN": emulator.tokens.static,
        "GCE_METADATA_HOST": f"127.0.0.1:{port}",
        "GCE_METADATA_IP": f"127.0.0.1:{port}",
        "GCP_EMULATOR": proxy,
    }


def _announce(emulator: Emulator, directory: Path, port: int, names: int) -> None:
    beside = directory / "environment.json.new"
    # Where public zones are served: a port on 127.0.0.1, by UDP and TCP.
    variables = {**environment(emulator, port), "GCP_EMULATOR_DNS_PORT": str(names)}
    beside.write_text(json.dumps(variables, indent=1), encoding="utf-8")
    beside.replace(directory / "environment.json")
