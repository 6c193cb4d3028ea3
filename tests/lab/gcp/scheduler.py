"""The clock of Cloud Scheduler: what is due is asked of Google's APIs, as the account that the job names."""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.lab.gcp.clock import zulu
from tests.lab.gcp.cron import Schedule

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator
    from tests.lab.gcp.store import Record

Body = dict[str, Any]
#: Of google.rpc.Code, what HTTP's numbers mean.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 501: 12, 503: 14}
_UNKNOWN, _DEADLINE, _UNIMPLEMENTED, _UNAVAILABLE = 2, 4, 12, 14


def following(body: Body, moment: datetime.datetime) -> Body:
    """Give the field that says when a job is due next after a moment."""
    due = Schedule.of(body["schedule"], body.get("timeZone") or "Etc/UTC").after(moment)
    return {"scheduleTime": due.strftime("%Y-%m-%dT%H:%M:%SZ")} if due else {}


def now() -> datetime.datetime:
    """The time."""
    return datetime.datetime.now(datetime.UTC)


class Clock:
    """Starts what is due, each second."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    async def run(self) -> None:
        """Tick for ever. What was due while nobody was there is not made up for."""
        for record in self._due(now()):
            self._set(record, now())
        while True:
            await asyncio.sleep(1)
            try:
                self.tick(now())
            except Exception:
                self.emulator.broken.append(f"the clock: {traceback.format_exc()}")

    def tick(self, moment: datetime.datetime) -> list[str]:
        """Start what is due by a moment, each once; return the names of the jobs."""
        started = []
        for record in self._due(moment):
            self._set(record, moment)
            self.emulator.later(attempt(self.emulator, record))
            started.append(record.body["name"])
        return started

    def _due(self, moment: datetime.datetime) -> list[Record]:
        return [
            record
            for record in self.emulator.store.of_type("cloudscheduler.jobs")
            if record.body["state"] == "ENABLED"
            and record.body.get("scheduleTime")
            and datetime.datetime.fromisoformat(record.body["scheduleTime"]) <= moment
        ]

    def _set(self, record: Record, moment: datetime.datetime) -> None:
        kept = {name: value for name, value in record.body.items() if name != "scheduleTime"}
        self.emulator.store.replace(record, {**kept, **following(kept, moment)})


async def attempt(emulator: Emulator, record: Record) -> None:
    """Do once what a job is for, and note how it went."""
    tried = zulu()
    status = await _ask(emulator, record.body)
    found = emulator.store.get(record.key)
    if found:
        emulator.store.replace(found, {**found.body, "lastAttemptTime": tried, "status": status})


async def _ask(emulator: Emulator, job: Body) -> Body:
    """Send a job's request; give the status that Google would show. Nothing is tried again (retryConfig)."""
    target = job.get("httpTarget", {})
    if ".googleapis.com/" not in str(target.get("uri", "")):
        return {"code": _UNIMPLEMENTED, "message": "Of targets, Google's own APIs are played."}
    headers = {"Content-Type": "application/json", **target.get("headers", {})}
    who = target.get("oauthToken", {}).get("serviceAccountEmail")
    if who:
        headers["Authorization"] = "Bearer " + emulator.tokens.issue(who)
    # Three minutes are Google's, where a job names no other time.
    seconds = float(job.get("attemptDeadline", "180s").removesuffix("s"))
    try:
        reach = json.loads((emulator.directory / "environment.json").read_text(encoding="utf-8"))
        trust = ssl.create_default_context(cafile=reach["SSL_CERT_FILE"])
        asked = {"headers": headers, "proxy": reach["HTTPS_PROXY"], "ssl": trust}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session,
            session.request(target["httpMethod"], target["uri"], **asked) as answer,
        ):
            if answer.status < 300:
                return {}
            said = (await answer.json()).get("error", {}).get("message", "")
            return {"code": _CODES.get(answer.status, _UNKNOWN), "message": said}
    except TimeoutError:
        return {"code": _DEADLINE, "message": f"No answer within {seconds:g} s."}
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return {"code": _UNAVAILABLE, "message": str(error)}
