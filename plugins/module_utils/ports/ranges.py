# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ranges of ports: what they share, what they leave free. Both ends belong to a range."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.ports.errors import PortError

LOWEST, HIGHEST = 1, 65535
#: Below it a process needs a right of its own to listen (net.ipv4.ip_unprivileged_port_start).
UNPRIVILEGED = 1024

#: "30000-32767" as an API server takes it, "32768 60999" as sysctl prints it, "6379".
_RANGE = re.compile(r"(\d+)(?:\s*-\s*|\s+)(\d+)|(\d+)", re.ASCII)


@dataclass(frozen=True, order=True)
class Ports:
    """Ports from ``start`` to ``end``, these two included."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.start + 1

    def common(self, other: Ports) -> Ports | None:
        """Return those that are in both."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Ports(start, end) if start <= end else None

    def without(self, others: Iterable[Ports]) -> Iterator[Ports]:
        """Yield what the others leave of it, lowest first."""
        start = self.start
        for other in sorted(others):
            if other.end < start or other.start > self.end:
                continue
            if other.start > start:
                yield Ports(start, other.start - 1)
            start = other.end + 1
        if start <= self.end:
            yield Ports(start, self.end)

    def __str__(self) -> str:
        return str(self.start) if self.size == 1 else f"{self.start}-{self.end}"


def checked(start: int, end: int, what: str, reason: str) -> Ports:
    """Return a range. Raises ``PortError`` with the ``reason`` where it is none."""
    for port in (start, end):
        if not LOWEST <= port <= HIGHEST:
            raise PortError(
                reason,
                f"{what} is {start}-{end}, and {port} is no port: they go from {LOWEST} to {HIGHEST}.",
            )
    if end == start - 1:
        raise PortError(reason, f"{what} is {start}-{end}, which has no port at all.")
    if end < start:
        raise PortError(reason, f"{what} is {start}-{end}: it ends before it starts.")
    return Ports(start, end)


def parse(text: str, what: str) -> Ports:
    """Return a range that is written as text. Raises ``PortError`` (``bad_range``)."""
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise PortError("bad_range", f"{what} is {text!r}, and a range is written as 30000-32767.")
    first, last, single = found.groups()
    return checked(int(first or single), int(last or single), what, "bad_range")


def parse_list(text: str, what: str) -> tuple[Ports, ...]:
    """Return ranges between commas, as net.ipv4.ip_local_reserved_ports has them. Raises ``PortError``."""
    return tuple(parse(part, what) for part in text.split(",") if part.strip())


def nearest_free(wanted: Ports, taken: Iterable[Ports]) -> Ports | None:
    """Return the free range of the wanted size that starts nearest to it, ``None`` where there is none.

    Of two that are equally near the lower one. No privileged port is among them.
    """
    free = Ports(UNPRIVILEGED, HIGHEST).without(taken)
    starts = [
        min(max(wanted.start, gap.start), gap.end - wanted.size + 1)
        for gap in free
        if gap.size >= wanted.size
    ]
    if not starts:
        return None
    start = min(starts, key=lambda one: (abs(one - wanted.start), one))
    return Ports(start, start + wanted.size - 1)
