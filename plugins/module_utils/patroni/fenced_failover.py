# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A failover whose lost member was fenced by the caller: its lock is freed, nobody waits for the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import (
    EtcdError,
    EtcdGateway,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    Course,
    FailedError,
    followers,
    patiently,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.failover_rules import (
    Options,
    assess,
    planned,
    unchanged,
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
    PassingError,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.switchover import Handover

#: Seconds that the lost member gets to prove that it is not lost, and that a first look may take.
KNOCK = 1.0


@dataclass(frozen=True)
class _FencedLook:
    """As ``_Look``, where a member was fenced: it is silent, and this is the way to its lock."""

    state: ClusterState
    gateway: EtcdGateway
    keys: Keys
    skip: tuple[str, ...]
    risks: list[str] = field(default_factory=list)
    done: dict[str, Any] | None = None


def fenced_failover(
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
    course = Course(fenced, leader.timeline if leader else None, followers(state, fenced))
    holds = leader is not None and leader.name == fenced
    if options.check_mode:
        return planned(course, options, look.risks, lock_freed=holds)
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
