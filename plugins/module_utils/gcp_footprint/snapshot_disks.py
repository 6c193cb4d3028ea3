# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a snapshot of every disk that bears a label, and delete what is older than it has to be kept.

A Cloud Run job runs this text behind that of snapshot_google (python -c): they need nothing but Python's own library,
and this one the other. The environment says what to do: PROJECT (where the snapshots are), SOURCES (projects of the
disks, with commas; PROJECT by default), LABEL (key=value, of disks and of the snapshots), PREFIX (of the snapshots'
names: others are none of this job's), LOCATION (where Google stores them; its own choice by default), MODE (take,
clean, or both with a comma), KEEP_HOURS, KEEP_ALL_HOURS (what is older is thinned out, see expired; by default nothing
is), KEEP_LAST (as many good ones of each disk stay, however old), WAIT_SECONDS. Exit code 1: not every disk has what
it should have; the lines on stdout, one JSON object each as Cloud Logging reads it, say which and why.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshot_google import (
    UNDER_WAY,
    Given,
    Google,
    RefusedError,
    Thing,
    Things,
    access_token,
)

#: Google refuses a second snapshot of a disk for some minutes
#: (https://cloud.google.com/compute/docs/disks/snapshot-best-practices): one as young as this will do.
GAP = timedelta(minutes=10)
#: The state of a snapshot that is of use.
GOOD = "READY"
DAY = timedelta(hours=24)
#: The label by which gcp_resources prunes what is not declared any more: snapshots are never declared.
OWNER = "groundwork-owner"


def log(severity: str, message: str, **more: Any) -> None:
    """Write a line that Cloud Logging takes apart."""
    sys.stdout.write(json.dumps({"severity": severity, "message": message, **more}) + "\n")
    sys.stdout.flush()


def begun(item: Thing) -> datetime:
    """Return when a snapshot was begun (RFC 3339)."""
    return datetime.fromisoformat(item["creationTimestamp"].replace("Z", "+00:00"))


def age(item: Thing, now: datetime) -> timedelta:
    """Return how long ago a snapshot was begun."""
    return now - begun(item)


def snapshot_name(prefix: str, disk: Thing, now: datetime) -> str:
    """Return a name that no other snapshot has: PREFIX-DISK-WHICH-TIME, of 63 characters at the most.

    Disks of two zones or projects may have the same name: WHICH tells them apart.
    """
    end = f"-{hashlib.sha256(disk['id'].encode()).hexdigest()[:6]}-{now:%Y%m%d-%H%M%S}"
    return f"{prefix}{disk['name']}"[: 63 - len(end)].rstrip("-") + end


def of_disk(disk: Thing, snapshots: Things, now: datetime) -> Things:
    """Return the disk's snapshots, the newest first. A disk that was made anew under its name has another ID."""
    mine = [item for item in snapshots if item.get("sourceDiskId") == disk["id"]]
    return sorted(mine, key=lambda item: age(item, now))


def young_enough(snapshots: Things, now: datetime) -> Thing | None:
    """Return a snapshot that was taken just now, or a disk's first one that is still under way; or None."""
    first = not any(item["status"] == GOOD for item in snapshots)
    for item in snapshots:
        if age(item, now) < (DAY if first else GAP) and item["status"] in (GOOD, *UNDER_WAY):
            return item
    return None


def expired(snapshots: Things, now: datetime, keep: float, every: float, last: int) -> Things:
    """Return what may go: too old, not under way, and none of its disk's last good ones.

    Too old is what has more hours than KEEP; from EVERY hours on, all but the first good one of each day (UTC). A disk
    that is gone keeps its last good ones, too: they may be all that is left of it.
    """
    found = []
    for disk in {item.get("sourceDiskId") for item in snapshots}:
        mine = of_disk({"id": disk}, snapshots, now)
        good = [item for item in mine if item["status"] == GOOD]
        # The newest come first, so of a day the last one to be noted is its first.
        days = {begun(item).astimezone(timezone.utc).date(): item["name"] for item in good}
        kept, firsts = [item["name"] for item in good[:last]], set(days.values())
        for item in mine:
            limit = keep if item["name"] in firsts else min(keep, every)
            old = age(item, now) > timedelta(hours=limit) and item["status"] not in UNDER_WAY
            found += [item] if old and item["name"] not in kept else []
    return found


def lost(disks: Things, snapshots: Things, sources: Sequence[str], now: datetime) -> list[str]:
    """Return disks of the sources that were copied within a day and are not to be seen any more.

    Who is master of a source may take the label off: the copies must not end in silence.
    """
    seen = {disk["id"] for disk in disks}
    young = [item for item in snapshots if age(item, now) < DAY]
    gone = {item.get("sourceDisk", "") for item in young if item.get("sourceDiskId") not in seen}
    found = {link.partition("/projects/")[2] for link in gone}
    return sorted(where for where in found if where.partition("/")[0] in sources)


def attempt(doing: str, what: str, work: Callable[..., Any], *given: Any) -> Any:
    """Return what work returns, or None after a line that says why it failed."""
    try:
        return work(*given)
    except RefusedError as error:
        log("ERROR", f"{doing} of {what} failed: {error}", resource=what)
        return None


