# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which members are restarted, and in which order. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    PassingError,
    RefusedError,
)

#: PostgreSQL's hot standby needs values of these that are no lower than the primary's
#: ("Administrator's Overview" of hot standby in its documentation).
FOLLOWED_BY_STANDBYS = frozenset(
    (
        "max_connections",
        "max_locks_per_transaction",
        "max_prepared_transactions",
        "max_wal_senders",
        "max_worker_processes",
    )
)

RESTART = "restart"
SWITCHOVER = "switchover"
SKIP = "skip"


@dataclass(frozen=True)
class Step:
    """One member's turn."""

    member: str
    action: str

    def as_result(self) -> dict[str, str]:
        """The step as modules return it."""
        return {"member": self.member, "action": self.action}


def check(state: ClusterState, only: Collection[str]) -> None:
    """Refuse what a rolling restart must not begin with.

    Raises ``RefusedError``; ``PassingError`` where a REST API may just have begun to serve a new certificate.
    """
    for name in only:
        if state.member(name) is None:
            raise RefusedError("not_a_member", f"{name} is not a member of {state.scope}.")
    if state.paused:
        raise RefusedError("paused", "The cluster is paused: resume it first.")
    leader = state.leader
    if leader is None or not leader.runs_as_primary:
        raise PassingError("no_leader", "No member leads and runs: bring the primary back first.")
    for item in _targets(state, only):
        if not item.reachable:
            raise PassingError(
                "unreachable",
                f"{item.name} did not answer: {item.unreachable_reason}. Repair it, or name the others.",
            )
        if not item.is_leader and item.running_state != "running":
            raise RefusedError(
                "not_running", f"{item.name} is in state {item.state}: repair it first."
            )


def _targets(state: ClusterState, only: Collection[str]) -> list[Member]:
    return [item for item in state.members if not only or item.name in only]


def shrinks(item: Member) -> list[str]:
    """Parameters that a standby may lower only after the primary was restarted with them."""
    names = []
    for name, values in item.pending_restart_reason.items():
        old, new = _number(values, "old_value"), _number(values, "new_value")
        if name in FOLLOWED_BY_STANDBYS and old is not None and new is not None and new < old:
            names.append(name)
    return sorted(names)


def _number(values: Any, key: str) -> int | None:
    text = str(values.get(key, "")) if isinstance(values, Mapping) else ""
    return int(text) if text.lstrip("-").isdigit() else None


def plan(
    state: ClusterState, pending_only: bool, leader_action: str, only: Collection[str]
) -> list[Step]:
    """Replicas one by one, those that commits do not wait for first; the leader last.

    Where nothing but parameters shrink that standbys copy from the primary, the leader is
    first: a standby restarted before it would keep the old value, and so would any new leader.
    Raises ``RefusedError`` where a switchover cannot serve for that reason.
    """
    due = [item for item in _targets(state, only) if item.pending_restart or not pending_only]
    replicas = [item for item in due if not item.is_leader]
    first, last = _leader_steps([item for item in due if item.is_leader], leader_action)
    steps = [
        Step(item.name, RESTART)
        for item in sorted(replicas, key=lambda item: (item.is_synchronous, item.name))
    ]
    return first + steps + last


def _leader_steps(leaders: list[Member], action: str) -> tuple[list[Step], list[Step]]:
    first: list[Step] = []
    last: list[Step] = []
    for item in leaders if action != SKIP else []:
        names = shrinks(item)
        if names and action == SWITCHOVER:
            raise RefusedError(
                "leader_restart_required",
                f"{', '.join(names)} shrinks: standbys may follow only after the primary {item.name} "
                "itself was restarted. Set leader to restart.",
            )
        only_shrinks = names and len(names) == len(item.pending_restart_reason)
        (first if only_shrinks else last).append(Step(item.name, action))
    return first, last


def back(state: ClusterState, before: Member, maximum_lag: int) -> bool:
    """Whether a member has restarted since ``before`` and does its work again."""
    item = state.member(before.name)
    if item is None or not item.reachable or item.running_state != "running":
        return False
    if item.postmaster_start_time == before.postmaster_start_time:
        return False
    if item.is_leader:
        return item.runs_as_primary
    leader = state.leader
    caught_up = item.lag is not None and item.lag <= maximum_lag
    return item.follows and caught_up and leader is not None and item.timeline == leader.timeline
