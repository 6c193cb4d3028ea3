# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster's state as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.text import table

_HEADINGS = ("member", "role", "state", "timeline", "lag", "host", "note")


def cluster_table(info: Mapping[str, Any]) -> list[str]:
    """Return what ``patroni_cluster_info`` told as aligned lines: a headline, the members, the problems."""
    lines = [_headline(info)]
    lines += table([_HEADINGS] + [_row(member) for member in info.get("members", [])])
    lines += ["! " + str(problem["message"]) for problem in info.get("problems", [])]
    return lines


def _headline(info: Mapping[str, Any]) -> str:
    state = "well" if info.get("healthy") else "NOT well"
    paused = ", paused" if info.get("paused") else ""
    return "{}: {}{}, leader {}, commits {}".format(
        info.get("scope"),
        state,
        paused,
        info.get("leader") or "none",
        _commits(str(info.get("synchronous_mode")), info.get("sync_standbys") or []),
    )


def _commits(mode: str, standbys: Sequence[str]) -> str:
    if mode == "off":
        return "asynchronous"
    return "synchronous ({}) with {}".format(mode, ", ".join(standbys) or "no standby")


def _row(member: Mapping[str, Any]) -> tuple[str, ...]:
    lag = member.get("lag")
    notes = [name for name, value in sorted((member.get("tags") or {}).items()) if value is True]
    if member.get("pending_restart"):
        notes.append("pending restart")
    if not member.get("reachable", True):
        notes.append("no answer")
    return (
        str(member.get("name")),
        str(member.get("role")),
        str(member.get("state")),
        str(member.get("timeline") or "-"),
        "-" if lag is None or member.get("role") in ("leader", "primary") else _bytes(int(lag)),
        str(member.get("host") or "-"),
        ", ".join(notes),
    )


def _bytes(count: int) -> str:
    """Return a number of bytes in the largest binary unit that leaves at least 1."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}"
