# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unplanned handover: the leader is lost, or must be left at a risk that is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
    Course,
    FailedError,
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
    state = client.observe()
    leader = state.leader
    if leader is not None and leader.runs_as_primary and leader.name == options.candidate:
        return unchanged(leader)
    risks = leaves_living_leader(state, options)
    lost = leader.name if leader else None
    risks = (risks or []) + assess(state, options, lost)
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


def _fenced(
    client: PatroniClient, options: Options, fenced: str, etcd: Callable[[], EtcdGateway]
) -> dict[str, Any]:
    """Free the lock of a member that is proven silent. Every wait here delays the first payment."""
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
        return unchanged(leader)
    risks = assess(state, options, fenced, votes_of(sync))
    course = Course(fenced, leader.timeline if leader else None, running(state, fenced))
    holds = leader is not None and leader.name == fenced
    if holds:
        _require_silence(fenced, doors)
    if options.check_mode:
        return _planned(course, options, risks, lock_freed=holds)
    course.mark("requested")
    freed = holds and _free(
        gateway, keys, fenced, race_request(fenced, options.candidate, bool(risks))
    )
    handover = Handover(client, course, options.wait_timeout, options.poll_interval)
    result = handover.wait(options.candidate, skip)
    return dict(result, changed=True, lock_freed=freed, risks=risks)


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
        raise FailedError("etcd_failed", f"{error} Check etcd's endpoints and user.") from error


def _free(gateway: EtcdGateway, keys: Keys, fenced: str, request: Mapping[str, str]) -> bool:
    try:
        result = gateway.commit(release(keys, fenced, request))
    except EtcdError as error:
        raise FailedError("etcd_failed", f"The leader lock was not freed: {error}") from error
    found = refused_release(keys, fenced, result)
    if found is not None:
        raise found
    return result.succeeded
