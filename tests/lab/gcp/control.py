"""Endpoints for tests: faults, state, what was asked, what is not played."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from tests.lab.gcp.emulator import Emulator
from tests.lab.gcp.operations import Operation
from tests.lab.gcp.scheduler import Clock, now

Body = dict[str, Any]


async def answer(emulator: Emulator, request: web.BaseRequest) -> web.Response:
    """Answer a request below /emulator."""
    word = request.path.removeprefix("/emulator").strip("/")
    if word == "faults":
        return await _faults(emulator, request)
    if word == "clock" and request.method == "POST":
        return await _clock(emulator, request)
    readers = {
        "": lambda: {"ready": True},
        "state": lambda: _state(emulator),
        "requests": lambda: list(emulator.log),
        "operations": lambda: [_operation(made) for made in emulator.operations.known.values()],
        "unimplemented": lambda: emulator.unimplemented,
        "broken": lambda: emulator.broken,
    }
    if word not in readers:
        return web.json_response({"error": f"no such endpoint: {word}"}, status=404)
    if request.method == "DELETE":
        _clear(emulator, word)
    return web.json_response(readers[word]())


def _clear(emulator: Emulator, word: str) -> None:
    if word == "requests":
        emulator.log.clear()
    elif word == "unimplemented":
        emulator.unimplemented.clear()
    elif word == "broken":
        emulator.broken.clear()


async def _faults(emulator: Emulator, request: web.BaseRequest) -> web.Response:
    if request.method == "DELETE":
        emulator.faults.rules.clear()
        emulator.tokens.renew()
    elif request.method == "POST":
        try:
            given = json.loads(await request.read())
            for rule in given if isinstance(given, list) else [given]:
                emulator.faults.add(rule)
        except (ValueError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
    return web.json_response([asdict(rule) for rule in emulator.faults.rules])


async def _clock(emulator: Emulator, request: web.BaseRequest) -> web.Response:
    """Start what Cloud Scheduler has to start until a time; the clock itself goes on as it went."""
    try:
        given = json.loads(await request.read() or "{}").get("time")
        moment = datetime.datetime.fromisoformat(given) if given else now()
        return web.json_response(Clock(emulator).tick(moment))
    except (ValueError, TypeError, AttributeError) as error:
        return web.json_response({"error": str(error)}, status=400)


def _operation(made: Operation) -> Body:
    """Give an operation without any API's form; times are those of the clock, in Google's writing."""
    names = ("method", "target", "status", "inserted", "started", "ended", "error")
    return {name: getattr(made, name) for name in names}


def _state(emulator: Emulator) -> Body:
    records = emulator.store.records.values()
    resources = {
        record.key: {
            "type": record.type,
            "project": record.project,
            "location": record.location,
            "name": record.name,
            "ready": record.ready,
            "body": record.body,
        }
        for record in records
    }
    return {"resources": resources, "policies": emulator.store.policies}
