# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Adds, replaces, promotes and removes one member, without ever giving up the quorum."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    EtcdCallError,
    EtcdCluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    Cluster,
    Member,
    RefusedError,
    check_removal,
    names,
    problems,
    quorum,
)

#: etcd's words while a learner still copies the leader's log.
NOT_IN_SYNC = "can only promote a learner member which is in sync with leader"

#: etcd's words while a member is connected for less than 5 s (its HealthInterval): it takes no
#: change of the list then, which is so after each member that has just joined.
UNSETTLED = "unhealthy cluster"


@dataclass(frozen=True)
class Wish:
    """The member that is worked on. ``empty`` says that its host has no data (any more)."""

    name: str
    peer_url: str
    empty: bool = False


def add(etcd: EtcdCluster, wish: Wish, check_mode: bool) -> dict[str, Any]:
    """List the member, as a learner, so that its host can start.

    A listed member that served once and whose host is empty lost its data: what it acknowledged
    to the others is gone, so it must not come back under its old ID. It is removed and added anew.
    """
    cluster = _with_quorum(etcd.observe(), wish.name)
    member = cluster.find("", wish.peer_url)
    steps = []
    if member is not None and member.started and wish.empty:
        check_removal(cluster, member)
        steps.append(f"remove the lost member {member.name}")
        if not check_mode:
            _change_list(etcd, "remove", {"ID": member.id})
            cluster = _settle(etcd, lambda look: look.find("", wish.peer_url) is None)
        member = None
    if member is None:
        _check_addition(cluster, wish)
        steps.append(f"add {wish.name} as a learner")
        if not check_mode:
            body = {"peerURLs": [wish.peer_url], "isLearner": True}
            _change_list(etcd, "add", body)
            cluster = _settle(etcd, lambda look: look.find("", wish.peer_url) is not None)
    return {
        "changed": bool(steps),
        "steps": steps,
        "initial_cluster": initial_cluster(cluster, wish),
    }


def promote(etcd: EtcdCluster, wish: Wish, check_mode: bool, timeout: float) -> dict[str, Any]:
    """Make a learner a voter as soon as it has the leader's log.

    Until then a newcomer that never catches up costs the cluster nothing: learners have no vote.
    """
    cluster = etcd.observe()
    member = cluster.find(wish.name, wish.peer_url)
    if member is None:
        raise RefusedError("not_listed", f"{wish.name} is not a member; add it first.")
    if not member.learner:
        return {"changed": False, "steps": []}
    steps = [f"promote {wish.name} to a voter"]
    if not check_mode:
        _promote(etcd, member, timeout)
    return {"changed": True, "steps": steps}


def remove(etcd: EtcdCluster, wish: Wish, check_mode: bool) -> dict[str, Any]:
    """Take a member off the list, where the rest keeps its quorum."""
    cluster = etcd.observe()
    member = cluster.find(wish.name, wish.peer_url)
    if member is None:
        return {"changed": False, "steps": []}
    check_removal(cluster, member)
    if not check_mode:
        _change_list(etcd, "remove", {"ID": member.id})
    return {"changed": True, "steps": [f"remove {wish.name or wish.peer_url}"]}


def initial_cluster(cluster: Cluster, wish: Wish) -> str:
    """What a newcomer has to be told: exactly the listed members, under any names."""
    pairs = []
    for member in cluster.members:
        own = wish.peer_url in member.peer_urls
        label = wish.name if own else member.name or f"unnamed-{member.id}"
        pairs += [f"{label}={url}" for url in member.peer_urls]
    return ",".join(pairs)


def _with_quorum(cluster: Cluster, name: str) -> Cluster:
    if not cluster.has_quorum:
        raise RefusedError("no_quorum", f"{name} cannot be added: {'; '.join(problems(cluster))}.")
    return cluster


def _check_addition(cluster: Cluster, wish: Wish) -> None:
    """One more voter must leave a quorum among those that are healthy now, plus the newcomer."""
    needed = quorum(len(cluster.voters) + 1)
    healthy = cluster.healthy_voters
    if len(healthy) + 1 < needed:
        raise RefusedError(
            "quorum_would_be_lost",
            f"{wish.name} is not added: with it {needed} members have to be healthy and only "
            f"{len(healthy)} are ({', '.join(names(healthy))}). Bring the others back first.",
        )
    learners = [member for member in cluster.members if member.learner]
    if learners:
        raise RefusedError(
            "learner_pending",
            f"{wish.name} is not added: {', '.join(names(learners))} has not been promoted yet, and "
            "etcd takes one learner at a time. Finish or remove that one first.",
        )


def _change_list(etcd: EtcdCluster, verb: str, body: Mapping[str, Any]) -> None:
    """Add or remove, as soon as etcd takes the members for connected; 30 s are enough for that."""
    deadline = time.monotonic() + 30.0
    while True:
        try:
            etcd.call(f"/v3/cluster/member/{verb}", body)
            return
        except EtcdCallError as error:
            if UNSETTLED not in error.words or time.monotonic() >= deadline:
                raise
        time.sleep(1.0)


def _settle(etcd: EtcdCluster, accept: Callable[[Cluster], bool]) -> Cluster:
    """The list is read from any member, and one may be a moment behind."""
    cluster = etcd.wait(accept, 10.0)
    if not accept(cluster):
        raise RefusedError(
            "not_settled", "The member list did not show the change within 10 seconds."
        )
    return cluster


def _promote(etcd: EtcdCluster, member: Member, timeout: float) -> None:
    """An answer that does not come says nothing: the member list does."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            etcd.call("/v3/cluster/member/promote", {"ID": member.id})
            return
        except EtcdCallError as error:
            if not (error.silent or NOT_IN_SYNC in error.words) or time.monotonic() >= deadline:
                raise
        time.sleep(0.5)
        listed = etcd.observe().find("", member.peer_urls[0])
        if listed is not None and not listed.learner:
            return


def ensure(etcd: EtcdCluster, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """What the module ``etcd_member`` does."""
    wish = Wish(params["name"], params["peer_url"] or "", params["empty"])
    if params["state"] == "listed":
        return add(etcd, wish, check_mode)
    if params["state"] == "absent":
        return remove(etcd, wish, check_mode)
    return promote(etcd, wish, check_mode, params["wait_timeout"])
