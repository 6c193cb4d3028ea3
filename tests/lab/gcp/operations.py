"""Operations: what takes its time, fails, or never ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any

from tests.lab.gcp.backend import BackendError
from tests.lab.gcp.clock import now, number

#: Seconds that Google's operations take, roughly; by type and verb, then by type.
SECONDS = {
    "compute.networks": 10,
    "compute.networks.patch": 5,
    "compute.subnetworks": 12,
    "compute.firewalls": 6,
    "compute.routes": 8,
    "compute.routers": 6,
    "compute.addresses": 3,
    "compute.globalAddresses": 5,
    "compute.disks": 4,
    "compute.disks.createSnapshot": 20,
    "compute.snapshots": 20,
    "compute.images": 25,
    "compute.instances": 15,
    "compute.instances.delete": 30,
    "compute.instances.stop": 20,
    "compute.instances.setLabels": 2,
    "compute.instances.setTags": 2,
    "compute.instances.setMetadata": 2,
    "compute.instanceGroups": 4,
    "compute.healthChecks": 3,
    "compute.regionHealthChecks": 3,
    "compute.backendServices": 12,
    "compute.regionBackendServices": 12,
    "compute.forwardingRules": 8,
    "compute.globalForwardingRules": 15,
    "container.clusters": 300,
    "container.nodePools": 90,
    "cloudresourcemanager.projects": 8,
    "serviceusage.services": 10,
    "run.jobs": 5,
    "run.jobs.run": 10,
}
DEFAULT_SECONDS = 4


def seconds_of(method: str) -> float:
    """How long an operation of a method takes in reality, e.g. of compute.networks.insert."""
    return SECONDS.get(method, SECONDS.get(method.rpartition(".")[0], DEFAULT_SECONDS))


@dataclass(frozen=True)
class Fault:
    """What a rule does to an operation: it fails after `seconds`, or never ends."""

    error: tuple[str, str] | None = None
    seconds: float = 0.0
    stuck: bool = False

    async def strike(self, usual: float) -> None:
        """Fail as the rule says; return where the operation is only to take longer."""
        if self.stuck:
            await asyncio.Event().wait()
        await asyncio.sleep(self.seconds or (usual * 0.5 if self.error else 0.0))
        if self.error:
            raise BackendError(*self.error)


class Hold:
    """Paces the work of an operation, and lets it fail where a rule says so."""

    def __init__(self, delay: float = 0.0, fault: Fault | None = None) -> None:
        self.delay = delay
        self.fault = fault
        self.since = time.monotonic()

    async def begin(self) -> None:
        """Wait for what comes before anything is done; a fault strikes here."""
        if self.fault:
            await self.fault.strike(self.delay)

    async def end(self) -> None:
        """Wait until the operation's time is over: clients see the change then."""
        if self.delay:
            await asyncio.sleep(max(0.0, self.delay - (time.monotonic() - self.since)))


#: Does what an operation is for: begin, make it real, end, note it in the books. Returns the
#: response of a long-running operation.
Work = Callable[[Hold], Awaitable[dict[str, Any] | None]]


@dataclass
class Operation:
    """One operation, of whichever API; `shapes.py` writes it in that API's form."""

    name: str
    api: str
    method: str
    target: str
    target_id: str
    project: str
    location: str
    user: str
    #: The schema that its API writes it by.
    schema: str = "Operation"
    id: str = field(default_factory=number)
    status: str = "PENDING"
    inserted: str = field(default_factory=now)
    started: str = ""
    ended: str = ""
    error: dict[str, Any] | None = None
    http: int = 0
    response: dict[str, Any] | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.status == "DONE"

    def fail(self, code: str, message: str, http: int) -> None:
        """Note why it failed."""
        self.error = {"code": code, "message": message}
        self.http = http


_KEPT = 500
_FIELDS = tuple(entry.name for entry in fields(Operation) if entry.name != "finished")
_HTTP = {"QUOTA_EXCEEDED": 403, "RESOURCE_NOT_FOUND": 404, "RESOURCE_ALREADY_EXISTS": 409}
_HTTP |= {"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": 400, "INVALID_USAGE": 400}
_HTTP |= {"ZONE_RESOURCE_POOL_EXHAUSTED": 503, "RESOURCE_OPERATION_RATE_EXCEEDED": 403}


class Operations:
    """All operations. `speed` divides the table's seconds; 0 means that nothing takes time."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.known: dict[str, Operation] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.requests: dict[tuple[str, str], Operation] = {}

    def dump(self) -> list[dict[str, Any]]:
        """Give the newest operations for the file."""
        kept = list(self.known.values())[-_KEPT:]
        return [{name: getattr(made, name) for name in _FIELDS} for made in kept]

    def load(self, entries: list[dict[str, Any]]) -> None:
        """Take them back; what ran when the emulator ended has failed."""
        for entry in entries:
            made = Operation(**entry)
            if not made.done:
                made.fail("INTERNAL_ERROR", "The emulator was stopped while it ran.", 500)
                made.status, made.ended = "DONE", now()
            made.finished.set()
            self.known[f"{made.api}/{made.name}"] = made

    def delay(self, method: str) -> float:
        """Seconds that an operation of a method is to take."""
        return seconds_of(method) / self.speed if self.speed else 0.0

    def of_api(self, api: str) -> list[Operation]:
        """All operations of an API, the newest first."""
        return [made for made in reversed(self.known.values()) if made.api == api]

    async def start(self, made: Operation, delay: float, work: Work, fault: Fault | None) -> None:
        """Let an operation run; wait a moment for what is done at once."""
        self.known[f"{made.api}/{made.name}"] = made
        while len(self.known) > 5000:
            self.known.pop(next(iter(self.known)))
        task = asyncio.get_running_loop().create_task(self._run(made, delay, work, fault))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if not delay:
            await asyncio.wait({task}, timeout=0.02)

    async def _run(self, made: Operation, delay: float, work: Work, fault: Fault | None) -> None:
        hold = Hold(delay, fault)
        try:
            if delay:
                await asyncio.sleep(delay * 0.1)
            made.status, made.started = "RUNNING", now()
            made.response = await work(hold)
        except BackendError as error:
            made.fail(error.code, error.message, _HTTP.get(error.code, 400))
        except asyncio.CancelledError:
            made.fail("INTERNAL_ERROR", "The emulator was stopped", 500)
            raise
        finally:
            made.status, made.ended = "DONE", now()
            made.finished.set()

    async def stop(self) -> None:
        """End what runs."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
