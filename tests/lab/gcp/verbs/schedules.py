"""Jobs of Cloud Scheduler; scheduler.py starts them by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud, scheduler
from tests.lab.gcp.clock import zulu
from tests.lab.gcp.cron import Schedule
from tests.lab.gcp.defaults import CHANGED, PREPARE, hook
from tests.lab.gcp.errors import malformed, precondition
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]


@hook(PREPARE, "cloudscheduler.jobs")
def prepare(_: Emulator, __: Call, record: Record) -> None:
    """Fill in a scheduled job."""
    body = record.body
    body.setdefault("timeZone", "Etc/UTC")
    _check(body)
    body["state"] = "ENABLED"
    body.setdefault("attemptDeadline", "180s")
    retry = {
        "maxRetryDuration": "0s",
        "minBackoffDuration": "5s",
        "maxBackoffDuration": "3600s",
        "maxDoublings": 5,
    }
    body["retryConfig"] = retry | body.get("retryConfig", {})
    body["userUpdateTime"] = zulu()
    body |= scheduler.following(body, scheduler.now())


@hook(CHANGED, "cloudscheduler.jobs")
def change(_: Emulator, call: Call, __: Record, body: Body) -> None:
    """Check the schedule again; from now on it is the one that counts."""
    _check(body)
    if call.method.name == "patch":
        body["userUpdateTime"] = zulu()
    if call.method.name in ("patch", "resume"):
        body.pop("scheduleTime", None)
        body |= scheduler.following(body, scheduler.now())


def _check(body: Body) -> None:
    try:
        Schedule.of(body["schedule"], body.get("timeZone") or "Etc/UTC")
    except ValueError as error:
        words = f"Schedule or time zone is invalid: {error}."
        raise malformed("job.schedule", words) from error
    target = body.get("httpTarget")
    if target is not None:
        if not str(target.get("uri", "")).startswith(("http://", "https://")):
            raise malformed("job.http_target.uri", "The URI must begin with http:// or https://.")
        target.setdefault("httpMethod", "POST")


@handles("cloudscheduler.jobs.pause", "cloudscheduler.jobs.resume")
async def pause(emulator: Emulator, call: Call) -> Body:
    """Stop or resume the clock of a job."""
    record = crud.find(emulator, call.key)
    pausing = call.method.name == "pause"
    if record.body["state"] != ("ENABLED" if pausing else "PAUSED"):
        raise precondition(f"The job is {record.body['state']}.")
    state = "PAUSED" if pausing else "ENABLED"
    return await crud.mutate(emulator, call, record, lambda body: {**body, "state": state})


@handles("cloudscheduler.jobs.run")
async def run(emulator: Emulator, call: Call) -> Body:
    """Do now what the clock would do."""
    record = crud.find(emulator, call.key)
    await scheduler.attempt(emulator, record)
    return emulator.answer(record)
