# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The course of a drill: each reported moment ends a phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.errors import (
    EvidenceError,
)

FIRST_WRITE = "first_write"
FAILOVER_PHASES = ("detect", "fence", "promote", "route", FIRST_WRITE)


@dataclass(frozen=True)
class Event:
    """A named moment, epoch seconds."""

    name: str
    at: float
    note: str | None = None


@dataclass(frozen=True)
class Phase:
    """The time up to a moment since the one before it. Unknown is None with a reason."""

    name: str
    start: float | None
    end: float | None
    seconds: float | None
    note: str | None = None
    reason: str | None = None


def parse_events(given: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Events in the order of time; raises EvidenceError `bad_event`. One without a time is left out:
    it did not happen, or nobody saw it."""
    events = []
    for item in given:
        if not item.get("name"):
            raise EvidenceError("bad_event", f"An event needs a name: {dict(item)}.")
        if item.get("at") in (None, ""):
            continue
        try:
            at = float(item["at"])
        except (TypeError, ValueError) as error:
            raise EvidenceError(
                "bad_event", f"Event {item['name']}: 'at' is a number of epoch seconds."
            ) from error
        note = item.get("note")
        events.append(Event(str(item["name"]), at, None if note is None else str(note)))
    return sorted(events, key=lambda event: event.at)


def phases_of(
    events: Sequence[Event], first_write: float | None, expected: Sequence[str]
) -> list[Phase]:
    """Phases in the order of time, then those of `expected` that nobody reported.

    The first event is where the clock starts and ends no phase. The first acknowledged write is
    known from the probe and added where it was not given.
    """
    moments = list(events)
    if first_write is not None and moments and all(one.name != FIRST_WRITE for one in moments):
        moments.append(Event(FIRST_WRITE, first_write, "first acknowledgement after the gap"))
        moments.sort(key=lambda event: event.at)
    phases = [
        Phase(end.name, start.at, end.at, round(end.at - start.at, 3), end.note)
        for start, end in zip(moments, moments[1:])
    ]
    known = {phase.name for phase in phases}
    reason = "not reported" if moments else "no events were reported"
    phases += [
        Phase(name, None, None, None, reason=reason) for name in expected if name not in known
    ]
    return phases
