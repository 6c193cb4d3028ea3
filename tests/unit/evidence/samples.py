"""A made-up failover, written down as the probe would."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import (
    parse_attempts,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.gaps import summarize

START = 1735732800.0
FAULT = START + 18.0
RECOVERED = START + 24.98
RATE = 50


def attempt_lines(
    seconds: float = 60.0, fault: float = FAULT, recovered: float = RECOVERED
) -> list[str]:
    """Payments at 50 a second; none acknowledged in the outage, those that waited right after it."""
    chance, lines = random.Random(7), []
    for number in range(int(seconds * RATE)):
        due, key = START + number / RATE, f"drill-{number + 1}"
        server, timeline, attempt, begun = "10.10.1.11", 1, 1, due
        if due >= fault:
            server, timeline = "10.10.1.12", 2
        if fault <= due < recovered:
            for moment in (due + 0.02, due + 2.0):
                if moment < recovered:
                    lines.append(_failed(key, attempt, due, moment, attempt == 1))
                    attempt += 1
            begun = recovered + (due - fault) / (recovered - fault) * 0.8
        done = max(begun + chance.uniform(0.002, 0.006), recovered if begun >= recovered else 0)
        record = {
            "key": key,
            "attempt": attempt,
            "due": due,
            "begun": begun,
            "sent": begun,
            "done": round(done, 6),
        }
        record.update(
            ok=True, server=server, timeline=timeline, lsn=f"0/{0x5000000 + number * 256:X}"
        )
        lines.append(json.dumps(record) + "\n")
    return sorted(lines, key=lambda line: float(json.loads(line)["done"]))


def _failed(key: str, attempt: int, due: float, done: float, connecting: bool) -> str:
    record = {
        "key": key,
        "attempt": attempt,
        "due": due,
        "begun": done - 0.02,
        "done": done,
        "ok": False,
    }
    record.update(
        sent=None if connecting else done - 0.01, phase="connect" if connecting else "statement"
    )
    record.update(error="closed" if connecting else "timeout", message="gone")
    return json.dumps(record) + "\n"


def probe_result(lines: list[str], **verification: Any) -> dict[str, Any]:
    """What transaction_probe returns for this record."""
    attempts = list(parse_attempts(lines))
    end = max(one.done for one in attempts) + 0.01
    result = {
        "id": "drill",
        "rate": float(RATE),
        "workers": 8,
        "started_at": START,
        "ended_at": end,
    }
    result.update(summarize(attempts, START, end))
    held = {
        "missing": 0,
        "missing_keys": [],
        "unacknowledged_present": 1,
        "duplicates": 0,
        **verification,
    }
    result.update(verification=held, verification_reason=None)
    result["result_sha256"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    return result


def member(name: str, role: str, timeline: int, lsn: str, lag: int | None = 0) -> dict[str, Any]:
    state = "running" if role == "leader" else "streaming"
    return {
        "name": name,
        "role": role,
        "state": state,
        "timeline": timeline,
        "lag": lag,
        "replay_lsn": lsn,
    }


def drill(**changes: Any) -> dict[str, Any]:
    """Options of drill_report, complete."""
    names = ("pay-main-1", "pay-main-2", "pay-main-3", "pay-main-backup")
    before = [member(names[0], "leader", 1, "0/5038400", None)]
    before += [member(name, "quorum_standby", 1, "0/5038400") for name in names[1:3]]
    before += [member(names[3], "replica", 1, "0/5038200", 512)]
    after = [
        member(names[1], "leader", 2, "0/508B2A8", None),
        member(names[2], "quorum_standby", 2, "0/508B2A8"),
    ]
    after += [member(names[3], "replica", 2, "0/508B100", 424)]
    terms = [
        ("the old primary is fenced", 2.0, "option fence"),
        ("its key is freed", 0.5, "etcd: one transaction"),
        ("a replica acts", 1.0, "allowance; Patroni: the watch wakes the loop when the key goes"),
        ("members are asked for their position", 2.0, "Patroni: ha.fetch_node_status, timeout=2"),
        ("promotion", 2.0, "allowance"),
        ("the balancer sees it", 0.4, "HAProxy: (rise - 1) x fastinter + one check"),
        ("the client connects again", 1.2, "probe: retry pause and connection"),
    ]
    options: dict[str, Any] = {
        "directory": "artifacts/drills",
        "id": "failover-20250101T120000",
        "kind": "failover",
        "title": "Loss of the primary's host",
        "probe": probe_result(attempt_lines()),
        "attempts_file": None,
        "events": [
            {"name": "fault", "at": FAULT, "note": "host pay-main-1 stopped", "extra": None},
            {"name": "detect", "at": FAULT + 1.1, "note": None},
            {"name": "fence", "at": FAULT + 2.4, "note": "host is off"},
            {"name": "promote", "at": FAULT + 5.2, "note": "timeline 2"},
            {"name": "route", "at": FAULT + 6.7, "note": None},
        ],
        "topology_before": {"leader": names[0], "timeline": 1, "members": before},
        "topology_after": {"leader": names[1], "timeline": 2, "members": after},
        "bound": {
            "terms": [dict(zip(("term", "seconds", "source"), t, strict=True)) for t in terms],
            "total_seconds": 9.1,
        },
        "targets": {"rto_seconds": 8.0, "rpo_rows": 0},
        "wal": {"old_primary_lsn": None, "promotion_lsn": None, "reason": None},
        "objective": 0.9999,
        "context": {
            "commit": "4f2c9be",
            "operator": "alice",
            "approver": "bob",
            "fence": "lab: host stopped",
            "presets": "fast, sync",
            "versions": "PostgreSQL 17.11, Patroni 4.0.7, etcd 3.5.16, HAProxy 3.0.11",
        },
    }
    return {**options, **changes}
