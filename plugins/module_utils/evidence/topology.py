# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who was what before and after, as far as the report needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """One member of a cluster. `lag` in bytes; unknown is None."""

    name: str
    role: str | None
    state: str | None
    timeline: int | None
    lag: int | None
    lsn: str | None


@dataclass(frozen=True)
class Topology:
    """A cluster at one moment."""

    leader: str | None
    timeline: int | None
    members: list[Member]


def parse_topology(
    given: Mapping[str, Any] | None, moment: str, unknown: dict[str, str]
) -> Topology | None:
    """From what patroni_cluster_info returns; other keys are left out. None is noted as unknown."""
    if not given:
        unknown[f"topology_{moment}"] = "not asked for, or nobody answered"
        return None
    members = [_member(one) for one in given.get("members") or []]
    leader = given.get("leader")
    timeline = given.get("timeline")
    if timeline is None:
        timeline = next((one.timeline for one in members if one.name == leader), None)
    return Topology(leader, timeline, members)


def _member(given: Mapping[str, Any]) -> Member:
    positions = (given.get(key) for key in ("lsn", "location", "replay_lsn", "receive_lsn"))
    lag = given.get("lag")
    timeline = given.get("timeline")
    return Member(
        name=str(given.get("name")),
        role=given.get("role"),
        state=given.get("state"),
        timeline=timeline if isinstance(timeline, int) else None,
        lag=lag if isinstance(lag, int) else None,
        lsn=next((str(one) for one in positions if one), None),
    )
