# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every failover asks first: options, refusals, and what there is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.candidates import (
    has_quorum,
    member_limitation,
    require_candidate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    PATIENCE,
    Course,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    RefusedError,
)

#: Limitations that a caller may overrule for a named candidate.
OVERRULABLE = frozenset(
    ("not_synchronous", "lag_unknown", "lag_too_high", "candidate_behind", "no_quorum")
)


@dataclass(frozen=True)
class Options:
    """What the caller asks for; times in seconds."""

    candidate: str | None = None
    fenced: str | None = None
    force: bool = False
    namespace: str = "service"
    maximum_lag: int | None = None
    wait_timeout: float = 60.0
    poll_interval: float = 0.2
    check_mode: bool = False
    patience: float = PATIENCE


def options_from(params: Mapping[str, Any], check_mode: bool) -> Options:
    """The options of the module."""
    return Options(
        candidate=params["candidate"],
        fenced=params["fenced"],
        force=params["force"],
        namespace=(params["etcd"] or {}).get("namespace") or "service",
        maximum_lag=params["maximum_lag"],
        wait_timeout=params["wait_timeout"],
        poll_interval=params["poll_interval"],
        check_mode=check_mode,
    )


def assess(
    state: ClusterState, options: Options, lost: str | None, votes_needed: int | None = None
) -> list[str]:
    """The risks that a forced failover takes. Raises ``RefusedError`` for what must not be done."""
    if options.candidate is not None and options.candidate == lost:
        raise RefusedError("not_a_candidate", f"{lost} is the member to leave: name another one.")
    if state.paused:
        raise RefusedError("paused", "The cluster is paused: resume it first.")
    limit = state.maximum_lag if options.maximum_lag is None else options.maximum_lag
    limitations = {
        item.name: member_limitation(state, item, limit) or _vote(state, item, votes_needed)
        for item in state.members
        if item.name != lost
    }
    found = limitations.get(options.candidate or "")
    if options.force and found is not None and found.reason in OVERRULABLE:
        return [f"Forced although {found.reason}: {found.message}"]
    require_candidate(state, limitations, options.candidate)
    return []


def _vote(state: ClusterState, item: Member, votes_needed: int | None) -> RefusedError | None:
    if state.synchronous_mode != "quorum":
        return None
    needed = state.quorum_votes_needed if votes_needed is None else votes_needed
    return has_quorum(state, item, needed)


def leaves_living_leader(state: ClusterState, options: Options) -> list[str] | None:
    """Risks of leaving a leader that runs; ``None`` where there is no such leader.

    Raises ``RefusedError`` unless forced.
    """
    leader = state.leader
    if leader is None or not leader.runs_as_primary:
        return None
    if not options.force:
        raise RefusedError(
            "leader_healthy",
            f"{leader.name} leads and runs: use patroni_switchover, or force the failover.",
        )
    if options.candidate is None:
        raise RefusedError("candidate_required", "A forced failover needs a candidate.")
    return [
        f"Forced while {leader.name} leads and runs: a switchover would have been checked by it."
    ]


def unchanged(leader: Member) -> dict[str, Any]:
    """The result where there is nothing left to do."""
    return {
        "changed": False,
        "old_leader": None,
        "new_leader": leader.name,
        "new_timeline": leader.timeline,
        "lock_freed": False,
        "phases": {},
        "risks": [],
    }


def planned(course: Course, options: Options, risks: list[str], lock_freed: bool) -> dict[str, Any]:
    """The result of check mode."""
    return dict(
        course.as_result(),
        changed=True,
        new_leader=options.candidate,
        answer=None,
        lock_freed=lock_freed,
        risks=risks,
    )
