# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unplanned handover: the leader is lost, or must be left at a risk that is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import (
    EtcdError,
    EtcdGateway,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.candidates import (
    has_quorum,
    member_limitation,
    require_candidate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    PATIENCE,
    Course,
    FailedError,
    patiently,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.fence import (
    Door,
    Keys,
    doors_of,
    fence_limitation,
    keys_of,
    race_request,
    refused_release,
    release,
    votes_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    PassingError,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.switchover import Handover

#: Limitations that a caller may overrule for a named candidate.
OVERRULABLE = frozenset(
    ("not_synchronous", "lag_unknown", "lag_too_high", "candidate_behind", "no_quorum")
)

#: Seconds that the lost member gets to prove that it is not lost, and that a first look may take.
KNOCK = 1.0


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


def running(state: ClusterState, lost: str | None) -> list[str]:
    """Those that must follow afterwards."""
    return [
        item.name
        for item in state.members
        if item.name != lost and item.reachable and item.running_state == "running"
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


def failover(
    client: PatroniClient, options: Options, etcd: Callable[[], EtcdGateway]
) -> dict[str, Any]:
    """Bring a primary back. Raises ``RefusedError``, ``FailedError``.

    ``etcd`` makes the gateway; it is called for a fenced member only.
    """
    if options.fenced is not None:
        return _fenced(client, options, options.fenced, etcd)
    look = patiently(lambda: _look(client, options), options.patience, options.poll_interval)
    if look.done is not None:
        return look.done
    state, risks, leader = look.state, look.risks, look.state.leader
    lost = leader.name if leader else None
    course = Course(lost, leader.timeline if leader else None, running(state, lost))
    if options.check_mode:
        return _planned(course, options, risks, lock_freed=False)
    handover = Handover(client, course, options.wait_timeout, options.poll_interval)
    chosen = state.member(options.candidate)
    if chosen is not None:
        handover.ask(chosen.api_url, "/failover", {"candidate": chosen.name})
    else:
        handover.may_recover = True
    return dict(
        handover.wait(options.candidate),
        changed=course.new_leader is not None,
        lock_freed=False,
        risks=risks,
    )


@dataclass(frozen=True)
class _Look:
    """A first look that refuses nothing; ``done`` is the result where there is nothing to do."""

    state: ClusterState
    risks: list[str] = field(default_factory=list)
    done: dict[str, Any] | None = None


def _look(client: PatroniClient, options: Options) -> _Look:
    state = client.observe()
    leader = state.leader
    if leader is not None and leader.runs_as_primary and leader.name == options.candidate:
        return _Look(state, done=unchanged(leader))
    risks = leaves_living_leader(state, options) or []
    return _Look(state, risks + assess(state, options, leader.name if leader else None))


def _planned(
    course: Course, options: Options, risks: list[str], lock_freed: bool
) -> dict[str, Any]:
    return dict(
        course.as_result(),
        changed=True,
        new_leader=options.candidate,
        answer=None,
        lock_freed=lock_freed,
        risks=risks,
    )


@dataclass(frozen=True)
class _FencedLook:
    """As ``_Look``, where a member was fenced: it is silent, and this is the way to its lock."""

    state: ClusterState
    gateway: EtcdGateway
    keys: Keys
    skip: tuple[str, ...]
    risks: list[str] = field(default_factory=list)
    done: dict[str, Any] | None = None


def _fenced(
    client: PatroniClient, options: Options, fenced: str, etcd: Callable[[], EtcdGateway]
) -> dict[str, Any]:
    """Free the lock of a member that is proven silent. Every wait here delays the first payment."""
    look = patiently(
        lambda: _look_without(client, options, fenced, etcd),
        options.patience,
        options.poll_interval,
    )
    if look.done is not None:
        return look.done
    state, leader = look.state, look.state.leader
    course = Course(fenced, leader.timeline if leader else None, running(state, fenced))
    holds = leader is not None and leader.name == fenced
    if options.check_mode:
        return _planned(course, options, look.risks, lock_freed=holds)
    course.mark("requested")
    request = race_request(fenced, options.candidate, bool(look.risks))
    freed = holds and _free(look, fenced, request)
    handover = Handover(client, course, options.wait_timeout, options.poll_interval)
    result = handover.wait(options.candidate, look.skip)
    return dict(result, changed=True, lock_freed=freed, risks=look.risks)


def _look_without(
    client: PatroniClient, options: Options, fenced: str, etcd: Callable[[], EtcdGateway]
) -> _FencedLook:
    """All that must be known, asked at once. The fenced member is knocked at, not asked."""
    scope, members = client.discover()
    member = next((item for item in members if item.name == fenced), None)
    keys = keys_of(options.namespace, scope, fenced)
    skip = (member.api_url,) if member else ()
    with ThreadPoolExecutor(max_workers=2) as pool:
        knocks = pool.submit(doors_of, member, KNOCK) if member else None
        connected = pool.submit(_connect, etcd, keys)
        state = client.observe(skip=skip, within=KNOCK)
        doors = knocks.result() if knocks else []
        gateway, sync = connected.result()
    leader = state.leader
    if leader is not None and leader.name != fenced and leader.runs_as_primary:
        return _FencedLook(state, gateway, keys, skip, done=unchanged(leader))
    risks = assess(state, options, fenced, votes_of(sync))
    if leader is not None and leader.name == fenced:
        _require_silence(fenced, doors)
    return _FencedLook(state, gateway, keys, skip, risks)


def _require_silence(fenced: str, doors: Sequence[Door]) -> None:
    found = fence_limitation(fenced, doors)
    if found is not None:
        raise found


def _connect(etcd: Callable[[], EtcdGateway], keys: Keys) -> tuple[EtcdGateway, str | None]:
    """A gateway that serves, and the cluster's ``/sync``."""
    try:
        gateway = etcd()
        gateway.connect()
        return gateway, gateway.get(keys.sync)
    except EtcdError as error:
        kind = PassingError if error.passing else RefusedError
        raise kind("etcd_failed", f"{error} Check etcd's endpoints and user.") from error


def _free(look: _FencedLook, fenced: str, request: Mapping[str, str]) -> bool:
    try:
        result = look.gateway.commit(release(look.keys, fenced, request))
    except EtcdError as error:
        raise FailedError("etcd_failed", f"The leader lock was not freed: {error}") from error
    found = refused_release(look.keys, fenced, result)
    if found is not None:
        raise found
    return result.succeeded
