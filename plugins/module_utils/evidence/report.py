# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One drill's report: what was measured, against what was promised. What is not known is None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import Attempt
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.errors import (
    EvidenceError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.gaps import (
    Gap,
    find_gaps,
    interruption,
    lsn_to_bytes,
    outage_seconds,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.phases import (
    FAILOVER_PHASES,
    FIRST_WRITE,
    Event,
    Phase,
    parse_events,
    phases_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.slo import (
    SloBudget,
    spend,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.topology import (
    Topology,
    parse_topology,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.verdict import (
    Check,
    at_most,
    verdict_of,
)

SCHEMA_VERSION = 1
NO_VERIFICATION = "the acknowledged payments were not compared with the database"
NO_OLD_POSITION = "the old primary's last WAL position and that of the promotion are not both known"


@dataclass(frozen=True)
class Inputs:
    """What a drill handed in. Dicts as the modules return them."""

    id: str
    kind: str
    title: str
    probe: Mapping[str, Any]
    attempts: Sequence[Attempt] | None = None
    events: Sequence[Mapping[str, Any]] = ()
    topology_before: Mapping[str, Any] | None = None
    topology_after: Mapping[str, Any] | None = None
    bound: Mapping[str, Any] | None = None
    targets: Mapping[str, Any] = field(default_factory=dict)
    wal: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    objective: float = 0.9999
    evidence_files: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class BoundTerm:
    """One part of the computed bound, seconds, and where the figure comes from."""

    term: str
    seconds: float
    source: str


@dataclass(frozen=True)
class Outage:
    """The gap in acknowledgements. `end` is None where none came after it."""

    start: float
    end: float | None
    at_least_seconds: float
    total_seconds: float


@dataclass(frozen=True)
class Report:
    """The contract: docs/drill-report.schema.json. Times are epoch seconds."""

    schema_version: int
    id: str
    kind: str
    title: str
    verdict: str
    checks: list[Check]
    rto_seconds: float | None
    bound_seconds: float | None
    bound_terms: list[BoundTerm]
    rpo_rows: int | None
    rpo_bytes: int | None
    acknowledged: int | None
    unacknowledged_present: int | None
    duplicates: int | None
    outage: Outage | None
    slo_budget: SloBudget | None
    events: list[Event]
    phases: list[Phase]
    targets: dict[str, Any]
    topology_before: Topology | None
    topology_after: Topology | None
    probe: dict[str, Any]
    context: dict[str, Any]
    unknown: dict[str, str]
    evidence_files: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def build_report(inputs: Inputs) -> Report:
    """Compute the report; raises EvidenceError for inputs that contradict each other."""
    probe, unknown = dict(inputs.probe), dict[str, str]()
    events = parse_events(inputs.events)
    outage = _outage(inputs, events[0].at if events else None)
    rto = _rto(inputs, outage, unknown)
    terms, bound = _bound(inputs.bound)
    if bound is None:
        unknown["bound_seconds"] = "no bound was given"
    verification = _verification(probe, unknown)
    rpo_bytes = _rpo_bytes(inputs.wal, unknown)
    expected = FAILOVER_PHASES if "failover" in inputs.kind else (FIRST_WRITE,)
    checks = _checks(rto, outage, bound, verification, inputs.targets, unknown)
    return Report(
        schema_version=SCHEMA_VERSION,
        id=inputs.id,
        kind=inputs.kind,
        title=inputs.title,
        verdict=verdict_of(checks),
        checks=checks,
        rto_seconds=rto,
        bound_seconds=bound,
        bound_terms=terms,
        rpo_rows=verification.get("missing"),
        rpo_bytes=rpo_bytes,
        acknowledged=probe.get("acknowledged"),
        unacknowledged_present=verification.get("unacknowledged_present"),
        duplicates=verification.get("duplicates"),
        outage=outage,
        slo_budget=None if outage is None else spend(outage.total_seconds, inputs.objective),
        events=events,
        phases=phases_of(events, outage.end if outage else None, expected),
        targets=dict(inputs.targets),
        topology_before=parse_topology(inputs.topology_before, "before", unknown),
        topology_after=parse_topology(inputs.topology_after, "after", unknown),
        probe=probe,
        context=dict(inputs.context),
        unknown=unknown,
        evidence_files=[dict(one) for one in inputs.evidence_files],
    )


def _rto(inputs: Inputs, outage: Outage | None, unknown: dict[str, str]) -> float | None:
    """Seconds from the last acknowledgement before the gap to the first one after it."""
    if inputs.attempts is None and inputs.probe.get("gaps") is None:
        unknown["rto_seconds"] = "the probe was not stopped, so its record was not summed up"
    elif outage is None:
        unknown["rto_seconds"] = "no gap between acknowledged payments was found after the event"
    elif outage.end is None:
        unknown["rto_seconds"] = "no acknowledgement came after the gap"
    else:
        return round(outage.end - outage.start, 3)
    return None


def _verification(probe: Mapping[str, Any], unknown: dict[str, str]) -> Mapping[str, Any]:
    """What the comparison with the database found; empty where there was none."""
    verification = probe.get("verification")
    if not verification:
        unknown["rpo_rows"] = str(probe.get("verification_reason") or NO_VERIFICATION)
    return verification or {}


def _gaps(inputs: Inputs) -> list[Gap]:
    """From the full record where it was fetched, else the longest ones that the probe returned."""
    if inputs.attempts is not None:
        times = [one.done for one in inputs.attempts if one.ok]
        ended = inputs.probe.get("ended_at")
        return find_gaps(times, None if ended is None else float(ended))
    return [
        Gap(float(one["start"]), one["end"], float(one["seconds"]))
        for one in inputs.probe.get("gaps") or []
    ]


def _outage(inputs: Inputs, since: float | None) -> Outage | None:
    gaps = _gaps(inputs)
    longest = interruption(gaps, since)
    if longest is None:
        return None
    return Outage(longest.start, longest.end, longest.seconds, outage_seconds(gaps, since))


def _bound(given: Mapping[str, Any] | None) -> tuple[list[BoundTerm], float | None]:
    """Terms and their sum; raises EvidenceError `bound_mismatch` where a given sum is another."""
    if not given:
        return [], None
    try:
        terms = [
            BoundTerm(str(one["term"]), float(one["seconds"]), str(one.get("source", "")))
            for one in given.get("terms") or []
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError(
            "bad_bound", f"Every term of the bound needs term and seconds: {error!r}."
        ) from error
    total = given.get("total_seconds", given.get("bound_seconds"))
    summed = round(sum(term.seconds for term in terms), 3)
    if total is None:
        return terms, summed if terms else None
    if terms and abs(float(total) - summed) > 0.01 * (len(terms) + 1):
        raise EvidenceError(
            "bound_mismatch", f"The bound is {total} s, but its terms add up to {summed} s."
        )
    return terms, float(total)


def _rpo_bytes(wal: Mapping[str, Any], unknown: dict[str, str]) -> int | None:
    """WAL that the old primary had written and the new timeline has not."""
    last, promoted = wal.get("old_primary_lsn"), wal.get("promotion_lsn")
    if not last or not promoted:
        unknown["rpo_bytes"] = str(wal.get("reason") or NO_OLD_POSITION)
        return None
    try:
        return max(0, lsn_to_bytes(str(last)) - lsn_to_bytes(str(promoted)))
    except ValueError as error:
        raise EvidenceError("bad_lsn", f"Option wal: {error}.") from error


def _checks(
    rto: float | None,
    outage: Outage | None,
    bound: float | None,
    verification: Mapping[str, Any],
    targets: Mapping[str, Any],
    unknown: Mapping[str, str],
) -> list[Check]:
    """Every promise that was made; booking a payment twice is against all of them."""
    checks = []
    reason, at_least = unknown.get("rto_seconds"), outage.at_least_seconds if outage else None
    for name, limit in (("RTO target", targets.get("rto_seconds")), ("computed bound", bound)):
        if limit is not None:
            checks.append(at_most(name, rto, float(limit), "s", reason, at_least))
    reason = unknown.get("rpo_rows")
    rows = (("RPO target", targets.get("rpo_rows"), "missing"), ("booked twice", 0, "duplicates"))
    for name, limit, key in rows:
        if limit is not None:
            checks.append(at_most(name, verification.get(key), float(limit), "rows", reason))
    return checks
