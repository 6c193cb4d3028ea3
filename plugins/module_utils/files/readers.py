# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that run with older files than those that are there: what a handler that never ran leaves behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone

#: Stands for systemd itself, which reads its own settings whenever it reads all units.
MANAGER = "systemd"

#: A unit's state changes when it starts and when it has been reloaded, its time of activation with a start alone.
UNIT_PROPERTIES = "Id,ActiveState,StateChangeTimestamp"
MANAGER_PROPERTIES = "UnitsLoadTimestamp,UnitsLoadFinishTimestamp"


def commands(units: Collection[str]) -> list[list[str]]:
    """What tells when the units have read their files.

    Times are in microseconds: files are often a few milliseconds older than a start.
    """
    show = ["systemctl", "show", "--timestamp=us+utc", "--property"]
    services = sorted(set(units) - {MANAGER})
    return ([[*show, UNIT_PROPERTIES, *services]] if services else []) + (
        [[*show, MANAGER_PROPERTIES]] if MANAGER in units else []
    )


def read_times(said: str) -> dict[str, float]:
    """When each unit that runs has read its files (seconds since 1970), from what ``commands`` say.

    Units that do not run are left out: they read their files when they start.
    """
    times = {}
    for block in said.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values.get("ActiveState") == "active":
            times[values["Id"]] = seconds(values["StateChangeTimestamp"])
        elif "UnitsLoadFinishTimestamp" in values:
            # The first is empty until units are read for the second time.
            loaded = values.get("UnitsLoadTimestamp") or values["UnitsLoadFinishTimestamp"]
            times[MANAGER] = seconds(loaded)
    return times


def seconds(timestamp: str) -> float:
    """Seconds since 1970 of a time as systemd writes it (``Sat 2026-11-21 19:11:17.114493 UTC``)."""
    _weekday, day, clock, _zone = timestamp.split()
    moment = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S.%f")
    return moment.replace(tzinfo=timezone.utc).timestamp()


def unread(
    readers: Mapping[str, Sequence[str]],
    times: Mapping[str, float],
    changed: Iterable[str],
    changes: Callable[[str], Iterator[tuple[str, float]]],
) -> dict[str, list[str]]:
    """Files of each running unit that are younger than its last reading, or are among the changed ones.

    ``changes`` gives the files at or below a path, with the time of their last change (seconds since 1970).
    """
    found = {}
    for unit, paths in readers.items():
        if unit not in times:
            continue
        young = {path for root in paths for path, at in changes(root) if at > times[unit]}
        young |= {path for path in changed if any(_is_below(path, root) for root in paths)}
        if young:
            found[unit] = sorted(young)
    return found


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def files_below(root: str) -> Iterator[tuple[str, float]]:
    """Regular files at or below a path, with their times; what is not there has none."""
    if os.path.isfile(root):
        yield root, os.stat(root).st_mtime
    for folder, _folders, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            if os.path.isfile(path):
                yield path, os.stat(path).st_mtime
