# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a cluster is well, and whether it is in the state that a caller waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Optional

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
)


@dataclass(frozen=True)
class Problem:
    """What is not well, as a code and a sentence; ``member`` where it is about one."""

    reason: str
    message: str
    member: str | None = None

    def as_result(self) -> dict[str, str | None]:
        """The problem as modules return it."""
        return {"reason": self.reason, "message": self.message, "member": self.member}


@dataclass(frozen=True)
class Expectation:
    """What a caller waits for: names of ``CONDITIONS`` and facts about members."""

    conditions: tuple[str, ...] = ()
    leader_is: str | None = None
    members_present: tuple[str, ...] = ()
    members_absent: tuple[str, ...] = ()
    maximum_lag: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is waited for."""
        return not (
            self.conditions or self.leader_is or self.members_present or self.members_absent
        )


def problems(state: ClusterState, maximum_lag: int | None = None) -> list[Problem]:
    """Everything that keeps the cluster from being healthy.

    ``maximum_lag`` is in bytes, by default the cluster's ``maximum_lag_on_failover``.
    """
    found = _leader_problems(state)
    if state.paused:
        found.append(Problem("paused", "Automatic failover is off: the cluster is paused."))
    limit = state.maximum_lag if maximum_lag is None else maximum_lag
    for item in state.members:
        found.extend(_member_problems(state, item, limit))
    if state.synchronous_mode != "off" and state.replicas and not state.sync_standbys:
        found.append(
            Problem("no_sync_standby", "Synchronous mode is on and no standby is synchronous.")
        )
    return found


def _leader_problems(state: ClusterState) -> list[Problem]:
    leader = state.leader
    if leader is None:
        return [Problem("no_leader", "No member holds the leader lock.")]
    if leader.reachable and not leader.runs_as_primary:
        words = (
            f"{leader.name} holds the leader lock, but runs as "
            f"{leader.running_role} in state {leader.running_state}."
        )
        return [Problem("leader_not_running", words, leader.name)]
    if leader.failsafe_active:
        return [
            Problem("failsafe_active", f"{leader.name} leads by failsafe mode: the store is lost.")
        ]
    return []


def _member_problems(state: ClusterState, item: Member, limit: int) -> list[Problem]:
    if not item.reachable:
        words = f"{item.name} did not answer: {item.unreachable_reason}."
        return [Problem("member_unreachable", words, item.name)]
    if item.is_leader:
        return []
    if not item.follows:
        words = "{} does not stream (state {}).".format(item.name, item.state or "unknown")
        return [Problem("not_streaming", words, item.name)]
    found: list[Problem] = []
    leader = state.leader
    if leader is not None and leader.timeline and item.timeline != leader.timeline:
        words = f"{item.name} is on timeline {item.timeline}, the leader on {leader.timeline}."
        found.append(Problem("timeline_mismatch", words, item.name))
    if item.lag is None:
        found.append(Problem("lag_unknown", f"The lag of {item.name} is unknown.", item.name))
    elif item.lag > limit:
        words = f"{item.name} lags {item.lag} bytes behind, more than {limit}."
        found.append(Problem("lag_too_high", words, item.name))
    return found


Condition = Callable[[ClusterState, Expectation], Optional[str]]


def _leader(state: ClusterState, _expected: Expectation) -> str | None:
    if state.leader is None:
        return "no member holds the leader lock"
    if not state.leader.runs_as_primary:
        return f"the leader {state.leader.name} does not run as primary yet"
    return None


def _named(words: str, members: Sequence[Member]) -> str | None:
    return "{}: {}".format(words, ", ".join(item.name for item in members)) if members else None


def _all_reachable(state: ClusterState, _expected: Expectation) -> str | None:
    return _named("did not answer", [item for item in state.members if not item.reachable])


def _all_running(state: ClusterState, _expected: Expectation) -> str | None:
    return _named(
        "not running", [item for item in state.members if item.running_state != "running"]
    )


def _all_streaming(state: ClusterState, expected: Expectation) -> str | None:
    return _leader(state, expected) or _named(
        "not streaming", [item for item in state.replicas if not item.follows]
    )


def _same_timeline(state: ClusterState, expected: Expectation) -> str | None:
    leader = state.leader
    if leader is None:
        return _leader(state, expected)
    return _named(
        "on another timeline", [item for item in state.replicas if item.timeline != leader.timeline]
    )


def _no_pending_restart(state: ClusterState, expected: Expectation) -> str | None:
    # A member that does not answer may have one: silence is no proof.
    return _all_reachable(state, expected) or _named(
        "restart pending", [item for item in state.members if item.pending_restart]
    )


def _sync_standby(state: ClusterState, _expected: Expectation) -> str | None:
    if state.synchronous_mode != "off" and not any(item.follows for item in state.sync_standbys):
        return "no synchronous standby streams"
    return None


def _lag_below(state: ClusterState, expected: Expectation) -> str | None:
    limit = state.maximum_lag if expected.maximum_lag is None else expected.maximum_lag
    late = [item for item in state.replicas if item.lag is None or item.lag > limit]
    return _named(f"lag unknown or above {limit} bytes", late)


def _healthy(state: ClusterState, expected: Expectation) -> str | None:
    found = problems(state, expected.maximum_lag)
    return "; ".join(item.message for item in found) or None


def _paused(state: ClusterState, _expected: Expectation) -> str | None:
    return None if state.paused else "the cluster is not paused"


def _not_paused(state: ClusterState, _expected: Expectation) -> str | None:
    return "the cluster is paused" if state.paused else None


CONDITIONS: dict[str, Condition] = {
    "leader": _leader,
    "all_reachable": _all_reachable,
    "all_running": _all_running,
    "all_streaming": _all_streaming,
    "same_timeline": _same_timeline,
    "no_pending_restart": _no_pending_restart,
    "sync_standby": _sync_standby,
    "lag_below": _lag_below,
    "healthy": _healthy,
    "paused": _paused,
    "not_paused": _not_paused,
}


def unmet(state: ClusterState, expected: Expectation) -> list[str]:
    """Sentences for what does not hold yet; empty where all of it does."""
    words = []
    for name in expected.conditions:
        reason = CONDITIONS[name](state, expected)
        if reason:
            words.append(f"{name}: {reason}")
    leader = state.leader
    if expected.leader_is and (
        leader is None or leader.name != expected.leader_is or not leader.runs_as_primary
    ):
        words.append(f"leader_is: {expected.leader_is} does not lead yet")
    for name in expected.members_present:
        item = state.member(name)
        if item is None:
            words.append(f"members_present: {name} is not a member")
        elif not (item.runs_as_primary if item.is_leader else item.follows):
            words.append("members_present: {} is in state {}".format(name, item.state or "unknown"))
    words.extend(
        f"members_absent: {name} is still a member"
        for name in expected.members_absent
        if state.member(name) is not None
    )
    return words
