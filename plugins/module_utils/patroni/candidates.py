# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which member may take the primary over, and why not. Pure functions."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    PassingError,
    RefusedError,
)


def member_limitation(state: ClusterState, item: Member, maximum_lag: int) -> RefusedError | None:
    """Why ``item`` must not become primary now, or ``None``.

    ``maximum_lag`` is in bytes.
    """
    if not item.reachable:
        return PassingError(
            "unreachable", f"{item.name} did not answer: {item.unreachable_reason}."
        )
    if item.nofailover:
        return RefusedError(
            "nofailover", f"{item.name} is tagged nofailover: choose another candidate."
        )
    if item.watchdog_failed:
        return RefusedError(
            "watchdog_failed", f"The watchdog of {item.name} does not work: repair it first."
        )
    if item.running_state != "running":
        return RefusedError(
            "not_running",
            "{} is in state {}, not running.".format(item.name, item.running_state or "unknown"),
        )
    if state.synchronous_mode != "off" and not item.is_synchronous:
        return RefusedError(
            "not_synchronous",
            "{} is not a synchronous standby: acknowledged transactions could be missing on it. "
            "Wait until it is one, or choose {}.".format(
                item.name,
                ", ".join(other.name for other in state.sync_standbys)
                or "none (there is no other)",
            ),
        )
    return lag_limitation(item, maximum_lag)


def lag_limitation(item: Member, maximum_lag: int) -> RefusedError | None:
    """Refuse an unknown lag like one that is too high."""
    if item.lag is None:
        return PassingError(
            "lag_unknown", f"The lag of {item.name} is unknown: look at its replication."
        )
    if item.lag > maximum_lag:
        return RefusedError(
            "lag_too_high",
            f"{item.name} lags {item.lag} bytes behind, more than the {maximum_lag} allowed: "
            "wait, or raise maximum_lag.",
            lag=item.lag,
        )
    return None


def switchover_limitation(
    state: ClusterState, item: Member, maximum_lag: int
) -> RefusedError | None:
    """As ``member_limitation``; with a living leader the candidate also streams on its timeline."""
    found = member_limitation(state, item, maximum_lag)
    if found is not None:
        return found
    if not item.follows:
        return RefusedError(
            "not_streaming",
            "{} does not stream (state {}).".format(item.name, item.state or "unknown"),
        )
    leader = state.leader
    if leader is not None and item.timeline != leader.timeline:
        return RefusedError(
            "timeline_mismatch",
            f"{item.name} is on timeline {item.timeline}, the leader on {leader.timeline}.",
        )
    return None


def require_candidate(
    state: ClusterState, candidates: dict[str, RefusedError | None], candidate: str | None
) -> None:
    """Raise ``RefusedError`` unless the named candidate, or any of them, has no limitation."""
    if candidate is not None:
        if candidate not in candidates:
            raise RefusedError(
                "not_a_member",
                "{} is not a member of {}: its members are {}.".format(
                    candidate, state.scope, ", ".join(item.name for item in state.members)
                ),
            )
        found = candidates[candidate]
        if found is not None:
            raise found
        return
    if any(found is None for found in candidates.values()):
        return
    if state.synchronous_mode != "off" and not state.sync_standbys:
        raise RefusedError(
            "no_sync_candidate",
            "Synchronous mode is on and no standby is synchronous: repair one first.",
        )
    passing = any(isinstance(found, PassingError) for found in candidates.values())
    raise (PassingError if passing else RefusedError)(
        "no_candidate",
        "No member can take over. {}".format(
            " ".join(found.message for found in candidates.values() if found)
            or "The cluster has no replica."
        ),
    )


def switchover_leader(
    state: ClusterState, candidate: str | None, maximum_lag: int | None
) -> Member | None:
    """The member that a switchover leaves, or ``None`` where the candidate leads already.

    Raises ``RefusedError``.
    """
    leader = state.leader
    if (
        candidate is not None
        and leader is not None
        and leader.name == candidate
        and leader.runs_as_primary
    ):
        return None
    if candidate is not None and state.member(candidate) is None:
        require_candidate(state, {}, candidate)
    if leader is None:
        raise RefusedError(
            "no_leader", "No member holds the leader lock: this is a case for patroni_failover."
        )
    if state.paused:
        raise RefusedError(
            "paused", "The cluster is paused: resume it first (patroni_config, pause: false)."
        )
    if not leader.reachable:
        raise RefusedError(
            "unreachable",
            f"The leader {leader.name} did not answer ({leader.unreachable_reason}): "
            "it cannot hand over. Fence it and use patroni_failover.",
        )
    if not leader.runs_as_primary:
        raise RefusedError(
            "leader_not_running", f"The leader {leader.name} does not run as primary."
        )
    limit = state.maximum_lag if maximum_lag is None else maximum_lag
    limitations = {item.name: switchover_limitation(state, item, limit) for item in state.replicas}
    require_candidate(state, limitations, candidate)
    return leader


def has_quorum(state: ClusterState, candidate: Member, votes_needed: int) -> RefusedError | None:
    """Whether enough voters hold no more WAL than ``candidate``, as Patroni's own race counts.

    Patroni skips this vote for a named candidate; in quorum mode only the vote proves
    that the candidate holds every acknowledged transaction.
    """
    mine = candidate.wal_position or 0
    votes = 0 if candidate.is_synchronous else -1
    for item in state.sync_standbys:
        if item.name == candidate.name or not item.reachable or not item.wal_position:
            continue
        if item.wal_position > mine:
            return RefusedError(
                "candidate_behind",
                f"{item.name} holds more WAL than {candidate.name}: acknowledged transactions would be lost. "
                f"Choose {item.name}, or name no candidate.",
            )
        votes += 1
    if votes < votes_needed:
        return PassingError(
            "no_quorum",
            f"Only {max(votes, 0)} of the {votes_needed} votes that prove {candidate.name} complete came: "
            "other synchronous standbys "
            "do not answer.",
        )
    return None
