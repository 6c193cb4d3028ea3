# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a stream of acknowledgements says about an outage: gaps, latencies, counts per moment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import Attempt

BUCKET_SECONDS = 0.1
MOST_BUCKETS = 12_000  # 20 minutes in steps of 100 ms; longer runs get wider steps
LONGEST_GAPS = 10
NOTICED_SECONDS = 0.5  # shorter gaps are the jitter of a busy host, not an outage
ORDINARY_END_SECONDS = 1.0


@dataclass(frozen=True)
class Gap:
    """Time without acknowledgements (epoch seconds). `end` is None where none came any more:
    `seconds` then reaches to the end of the probe and is a lower limit."""

    start: float
    end: float | None
    seconds: float


def find_gaps(acknowledgements: Sequence[float], until: float | None = None) -> list[Gap]:
    """All times between two acknowledgements, and from the last one to `until`; longest first."""
    times = sorted(acknowledgements)
    gaps = [
        Gap(start, end, round(end - start, 6))
        for start, end in zip(times, times[1:])
        if end > start
    ]
    if times and until is not None and until > times[-1]:
        gaps.append(Gap(times[-1], None, round(until - times[-1], 6)))
    return sorted(gaps, key=lambda gap: (-gap.seconds, gap.start))


def interruption(gaps: Sequence[Gap], since: float | None = None) -> Gap | None:
    """The longest gap that had not ended at `since`: what the event at that time has cost.

    The recovery time is its length, from the last acknowledgement before it to the first one after.
    A short open gap is the ordinary end of a probe and says nothing.
    """
    return max(touched(gaps, since), key=lambda gap: gap.seconds, default=None)


def touched(gaps: Sequence[Gap], since: float | None) -> list[Gap]:
    """The gaps that had not ended at `since`, without the ordinary end of the probe."""
    return [
        gap
        for gap in gaps
        if (gap.end is None and gap.seconds >= ORDINARY_END_SECONDS)
        or (gap.end is not None and (since is None or gap.end > since))
    ]


def outage_seconds(gaps: Sequence[Gap], since: float | None) -> float:
    """All time without acknowledgements in gaps that a customer would notice."""
    noticed = [gap.seconds for gap in touched(gaps, since) if gap.seconds >= NOTICED_SECONDS]
    return round(sum(noticed), 3)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile: the smallest value that `share` of all do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latencies(values: Sequence[float]) -> dict[str, float | None]:
    """Percentiles in milliseconds of durations in seconds."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    result: dict[str, float | None] = {}
    for name, share in shares.items():
        value = percentile(values, share)
        result[name] = None if value is None else round(value * 1000, 1)
    return result


def histogram(attempts: Sequence[Attempt], start: float, end: float) -> dict[str, Any]:
    """Acknowledged and failed attempts per step of time, by the moment at which they ended."""
    width = BUCKET_SECONDS
    while (end - start) / width > MOST_BUCKETS:
        width *= 2
    size = max(1, math.ceil((end - start) / width))
    acknowledged, failed = [0] * size, [0] * size
    for attempt in attempts:
        place = min(size - 1, max(0, int((attempt.done - start) / width)))
        (acknowledged if attempt.ok else failed)[place] += 1
    return {
        "start": start,
        "bucket_seconds": width,
        "acknowledged": acknowledged,
        "failed": failed,
    }


def servers(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Who acknowledged, on which timeline, when, and up to which WAL position; in order of time."""
    found: dict[tuple[str | None, int | None], dict[str, Any]] = {}
    for attempt in attempts:
        if not attempt.ok:
            continue
        entry = found.setdefault(
            (attempt.server, attempt.timeline),
            {
                "server": attempt.server,
                "timeline": attempt.timeline,
                "acknowledged": 0,
                "first_ack": attempt.done,
            },
        )
        entry["acknowledged"] += 1
        entry["last_ack"] = max(attempt.done, entry.get("last_ack", attempt.done))
        if attempt.lsn is not None and lsn_to_bytes(attempt.lsn) >= lsn_to_bytes(
            entry.get("last_lsn", "0/0")
        ):
            entry["last_lsn"] = attempt.lsn
    return sorted(found.values(), key=lambda entry: float(entry["first_ack"]))


def lsn_to_bytes(lsn: str) -> int:
    """A WAL position such as 0/3000148 as a number of bytes; raises ValueError for anything else."""
    high, slash, low = lsn.partition("/")
    if not slash:
        raise ValueError(f"not a WAL position: {lsn!r}")
    return (int(high, 16) << 32) + int(low, 16)


def summarize(attempts: Sequence[Attempt], start: float, end: float) -> dict[str, Any]:
    """All figures that the record of attempts alone gives; `start` and `end` are the probe's own."""
    acknowledged = [attempt for attempt in attempts if attempt.ok]
    times = [attempt.done for attempt in acknowledged]
    keys = {attempt.key for attempt in acknowledged}
    return {
        "attempts": len(attempts),
        "acknowledged": len(keys),
        "failed_attempts": len(attempts) - len(acknowledged),
        "unacknowledged": len({attempt.key for attempt in attempts} - keys),
        "first_ack": min(times, default=None),
        "last_ack": max(times, default=None),
        "errors": dict(
            Counter(f"{one.phase}:{one.error}" for one in attempts if not one.ok).most_common()
        ),
        "latency_ms": latencies([one.done - one.begun for one in acknowledged]),
        "waited_ms": latencies([one.done - one.due for one in acknowledged]),
        "servers": servers(attempts),
        "gaps": [asdict(gap) for gap in find_gaps(times, end)[:LONGEST_GAPS]],
        "histogram": histogram(attempts, start, end),
    }
