"""Stops a replica that stands past the end of its timeline, so that Patroni rewinds it and it follows again.

usage: patroni_rejoin.py URL_OF_THIS_MEMBER CA_FILE PG_CTL DATA_DIRECTORY

Patroni 4.0.7 compares a member with the primary when PostgreSQL starts and when the primary changes, never later (4.1.5
does). It looks too early in one case that every fence can make: a primary that was cut off shuts down with a checkpoint
that no replica received, starts again as a read-only standby, and its host is ended. What pg_control says then is the
checkpoint's beginning, the very place where the others' timeline forked, and not its end, which is replayed next. Such
a member waits for ever ("new timeline 3 forked off current database system timeline 2 before current recovery point").
It is of no use as it is, and Patroni rewinds it as soon as it finds it stopped.
"""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import time
import urllib.request
from typing import Any

# Two looks this far apart have to agree: for a moment after a failover Patroni is about to rewind on its own.
SECONDS_BETWEEN_LOOKS = 5
TIMEOUT_SECONDS = 3
# Where a rewind does not succeed, stopping again helps nobody, and ends the sessions of who reads here.
STOPS = 3


def stray(member: dict[str, Any], cluster: dict[str, Any], history: list[list[Any]]) -> str | None:
    """What is amiss with a replica that cannot follow; None where all is well or nothing can be said.

    `member` is the answer of Patroni's /patroni, `cluster` of /cluster, `history` of /history: [timeline, its last
    byte, reason, ...] each. Unless another member leads on a later timeline there is nobody to rewind from.
    """
    waits = member.get("role") == "replica" and member.get("state") == "running"
    if not waits or member.get("replication_state") == "streaming" or member.get("pause"):
        return None
    leader = next(
        (m for m in cluster["members"] if m["role"] == "leader" and m["state"] == "running"), None
    )
    timeline = member.get("timeline") or 0
    if leader is None or leader["name"] == member["patroni"]["name"]:
        return None
    position = member.get("xlog", {}).get("replayed_location") or 0
    end = next((line[1] for line in history if line[0] == timeline), None)
    if (leader.get("timeline") or 0) <= timeline or end is None or position <= end:
        return None
    return f"{position} of timeline {timeline}, which ended at byte {end} for {leader['name']}"


def look(url: str, context: ssl.SSLContext) -> tuple[str | None, str | None]:
    """`stray` of this member now, and when its PostgreSQL started."""

    def get(path: str) -> Any:
        with urllib.request.urlopen(
            f"{url}/{path}", context=context, timeout=TIMEOUT_SECONDS
        ) as answer:
            return json.load(answer)

    member = get("patroni")
    return stray(member, get("cluster"), get("history")), member.get("postmaster_start_time")


def permit(place: str) -> bool:
    """Whether it has been stopped there fewer than `STOPS` times; the stop is noted down."""
    file = pathlib.Path(os.environ["RUNTIME_DIRECTORY"], "stops")
    stops = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if stops.count(place) == STOPS:
        return False
    file.write_text("\n".join([*stops, place]), encoding="utf-8")
    return True


def main(url: str, ca_file: str, pg_ctl: str, data_directory: str) -> int:
    """Look twice, and stop PostgreSQL where both looks found the same."""
    context = ssl.create_default_context(cafile=ca_file)
    try:
        place, started = look(url, context)
        if not place:
            return 0
        time.sleep(SECONDS_BETWEEN_LOOKS)
        if look(url, context) != (place, started):
            return 0
    except (OSError, ValueError, http.client.HTTPException):
        # Patroni is stopped or without etcd, or PostgreSQL is stopped (an answer of 503): the next look is due soon,
        # and Patroni and its alerts tell why.
        return 0
    what = f"<4>This member replayed to byte {place}, so it cannot follow."
    if not permit(place):
        print(
            f"{what} {STOPS} stops did not help: see Patroni's log, or make it anew with patronictl reinit."
        )
        return 1
    print(f"{what} PostgreSQL is stopped for Patroni to rewind it.", flush=True)
    stop = [pg_ctl, "stop", "--silent", "--mode=fast", f"--pgdata={data_directory}"]
    return subprocess.run(stop, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
