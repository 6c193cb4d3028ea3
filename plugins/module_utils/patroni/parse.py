# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From Patroni's JSON to values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    HttpError,
    Outcome,
    Response,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    base_url,
    parse_lsn,
)


def parse_cluster(document: Mapping[str, Any]) -> tuple[Member, ...]:
    """The members of ``GET /cluster``, as the consensus store knows them."""
    return tuple(_listed(item) for item in document.get("members") or [])


def _listed(item: Mapping[str, Any]) -> Member:
    return Member(
        name=str(item["name"]),
        api_url=base_url(str(item.get("api_url") or "")),
        role=str(item.get("role") or "replica"),
        state=str(item.get("state") or ""),
        host=item.get("host"),
        port=_integer(item.get("port")),
        timeline=_integer(item.get("timeline")),
        receive_lsn=parse_lsn(item.get("receive_lsn")),
        replay_lsn=parse_lsn(item.get("replay_lsn")),
        lag=_integer(item.get("lag")),
        pending_restart=bool(item.get("pending_restart")),
        pending_restart_reason=item.get("pending_restart_reason") or {},
        tags=item.get("tags") or {},
    )


def with_answer(member: Member, outcome: Outcome) -> Member:
    """``member`` with what its own ``GET /patroni`` said.

    Patroni answers 503 on a member that does not run or has no leader: the body
    counts, not the status.
    """
    if isinstance(outcome, HttpError):
        return replace(member, reachable=False, unreachable_reason=str(outcome))
    body = outcome.json
    if not isinstance(body, dict) or "state" not in body:
        reason = f"{outcome.method} {outcome.url}: status {outcome.status} without a Patroni status"
        return replace(member, reachable=False, unreachable_reason=reason)
    return replace(member, **_own_facts(member, body))


def _own_facts(member: Member, body: Mapping[str, Any]) -> dict[str, Any]:
    wal = body.get("xlog") or body.get("wal") or {}
    patroni = body.get("patroni") or {}
    replica_state = body.get("replication_state")
    state = str(body["state"])
    facts: dict[str, Any] = {
        "reachable": True,
        "unreachable_reason": None,
        "running_state": state,
        "running_role": body.get("role"),
        "timeline": _integer(body.get("timeline")) or member.timeline,
        "pending_restart": bool(body.get("pending_restart")),
        "pending_restart_reason": body.get("pending_restart_reason") or {},
        "tags": body.get("tags") or {},
        "version": patroni.get("version"),
        "server_version": _integer(body.get("server_version")),
        "postmaster_start_time": body.get("postmaster_start_time"),
        "watchdog_failed": bool(body.get("watchdog_failed")),
        "failsafe_active": bool(body.get("failsafe_mode_is_active")),
        "location": _integer(wal.get("location")),
        "sync_connections": _sync_connections(body.get("replication")),
        "streaming_to": _streaming_to(body.get("replication")),
    }
    if "received_location" in wal or "replayed_location" in wal:
        facts["receive_lsn"] = _integer(wal.get("received_location"))
        facts["replay_lsn"] = _integer(wal.get("replayed_location"))
    if body.get("role") == "replica" or state != "running":
        # Fresher than /cluster, whose state is a loop old.
        facts["state"] = str(replica_state) if replica_state and state == "running" else state
    return facts


def _streaming_to(replication: Any) -> tuple[str, ...]:
    """Patroni gives each standby's connection the member's name as application_name."""
    connections = replication if isinstance(replication, list) else []
    return tuple(
        str(item.get("application_name"))
        for item in connections
        if item.get("state") == "streaming"
    )


def _sync_connections(replication: Any) -> int:
    if not isinstance(replication, list):
        return 0
    return sum(
        1
        for item in replication
        if item.get("state") == "streaming" and item.get("sync_state") in ("sync", "quorum")
    )


def with_lags(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Members with lags in bytes: leader's position minus what the replica received.

    Where either did not answer, the lag is the consensus store's (a loop old) or unknown.
    """
    position: int | None = None
    for item in members:
        if item.is_leader and item.reachable:
            position = item.wal_position
    return tuple(_with_lag(item, position) for item in members)


def _with_lag(member: Member, position: int | None) -> Member:
    if member.is_leader:
        return replace(member, lag=0)
    held = member.wal_position
    if position is None or held is None or not member.reachable:
        return member
    return replace(member, lag=max(0, position - held))


def assemble(
    document: Mapping[str, Any],
    answers: Mapping[str, Outcome],
    config: Mapping[str, Any] | None,
    observed_at: float,
) -> ClusterState:
    """The cluster's state from ``/cluster``, each base URL's ``/patroni`` outcome and ``/config``."""
    members = list(parse_cluster(document))
    known = {item.api_url for item in members}
    by_name = {answer_name(outcome): outcome for outcome in answers.values()}
    merged: list[Member] = []
    for item in members:
        outcome = answers.get(item.api_url) or by_name.get(item.name)
        if outcome is None:
            merged.append(replace(item, unreachable_reason="not asked"))
        else:
            merged.append(with_answer(item, outcome))
    names = {item.name for item in members}
    for url, outcome in answers.items():
        name = answer_name(outcome)
        if url not in known and name is not None and name not in names:
            # It answers but has no key: starting, or its lease ended while it hung.
            merged.append(with_answer(Member(name=name, api_url=url, listed=False), outcome))
    return ClusterState(
        scope=str(document.get("scope") or ""),
        members=with_lags(tuple(merged)),
        config=config or {},
        paused=bool(document.get("pause")),
        observed_at=observed_at,
    )


def answer_name(outcome: Outcome) -> str | None:
    """The member's name in a ``/patroni`` answer, where it gives one."""
    if isinstance(outcome, Response) and isinstance(outcome.json, dict):
        patroni = outcome.json.get("patroni") or {}
        name = patroni.get("name")
        return str(name) if name else None
    return None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
