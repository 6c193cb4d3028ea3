# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stream of synthetic 1.00 payments, each on its own record: the meter of every drill.

The module copies this file and link.py to the client host and starts them there with the settings
on standard input, so that the password is never an argument, in the environment or in a file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import random
import signal
import sys
import threading
import time
from typing import Any, TextIO

from .link import Link, LinkError

# The repetition of a payment must write. One that only found its row (DO NOTHING) writes no WAL, so
# its commit waits for no standby: it would acknowledge a row that only a dying primary has.
PAY = """INSERT INTO {table} AS payment (idempotency_key, probe, amount, attempt)
    VALUES ($1, $2, 1.00, $3::integer)
    ON CONFLICT (idempotency_key) DO UPDATE SET attempt = GREATEST(payment.attempt, EXCLUDED.attempt)
    RETURNING host(inet_server_addr()), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        pg_current_wal_insert_lsn()::text"""

EPOCH = time.time() - time.monotonic()
Due = tuple[int, float]


def now() -> float:
    """Epoch seconds that never jump: wall time at the start, carried on by the monotonic clock."""
    return round(time.monotonic() + EPOCH, 6)


class Journal:
    """Every attempt on a line of its own, and a small status file for whoever looks."""

    def __init__(self, attempts: TextIO, settings: dict[str, Any]) -> None:
        self._lock = threading.Lock()
        self._file = attempts
        self._path = os.path.join(settings["directory"], "status.json")
        self.status: dict[str, Any] = {
            "id": settings["id"],
            "pid": os.getpid(),
            "rate": settings["rate"],
            "workers": settings["workers"],
            "duration": settings["duration"],
            "table": settings["table"],
            "started_at": now(),
            "ended_at": None,
            "end_reason": None,
            "attempts": 0,
            "acknowledged": 0,
            "failed_attempts": 0,
            "shed": 0,
            "first_ack": None,
            "last_ack": None,
            "server": None,
            "timeline": None,
            "last_error": None,
        }

    def attempt(self, record: dict[str, Any]) -> None:
        """Write one attempt and count it."""
        with self._lock:
            self._file.write(json.dumps(record, separators=(",", ":")) + "\n")
            self._file.flush()
            self.status["attempts"] += 1
            if record["ok"]:
                self.status["acknowledged"] += 1
                self.status["first_ack"] = self.status["first_ack"] or record["done"]
                self.status.update(
                    last_ack=record["done"], server=record["server"], timeline=record["timeline"]
                )
            else:
                self.status["failed_attempts"] += 1
                self.status["last_error"] = {
                    "at": record["done"],
                    "phase": record["phase"],
                    "code": record["error"],
                    "message": record["message"],
                }

    def publish(self, **changes: Any) -> None:
        """Replace the status file as a whole."""
        with self._lock:
            self.status.update(changes)
            with open(self._path + ".new", "w", encoding="utf-8") as file:
                json.dump(self.status, file)
            os.replace(self._path + ".new", self._path)


class Worker(threading.Thread):
    """Takes due payments and repeats each under its key until acknowledged or the probe ends."""

    def __init__(
        self,
        settings: dict[str, Any],
        due: queue.Queue[Due | None],
        journal: Journal,
        abandon: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._settings, self._due, self._journal, self._abandon = settings, due, journal, abandon
        self._statement = PAY.format(table=settings["table"])
        self._link = Link(
            settings["connection"], settings["connect_timeout"], settings["statement_timeout"]
        )

    def run(self) -> None:
        """Until the end mark is taken."""
        for number, due in iter(self._due.get, None):
            attempt = 1
            while not self._attempt(f"{self._settings['id']}-{number}", due, attempt):
                attempt += 1
                if self._abandon.wait(self._settings["retry_pause"] * random.uniform(0.5, 1.5)):
                    break
            self._due.task_done()
        self._link.close()

    def _attempt(self, key: str, due: float, attempt: int) -> bool:
        record: dict[str, Any] = {
            "key": key,
            "attempt": attempt,
            "due": round(due, 6),
            "begun": now(),
            "sent": None,
        }
        try:
            if not self._link.is_open():
                # Workers that fell silent together should not come back together: spread over
                # time, one of them finds the new primary sooner.
                self._link.open(random.uniform(0.6, 1.0))
            record["sent"] = now()
            server, timeline, lsn = self._link.execute(
                self._statement, (key, self._settings["id"], str(attempt))
            )[0]
            record.update(
                done=now(), ok=True, server=server, timeline=int(timeline or "0", 16), lsn=lsn
            )
        except LinkError as error:
            record.update(
                done=now(), ok=False, phase=error.phase, error=error.code, message=str(error)
            )
            self._link.close()
        self._journal.attempt(record)
        return bool(record["ok"])


def schedule(
    settings: dict[str, Any],
    due: queue.Queue[Due | None],
    journal: Journal,
    stopping: threading.Event,
) -> str:
    """Hand out payments when they are due, whether or not earlier ones were acknowledged.

    An open loop: an outage does not slow the customers down. Past the backlog payments are shed
    and counted. Returns why it ended.
    """
    start = now()
    number, published = 0, 0.0
    while not stopping.is_set():
        at = start + number / settings["rate"]
        if at >= start + settings["duration"]:
            return "duration"
        moment = now()
        if moment - published >= 0.2:
            published = moment
            journal.publish()
        if moment < at:
            stopping.wait(min(at - moment, 0.2))
            continue
        number += 1
        try:
            due.put_nowait((number, at))
        except queue.Full:
            journal.status["shed"] += 1
    return "stopped"


def run(settings: dict[str, Any]) -> None:
    """The whole life of the probe."""
    os.umask(0o077)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with open(os.path.join(settings["directory"], "lock"), "a", encoding="utf-8") as lock:
        hold(lock)
        with open(
            os.path.join(settings["directory"], "attempts.jsonl"), "a", encoding="utf-8"
        ) as attempts:
            journal = Journal(attempts, settings)
            reason = pay_all(settings, journal, stopping)
            journal.publish(ended_at=now(), end_reason=reason)


def hold(lock: TextIO, patience: float = 1.0) -> None:
    """Lock while the probe lives: that is how the module knows. Raises BlockingIOError.

    The module's own look holds the lock for a moment, so one refusal says nothing.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def pay_all(settings: dict[str, Any], journal: Journal, stopping: threading.Event) -> str:
    """Run the workers and the schedule to their end."""
    due: queue.Queue[Due | None] = queue.Queue(settings["backlog"])
    abandon = threading.Event()
    workers = [Worker(settings, due, journal, abandon) for _number in range(settings["workers"])]
    for worker in workers:
        worker.start()
    reason = schedule(settings, due, journal, stopping)
    deadline = time.monotonic() + settings["statement_timeout"]
    while due.unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.01)  # what is under way gets as long as one statement may take
    abandon.set()
    with contextlib.suppress(queue.Empty):
        while True:  # what nobody has begun is left: it is neither an attempt nor a loss
            due.get_nowait()
            journal.status["shed"] += 1
    for _worker in workers:
        due.put(None)
    for worker in workers:
        worker.join()
    return reason


if __name__ == "__main__":
    run(json.load(sys.stdin))
