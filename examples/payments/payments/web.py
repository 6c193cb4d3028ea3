"""What every service has: probes, metrics, traces, logs, errors as JSON, a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import prometheus_client
from aiohttp import web

from payments.cache import Cache
from payments.errors import RefusedError, UnavailableError
from payments.faults import struck
from payments.peers import Peers
from payments.settings import SCHEMAS, Settings
from payments.store import Store
from payments.telemetry import Tracer

SERVER = 2
REQUESTS = prometheus_client.Counter(
    "http_requests_total", "Requests that were answered", ["service", "method", "route", "status"]
)
SECONDS = prometheus_client.Histogram(
    "http_request_duration_seconds",
    "Time until a request was answered",
    ["service", "route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = prometheus_client.Gauge(
    "http_requests_in_flight", "Requests at the moment", ["service"]
)
INFO = prometheus_client.Gauge("app_info", "What runs", ["service", "version"])
log = logging.getLogger("payments")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Work that goes on beside requests, until it is cancelled.
Task = Callable[["Runtime"], Awaitable[None]]


@dataclass
class Runtime:
    """What handlers work with."""

    settings: Settings
    tracer: Tracer
    store: Store
    cache: Cache
    tasks: list[Task] = field(default_factory=list)
    #: Names of what is stuck; empty where all goes on.
    stuck: Callable[[], list[str]] = list
    _peers: Peers | None = None

    @property
    def peers(self) -> Peers:
        """The other services; there from the start of the server on."""
        assert self._peers
        return self._peers

    @property
    def stored(self) -> bool:
        """Whether the service has tables."""
        return self.settings.service in SCHEMAS

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """Open everything, run the tasks, close everything."""
        self._peers = Peers(self.settings, self.tracer)
        if self.stored:
            await self.store.open()
        running = [asyncio.ensure_future(task(self)) for task in self.tasks]
        running.append(asyncio.ensure_future(self.tracer.run(self.peers.session)))
        running.append(asyncio.ensure_future(_exit_by_fault(self)))
        yield
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.tracer.flush(self.peers.session)
        await self.store.close()
        await self.cache.close()
        await self.peers.close()


RUNTIME = web.AppKey("runtime", Runtime)


async def _exit_by_fault(runtime: Runtime) -> None:
    while any(fault.kind == "exit" for fault in runtime.settings.faults):
        await asyncio.sleep(0.2)
        if struck(runtime.settings.faults, "exit"):
            log.error("ends, as FAULTS says")
            os._exit(1)


def application(
    settings: Settings, service: Callable[[web.Application, Runtime], None]
) -> web.Application:
    """The web application of a service; `service` adds routes and tasks."""
    tracer = Tracer(settings.name, settings.version, settings.traces)
    runtime = Runtime(settings, tracer, Store(settings), Cache(settings))
    app = web.Application(middlewares=[_observed], client_max_size=64 * 1024)
    app[RUNTIME] = runtime
    INFO.labels(settings.name, settings.version).set(1)
    base = f"/v1/api/{settings.service}"
    for path, handler in (("live", _live), ("ready", _ready), ("health", _health)):
        app.router.add_get(f"/{path}", handler)
        app.router.add_get(f"{base}/{path}", handler)
    app.router.add_get("/metrics", _metrics)
    service(app, runtime)
    app.cleanup_ctx.append(runtime.run)
    return app


def runtime_of(request: web.Request) -> Runtime:
    """What the handler of a request works with."""
    return request.app[RUNTIME]


def answer(body: dict[str, Any], status: int = 200, **headers: str) -> web.Response:
    """An answer as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


