# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An etcd cluster as plain values, and the arithmetic of its quorum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class RefusedError(Exception):
    """Something is not done because it would do harm. ``reason`` is a stable code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Member:
    """An entry of the member list. ``name`` and ``client_urls`` are empty until it started once."""

    id: str
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool = False

    @property
    def started(self) -> bool:
        """Whether it has ever served: a member publishes its client URLs when it does."""
        return bool(self.client_urls)


@dataclass(frozen=True)
class Answer:
    """What one endpoint said. ``serves`` means that it served a linearizable read."""

    endpoint: str
    member_id: str = ""
    cluster_id: str = ""
    leader_id: str = ""
    version: str = ""
    db_size: int = 0
    db_size_in_use: int = 0
    raft_term: int = 0
    serves: bool = False
    cause: str = ""


@dataclass(frozen=True)
class Cluster:
    """One look at all endpoints."""

    members: tuple[Member, ...]
    answers: tuple[Answer, ...]
    alarms: tuple[str, ...] = ()
    authentication: bool | None = None

    @property
    def voters(self) -> tuple[Member, ...]:
        """Members that count for the quorum."""
        return tuple(member for member in self.members if not member.learner)

    @property
    def serving(self) -> frozenset[str]:
        """IDs of members that served a linearizable read."""
        return frozenset(answer.member_id for answer in self.answers if answer.serves)

    @property
    def healthy_voters(self) -> tuple[Member, ...]:
        """Voters that serve."""
        return tuple(member for member in self.voters if member.id in self.serving)

    @property
    def has_quorum(self) -> bool:
        """Whether any member served a read that a quorum confirmed."""
        return bool(self.serving)

    @property
    def leader(self) -> str:
        """Name of the leader that the serving members agree on, else empty."""
        leaders = {a.leader_id for a in self.answers if a.serves and a.leader_id not in ("", "0")}
        if len(leaders) != 1:
            return ""
        return next((m.name for m in self.members if m.id in leaders), "")

    @property
    def cluster_ids(self) -> frozenset[str]:
        """More than one means that the endpoints belong to different clusters."""
        return frozenset(answer.cluster_id for answer in self.answers if answer.cluster_id)

    def find(self, name: str, peer_url: str = "") -> Member | None:
        """The member of that peer URL, or else of that name."""
        by_url = [member for member in self.members if peer_url and peer_url in member.peer_urls]
        by_name = [member for member in self.members if name and member.name == name]
        return next(iter(by_url + by_name), None)


def quorum(voters: int) -> int:
    """How many of ``voters`` have to agree: more than half of them."""
    return voters // 2 + 1


def names(members: Iterable[Member]) -> list[str]:
    """Names for people; a member that never started has only its address."""
    return [member.name or ",".join(member.peer_urls) for member in members]


def problems(cluster: Cluster) -> list[str]:
    """Sentences for what keeps the cluster from being well; empty where it is."""
    found = []
    if len(cluster.cluster_ids) > 1:
        found.append(
            "the endpoints belong to different clusters: " + ", ".join(sorted(cluster.cluster_ids))
        )
    if not cluster.has_quorum:
        found.append("no endpoint serves a read that a quorum confirms")
    elif not cluster.leader:
        found.append("the members do not agree on a leader")
    silent = [m for m in cluster.voters if m.id not in cluster.serving]
    if silent:
        found.append("not serving: " + ", ".join(names(silent)))
    learners = [m for m in cluster.members if m.learner]
    if learners:
        found.append("not promoted yet: " + ", ".join(names(learners)))
    return found


def survives_without(cluster: Cluster, name: str) -> bool:
    """Whether a quorum keeps serving while the named member is down.

    The voters stay n, so n // 2 + 1 of the others have to be healthy: of 3 members both others,
    of 5 three of the four others. A cluster of one cannot serve while its member restarts, and
    nothing can change that.
    """
    if len(cluster.voters) == 1:
        return True
    others = [member for member in cluster.healthy_voters if member.name != name]
    return len(others) >= quorum(len(cluster.voters))


def check_removal(cluster: Cluster, member: Member) -> None:
    """Raise ``RefusedError`` where the removal would cost the quorum.

    Removing takes a quorum of the n members there are, and n - 1 are left: the healthy ones
    among those have to be (n - 1) // 2 + 1 at least.
    """
    if not cluster.has_quorum:
        raise RefusedError(
            "no_quorum",
            f"Member {member.name} cannot be removed: no quorum answers. Start the members that have "
            "data, or restore the cluster from a snapshot (playbook etcd_restore).",
        )
    if member.learner:
        return
    left = len(cluster.voters) - 1
    if left == 0:
        raise RefusedError(
            "last_member", f"{member.name} is the last member and cannot be removed."
        )
    healthy = [other for other in cluster.healthy_voters if other.id != member.id]
    if len(healthy) < quorum(left):
        raise RefusedError(
            "quorum_would_be_lost",
            f"Member {member.name} is not removed: of the {left} that would be left only "
            f"{len(healthy)} are healthy ({', '.join(names(healthy)) or 'none'}) and {quorum(left)} are "
            "needed. Bring the others back first.",
        )


def describe(cluster: Cluster) -> dict[str, Any]:
    """The cluster as a module returns it."""
    return {
        "cluster_id": next(iter(sorted(cluster.cluster_ids)), ""),
        "leader": cluster.leader,
        "quorum": quorum(len(cluster.voters)) if cluster.members else 0,
        "has_quorum": cluster.has_quorum,
        "authentication": cluster.authentication,
        "alarms": list(cluster.alarms),
        "problems": problems(cluster),
        "members": [_describe_member(cluster, member) for member in cluster.members],
        "not_answering": {a.endpoint: a.cause for a in cluster.answers if not a.serves},
    }


def _describe_member(cluster: Cluster, member: Member) -> dict[str, Any]:
    answer = next((a for a in cluster.answers if a.member_id == member.id), Answer(""))
    return {
        "id": f"{int(member.id):x}",
        "name": member.name,
        "peer_urls": list(member.peer_urls),
        "client_urls": list(member.client_urls),
        "started": member.started,
        "learner": member.learner,
        "healthy": member.id in cluster.serving,
        "version": answer.version,
        "db_size": answer.db_size,
        "db_size_in_use": answer.db_size_in_use,
    }
