"""The clock that starts scheduled jobs."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab.gcp import scheduler, tls
from tests.lab.gcp.emulator import Emulator
from tests.lab.gcp.server import environment
from tests.lab.gcp.store import Record

BEGIN = datetime.fromisoformat("2026-03-01T12:00:30Z")


def enter(emulator: Emulator, name: str, **fields: Any) -> Record:
    body = {"name": name, "schedule": "*/5 * * * *", "state": "ENABLED", **fields}
    key = f"cloudscheduler/projects/p/locations/r/jobs/{name}"
    record = Record(key, "cloudscheduler.jobs", "p", "r", name, body)
    emulator.store.add(record, "cloudscheduler/projects/p/locations/r/jobs")
    return record


def started(emulator: Emulator, moments: list[datetime], monkeypatch: Any) -> list[str]:
    """Which jobs the clock starts while it shows these times."""
    found: list[str] = []
    left = iter(moments)
    shown = [next(left)]

    async def attempt(_: Emulator, record: Record) -> None:
        found.append(f"{record.name} {shown[0]:%H:%M}")

    async def pause(_: float) -> None:
        try:
            shown[0] = next(left)
        except StopIteration as error:
            raise asyncio.CancelledError from error
        await asyncio.wait({asyncio.ensure_future(asyncio.Event().wait())}, timeout=0)

    async def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            await scheduler.Clock(emulator).run()
        await asyncio.gather(*emulator.operations.tasks)

    monkeypatch.setattr(scheduler, "now", lambda: shown[0])
    monkeypatch.setattr(scheduler, "attempt", attempt)
    monkeypatch.setattr(asyncio, "sleep", pause)
    asyncio.run(run())
    return found


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    return Emulator(tmp_path, "token", 0.0)


def test_what_is_due_is_started_once(emulator: Emulator, monkeypatch: Any) -> None:
    job = enter(emulator, "snapshots", scheduleTime="2026-03-01T12:05:00Z")
    moments = [BEGIN + timedelta(seconds=10 * number) for number in range(60)]
    assert started(emulator, moments, monkeypatch) == ["snapshots 12:05", "snapshots 12:10"]
    assert job.body["scheduleTime"] == "2026-03-01T12:15:00Z"


def test_a_paused_one_is_not_started(emulator: Emulator, monkeypatch: Any) -> None:
    enter(emulator, "paused", scheduleTime="2026-03-01T12:05:00Z", state="PAUSED")
    assert started(emulator, [BEGIN, BEGIN + timedelta(hours=1)], monkeypatch) == []


def test_what_was_due_while_nobody_was_there_is_left_out(
    emulator: Emulator, monkeypatch: Any
) -> None:
    job = enter(emulator, "snapshots", scheduleTime="2026-02-28T12:05:00Z")
    assert started(emulator, [BEGIN, BEGIN + timedelta(seconds=1)], monkeypatch) == []
    assert job.body["scheduleTime"] == "2026-03-01T12:05:00Z"


def test_a_tick_that_fails_ends_no_clock(emulator: Emulator, monkeypatch: Any) -> None:
    enter(emulator, "wrong", scheduleTime="2026-03-01T12:05:00Z", schedule="* * *")
    moments = [BEGIN, BEGIN + timedelta(minutes=5), BEGIN + timedelta(minutes=10)]
    assert started(emulator, moments, monkeypatch) == []
    assert len(emulator.broken) == 2
    assert "the clock: Traceback" in emulator.broken[0]


TARGET = {"uri": "https://run.googleapis.com/v2/x:run", "httpMethod": "POST"}


def attempted(emulator: Emulator, **fields: Any) -> Any:
    """The status of an attempt."""
    record = enter(emulator, "snapshots", httpTarget=TARGET, **fields)
    asyncio.run(scheduler.attempt(emulator, record))
    found = emulator.store.get(record.key)
    assert found
    return found.body["status"]


def test_an_emulator_that_ends_is_an_attempt_that_failed(emulator: Emulator) -> None:
    assert attempted(emulator)["code"] == 14


def test_an_attempt_has_no_more_time_than_its_deadline(emulator: Emulator) -> None:
    tls.make(emulator.directory)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reach = environment(emulator, silent.getsockname()[1])
        (emulator.directory / "environment.json").write_text(json.dumps(reach), encoding="utf-8")
        status = attempted(emulator, attemptDeadline="0.5s")
    assert status == {"code": 4, "message": "No answer within 0.5 s."}
