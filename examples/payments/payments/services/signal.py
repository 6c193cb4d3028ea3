"""Tells who waits what became of a payment: by WebSocket, or by a request that waits.

News come by Redis and may be missed, so the state itself is asked for as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from typing import Any

from aiohttp import web

from payments.errors import RefusedError, UnavailableError
from payments.web import Runtime, answer, id_of, runtime_of

log = logging.getLogger("payments")
FINAL = ("settled", "refused")
#: Seconds between two looks at the state where no news come.
_LOOK = 3.0
_LONGEST_WAIT = 20.0
News = dict[str, Any]


class Hub:
    """One subscription for all who listen here."""

    def __init__(self) -> None:
        self._ears: dict[str, set[asyncio.Queue[News]]] = defaultdict(set)

    @contextlib.contextmanager
    def ear(self, person: str) -> Any:
        """A queue of a person's news."""
        queue: asyncio.Queue[News] = asyncio.Queue(100)
        self._ears[person].add(queue)
        try:
            yield queue
        finally:
            self._ears[person].discard(queue)
            if not self._ears[person]:
                del self._ears[person]

    async def run(self, runtime: Runtime) -> None:
        """Pass news on until cancelled, with another connection where one is lost."""
        while True:
            try:
                async with runtime.cache.listen() as news:
                    async for person, said in news:
                        for queue in self._ears.get(person, ()):
                            # Who does not keep up looks at the state.
                            with contextlib.suppress(asyncio.QueueFull):
                                queue.put_nowait(said)
            except Exception as error:
                log.warning("no news from redis", extra={"error": str(error)})
            await asyncio.sleep(1)


HUB = web.AppKey("hub", Hub)


def _token(request: web.Request) -> dict[str, str]:
    """Browsers cannot send a header with a WebSocket, so the token may be in the query there."""
    given = request.headers.get("Authorization") or f"Bearer {request.query.get('token', '')}"
    return {"Authorization": given}


async def _changes(request: web.Request, payment: str, patience: float) -> Any:
    """The states of a payment as they come, up to a final one or the end of patience."""
    runtime, headers = runtime_of(request), _token(request)
    person = (await runtime.peers.get("identity", "/me", headers=headers))["person"]
    deadline, last = time.monotonic() + patience, None
    with request.app[HUB].ear(person) as queue:
        said = await runtime.peers.get("payment-api", f"/payments/{payment}", headers=headers)
        while True:
            if said["payment"] == payment and said["state"] != last:
                last = said["state"]
                yield said
            left = deadline - time.monotonic()
            if last in FINAL or left <= 0:
                return
            try:
                said = await asyncio.wait_for(queue.get(), min(_LOOK, left))
            except TimeoutError:
                with contextlib.suppress(UnavailableError):
                    path = f"/payments/{payment}"
                    said = await runtime.peers.get("payment-api", path, headers=headers)


async def _wait(request: web.Request) -> web.StreamResponse:
    payment = str(id_of(request.match_info["payment"]))
    text = request.query.get("wait", "0")
    if not text.isdecimal():
        raise RefusedError(400, "bad_field", "wait is a number of seconds.")
    last: News = {}
    async for said in _changes(request, payment, min(float(text), _LONGEST_WAIT)):
        last = said
    return answer(last)


async def _socket(request: web.Request) -> web.StreamResponse:
    payment = str(id_of(request.query.get("payment", "")))
    changes = _changes(request, payment, 3600)
    # Who may not listen is told so before the connection becomes a WebSocket.
    first = await anext(changes)
    socket = web.WebSocketResponse(heartbeat=20)
    await socket.prepare(request)
    try:
        await socket.send_json(first)
        async for said in changes:
            await socket.send_json(said)
    except (RefusedError, ConnectionError) as error:
        log.warning("a socket ends early", extra={"error": str(error)})
    finally:
        await changes.aclose()
        await socket.close()
    return socket


def set_up(app: web.Application, runtime: Runtime) -> None:
    """Add the routes and the subscription."""
    app[HUB] = Hub()
    runtime.tasks.append(app[HUB].run)
    app.router.add_get("/v1/api/signal/ws", _socket)
    app.router.add_get("/v1/api/signal/payments/{payment}", _wait)