def find_disks(given: Given, token: str) -> tuple[Things, list[str], int]:
    """Return the disks of all sources, which sources have answered, and how many have shown none."""
    disks, answered, failed = [], [], 0
    for source in given["SOURCES"].split(","):
        found = attempt("Look at disks", source, Google(source, token).disks, given["LABEL"])
        answered += [] if found is None else [source]
        if found == []:
            log("ERROR", f"No disk of {source} bears the label {given['LABEL']}", resource=source)
        failed += not found
        for disk in found or ():
            own = source == given["PROJECT"]
            disks.append({**disk, "called": disk["name"] if own else f"{source}/{disk['name']}"})
    return disks, answered, failed


def take(google: Google, disk: Thing, given: Given, now: datetime) -> tuple[str, str]:
    """Begin a snapshot of a disk; return its name and that of the operation."""
    name = snapshot_name(given["PREFIX"], disk, now)
    labels = {**disk.get("labels", {}), **dict([given["LABEL"].split("=")])}
    labels.pop(OWNER, None)
    body: Thing = {"name": name, "sourceDisk": disk["selfLink"], "labels": labels}
    if given["LOCATION"]:
        body["storageLocations"] = [given["LOCATION"]]
    # Sent again, it is the same request: Google answers with the operation that there is.
    query = {"requestId": str(uuid.uuid4())}
    return name, google.ask("POST", "/global/snapshots", body, query)["name"]


def await_all(google: Google, given: Given, awaited: Mapping[str, str]) -> dict[str, str]:
    """Wait until snapshots (name: operation) are good; return those that are not, with their state."""
    end, pause = time.monotonic() + float(given["WAIT_SECONDS"]), 1
    pending = dict.fromkeys(awaited, UNDER_WAY[0])
    while True:
        for name in [name for name, state in pending.items() if state in UNDER_WAY]:
            try:
                pending[name] = google.state(name, awaited[name])
            except RefusedError as error:
                log("WARNING", f"Asking after {name} failed: {error}", snapshot=name)
            if time.monotonic() > end:
                break
        pending = {name: state for name, state in pending.items() if state != GOOD}
        if not set(pending.values()) & set(UNDER_WAY) or time.monotonic() > end:
            return pending
        time.sleep(pause)
        pause = min(2 * pause, 10)


def snapshot_all(google: Google, given: Given, disks: Things, before: Things, now: datetime) -> int:
    """Take a snapshot of each disk, all at once; return how many disks have none."""
    due, awaited, called = [], {}, {}
    for disk in disks:
        young, its = young_enough(of_disk(disk, before, now), now), disk["called"]
        if not young:
            due.append(disk)
        elif young["status"] == GOOD:
            log("INFO", f"{its} has {young['name']}, which is young enough", disk=its)
        else:
            awaited[young["name"]], called[young["name"]] = "", its

    def begin(disk: Thing) -> bool:
        made = attempt("Snapshot", disk["called"], take, google, disk, given, now)
        if made:
            awaited[made[0]], called[made[0]] = made[1], disk["called"]
        return made is None

    with ThreadPoolExecutor(max_workers=16) as pool:
        failed = sum(pool.map(begin, due))
    pending = await_all(google, given, awaited)
    for name, its in sorted(called.items()):
        said = f"{name} of {its} is {pending.get(name, GOOD)}"
        log("ERROR" if name in pending else "INFO", said, disk=its, snapshot=name)
    return failed + len(pending)


def delete(google: Google, name: str) -> bool:
    """Delete a snapshot. One that is gone was deleted by the same request, or by somebody else."""
    try:
        google.ask("DELETE", "/global/snapshots/" + name)
    except RefusedError as error:
        if error.code != 404:
            raise
    return True


def clean(google: Google, given: Given, now: datetime) -> int:
    """Delete what has been kept long enough, of this job's own; return how many could not be."""
    own, keep = google.snapshots(given["PREFIX"]), float(given["KEEP_HOURS"])
    every = float(given.get("KEEP_ALL_HOURS", keep))
    failed = 0
    for item in expired(own, now, keep, every, int(given["KEEP_LAST"])):
        name = item["name"]
        if attempt("Deletion", name, delete, google, name):
            log("INFO", f"{name} is deleted", snapshot=name)
        else:
            failed += 1
    return failed


def main(environment: Given) -> int:
    """Do what the environment says; return the exit code."""
    given = {"SOURCES": environment["PROJECT"], "LOCATION": "", **environment}
    modes = given["MODE"].split(",")
    now = datetime.now(timezone.utc)
    google = Google(given["PROJECT"], access_token())
    failed = 0
    if "take" in modes:
        disks, answered, failed = find_disks(given, google.token)
        before = google.snapshots(given["PREFIX"])
        gone = lost(disks, before, answered, now) if given["SOURCES"] != given["PROJECT"] else []
        for where in gone:
            log("ERROR", f"{where} was copied before: it is gone, or without its label")
        failed += len(gone)
        failed += snapshot_all(google, given, disks, before, now)
    if "clean" in modes:
        failed += clean(google, given, now)
    log("ERROR" if failed else "INFO", f"{failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(os.environ))
    except (RefusedError, KeyError) as problem:
        log("ERROR", f"{type(problem).__name__}: {problem}")
        raise SystemExit(1) from problem
