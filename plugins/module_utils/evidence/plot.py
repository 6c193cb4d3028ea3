# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Geometry of the timeline plot: plain numbers and SVG path data, no markup."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.phases import Event

BEFORE_SECONDS = 8.0  # shown around the gap of a long run
AFTER_SECONDS = 12.0
MINUS = "\u2212"
MARKER_GAP = 20.0  # markers closer than this share a column and are stacked
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)


@dataclass(frozen=True)
class Size:
    """Outer size and margins, in units of the view box; `bars` is the most that are told apart."""

    width: float
    height: float
    bars: int
    ticks: int
    left: float = 40.0
    right: float = 12.0
    top: float = 46.0
    bottom: float = 34.0
    failures: float = 46.0

    @property
    def base(self) -> float:
        """Where acknowledged payments stand; failed attempts hang below it."""
        return self.height - self.bottom - self.failures


WIDE = Size(1080, 340, bars=540, ticks=12)
NARROW = Size(400, 330, bars=180, ticks=5, left=30.0, right=8.0, failures=40.0)


@dataclass(frozen=True)
class Mark:
    """A label at a place: a tick of an axis, or a numbered event (`row` counts from the top)."""

    place: float
    label: str
    row: int = 0


@dataclass(frozen=True)
class Plot:
    """Everything that the template draws."""

    size: Size
    acknowledged: str
    cut: str
    failed: str
    ticks: list[Mark]
    levels: list[Mark]
    markers: list[Mark]
    gap: tuple[float, float] | None
    highest: int
    limit: int
    step_seconds: float
    most_failed: int


def window_of(
    start: float, end: float, outage: tuple[float, float] | None, events: Sequence[Event]
) -> tuple[float, float]:
    """The part of the run to show: all of a short one, else the surroundings of the outage."""
    if outage is None:
        return start, end
    inside = [event.at for event in events if start <= event.at <= end]
    first = min([outage[0], *inside]) - BEFORE_SECONDS
    last = max([outage[1], *inside]) + AFTER_SECONDS
    return max(start, first), min(end, last)


def merge(counts: Sequence[int], factor: int) -> list[int]:
    """Sums of `factor` neighbours."""
    return [sum(counts[place : place + factor]) for place in range(0, len(counts), factor)]


def ceiling_of(counts: Sequence[int]) -> int:
    """Top of the axis: payments that waited come back in one burst, which would flatten the rest."""
    busy = sorted(count for count in counts if count)
    if not busy:
        return 1
    usual = busy[len(busy) // 2]
    return max(2, min(busy[-1], math.ceil(usual * 2.5)))


def _bars(
    counts: Sequence[int], size: Size, unit: float, limit: float, base: float, up: bool
) -> str:
    """One closed path for all bars; `unit` is the height of a full one."""
    slot = (size.width - size.left - size.right) / max(1, len(counts))
    gap = min(1.0, slot * 0.2)
    parts = []
    for place, count in enumerate(counts):
        if count:
            height = max(1.5, min(count, limit) / limit * unit)
            x = size.left + place * slot
            parts.append(
                f"M{x:.1f} {base:g}v{'-' if up else ''}{height:.1f}h{slot - gap:.2f}V{base:g}z"
            )
    return "".join(parts)


def _cuts(counts: Sequence[int], size: Size, limit: int) -> str:
    """Small arrows on the bars that reach past the axis."""
    slot = (size.width - size.left - size.right) / max(1, len(counts))
    middles = [size.left + (n + 0.5) * slot for n, count in enumerate(counts) if count > limit]
    return "".join(f"M{x - 4:.1f} {size.top - 3:g}l4 -6l4 6z" for x in middles)


def _ticks(start: float, end: float, origin: float, size: Size) -> list[Mark]:
    """Seconds from the origin, at round numbers."""
    span = end - start
    step = next((one for one in STEPS if span / one <= size.ticks), STEPS[-1])
    scale = (size.width - size.left - size.right) / span
    first = math.ceil((start - origin) / step)
    last = math.floor((end - origin) / step)
    return [
        Mark(size.left + (origin + n * step - start) * scale, f"{n * step:g}".replace("-", MINUS))
        for n in range(first, last + 1)
    ]


def _markers(events: Sequence[Event], start: float, end: float, size: Size) -> list[Mark]:
    """Events by number; close ones are put on top of each other."""
    scale = (size.width - size.left - size.right) / (end - start)
    marks: list[Mark] = []
    for number, event in enumerate(events, start=1):
        if start <= event.at <= end:
            place = size.left + (event.at - start) * scale
            taken = [mark.row for mark in marks if abs(mark.place - place) < MARKER_GAP]
            row = next(row for row in range(len(events) + 1) if row not in taken)
            marks.append(Mark(place, str(number), row))
    return marks


def draw(
    histogram: Mapping[str, Any],
    events: Sequence[Event],
    outage: tuple[float, float] | None,
    origin: float,
    size: Size,
) -> Plot | None:
    """The plot in one size; None where there is nothing to plot."""
    width, begin = float(histogram["bucket_seconds"]), float(histogram["start"])
    acknowledged, failed = list(histogram["acknowledged"]), list(histogram["failed"])
    if not acknowledged:
        return None
    start, end = window_of(begin, begin + width * len(acknowledged), outage, events)
    first = max(0, int((start - begin) / width))
    last = min(len(acknowledged), math.ceil((end - begin) / width))
    factor = max(1, math.ceil((last - first) / size.bars))
    if last - first > factor:
        last -= (last - first) % factor  # a bar of fewer steps would look like a drop
    acks, fails = merge(acknowledged[first:last], factor), merge(failed[first:last], factor)
    start, end = begin + first * width, begin + (first + len(acks) * factor) * width
    scale = (size.width - size.left - size.right) / (end - start)
    limit, most_failed = ceiling_of(acks), max(fails)
    rows = max([mark.row for mark in _markers(events, start, end, size)], default=0)
    unit = size.base - size.top
    levels = [Mark(size.base, "0"), Mark(size.top, str(limit))]
    if limit >= 4:
        levels.insert(1, Mark(size.base - unit * (limit // 2) / limit, str(limit // 2)))
    shade = None
    if outage is not None:
        shade = tuple(size.left + (min(end, max(start, at)) - start) * scale for at in outage)
    return Plot(
        size=size,
        acknowledged=_bars(acks, size, unit, limit, size.base, up=True),
        cut=_cuts(acks, size, limit),
        failed=_bars(fails, size, size.failures - 6, max(1, most_failed), size.base + 2, up=False),
        ticks=_ticks(start, end, origin, size),
        levels=levels,
        markers=_markers(events, start, end, size) if rows < 6 else [],
        gap=(shade[0], shade[1]) if shade else None,
        highest=max(acks),
        limit=limit,
        step_seconds=round(width * factor, 3),
        most_failed=most_failed,
    )
