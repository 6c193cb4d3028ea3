# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unplanned handover: the leader is lost, or must be left at a risk that is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import EtcdGateway
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    Course,
    followers,
    patiently,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.failover_rules import (
    Options,
    assess,
    leaves_living_leader,
    planned,
    unchanged,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.fenced_failover import (
    fenced_failover,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import ClusterState
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.switchover import Handover


def failover(
    client: PatroniClient, options: Options, etcd: Callable[[], EtcdGateway]
) -> dict[str, Any]:
    """Bring a primary back. Raises ``RefusedError``, ``FailedError``.

    ``etcd`` makes the gateway; it is called for a fenced member only.
    """
    if options.fenced is not None:
        return fenced_failover(client, options, options.fenced, etcd)
    look = patiently(lambda: _look(client, options), options.patience, options.poll_interval)
    if look.done is not None:
        return look.done
    state, risks, leader = look.state, look.risks, look.state.leader
    lost = leader.name if leader else None
    course = Course(lost, leader.timeline if leader else None, followers(state, lost))
    if options.check_mode:
        return planned(course, options, risks, lock_freed=False)
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