async def body_of(request: web.Request, **kinds: type) -> dict[str, Any]:
    """The request's JSON object with these fields. Raises RefusedError (400) for anything else."""
    try:
        given = json.loads(await request.text())
    except ValueError as error:
        raise RefusedError(400, "no_json", f"The body is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise RefusedError(400, "no_object", "The body is no JSON object.")
    for name, kind in kinds.items():
        # True is an int for Python, and no amount for anybody.
        if not isinstance(given.get(name), kind) or isinstance(given[name], bool):
            raise RefusedError(400, "bad_field", f"{name} has to be there, as {kind.__name__}.")
    return given


def id_of(text: str) -> uuid.UUID:
    """A payment's id. Raises RefusedError (400) for what is none."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise RefusedError(400, "bad_field", f"{text!r} is no payment's id.") from error


@web.middleware
async def _observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count, time, trace and log a request of the API; the rest passes."""
    runtime = runtime_of(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    if handler in (_live, _ready, _health, _metrics):
        return await handler(request)
    name, begun = runtime.settings.name, time.perf_counter()
    with (
        runtime.tracer.span(
            f"{request.method} {route}", SERVER, request.headers.get("traceparent", "")
        ) as span,
        IN_FLIGHT.labels(name).track_inprogress(),
    ):
        given = await _guarded(runtime, request, handler)
        span.attributes |= {"http.route": route, "http.response.status_code": given.status}
        span.failed = given.status >= 500
        seconds = time.perf_counter() - begun
        REQUESTS.labels(name, request.method, route, str(given.status)).inc()
        SECONDS.labels(name, route).observe(seconds)
        more = {"method": request.method, "route": route, "status": given.status}
        log.info("request", extra=more | {"seconds": round(seconds, 4)})
        if not given.prepared:
            given.headers["X-App-Version"] = runtime.settings.version
            given.headers["X-Trace-Id"] = span.trace
        return given


async def _guarded(runtime: Runtime, request: web.Request, handler: Handler) -> web.StreamResponse:
    faults = runtime.settings.faults
    if slow := struck(faults, "slow"):
        await asyncio.sleep(slow.seconds)
    if broken := struck(faults, "errors"):
        return answer({"reason": "fault", "message": "FAULTS says so."}, broken.status)
    try:
        given = await handler(request)
        if late := struck(faults, "late"):
            await asyncio.sleep(late.seconds)
        return given
    except UnavailableError as error:
        log.warning(error.message)
        return answer(error.body(), error.status, Retry_After="1")
    except RefusedError as error:
        return answer(error.body(), error.status)
    except web.HTTPException as error:
        return answer({"reason": "http", "message": error.reason}, error.status)
    except Exception:
        log.exception("a request failed")
        return answer({"reason": "internal", "message": "See the log by its trace id."}, 500)


async def _live(request: web.Request) -> web.StreamResponse:
    """Whether the process should go on: its loop turns, and so do its tasks."""
    runtime = runtime_of(request)
    stuck = runtime.stuck()
    if struck(runtime.settings.faults, "dead"):
        stuck.append("fault")
    return answer({"stuck": stuck}, 503 if stuck else 200)


async def _ready(request: web.Request) -> web.StreamResponse:
    """Whether requests should come: the tables are there.

    A database that is away later does not count: it is away for every pod, and with no pod left
    in the Service callers would get no answer in place of a clean 503.
    """
    runtime = runtime_of(request)
    why = "fault" if struck(runtime.settings.faults, "unready") else ""
    if runtime.stored and not why:
        try:
            why = "" if await runtime.store.migrated() else "migration"
        except UnavailableError as error:
            why = error.message
    return answer({"waits_for": why}, 503 if why else 200)


async def _health(request: web.Request) -> web.StreamResponse:
    """How the service and what it stands on are, for people, init containers and health checks."""
    runtime, checks = runtime_of(request), {}
    if runtime.stored:
        try:
            migrated = await runtime.store.migrated()
            await runtime.store.ping()
            checks["database"] = "ok" if migrated else "not migrated"
        except UnavailableError as error:
            checks["database"] = error.message
    if runtime.settings.redis_url:
        checks["redis"] = "ok" if await runtime.cache.ping() else "away"
    if struck(runtime.settings.faults, "unhealthy"):
        checks["fault"] = "FAULTS says so"
    # Without Redis all goes on, slower.
    bad = [name for name, state in checks.items() if state != "ok" and name != "redis"]
    said = {"service": runtime.settings.name, "version": runtime.settings.version}
    status = "failed" if bad else "ok" if set(checks.values()) <= {"ok"} else "degraded"
    return answer({**said, "status": status, "checks": checks}, 503 if bad else 200)


async def _metrics(_request: web.Request) -> web.StreamResponse:
    text = prometheus_client.generate_latest()
    return web.Response(body=text, headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})


@contextlib.asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """A bound for several steps. Raises UnavailableError beyond it."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnavailableError(what, f"not within {seconds} s") from error
