# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be done so that the hosts of a group are the members of one cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Host:
    """A host that shall be a member.

    ``has_data`` and ``bootstrapping`` are ``None`` where the host could not be asked.
    ``bootstrapping`` says that its first start was permitted and never found complete.
    """

    name: str
    peer_url: str
    has_data: bool | None
    bootstrapping: bool | None = None


@dataclass(frozen=True)
class Plan:
    """``bootstrap`` and ``join`` are names of hosts, ``remove`` names of members."""

    action: str
    bootstrap: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    refusals: tuple[Mapping[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "action": self.action,
            "bootstrap": list(self.bootstrap),
            "join": list(self.join),
            "remove": list(self.remove),
            "refusals": [dict(refusal) for refusal in self.refusals],
        }


def make_plan(cluster: Mapping[str, Any], hosts: Sequence[Host], remove: Sequence[str]) -> Plan:
    """Return what to do; ``cluster`` is the result of ``etcd_cluster_info``.

    The action is ``bootstrap`` (there is no cluster yet), ``start`` (its members have data and none
    serves), ``change`` or ``none``.
    """
    if cluster.get("has_quorum"):
        return _change(cluster.get("members") or [], hosts, remove)
    with_data = [host for host in hosts if host.has_data]
    if all(host.bootstrapping for host in with_data):
        return _bootstrap(hosts)
    if len(with_data) * 2 > len(hosts):
        return Plan("start")
    return Plan(
        "none",
        refusals=(
            _refusal(
                "no_quorum",
                f"only {len(with_data)} of {len(hosts)} members have their data "
                f"({', '.join(host.name for host in with_data)}) and no quorum answers. A new cluster is "
                "not begun beside them. Bring the others back with their data, or restore all from a "
                "snapshot (playbook etcd_restore).",
            ),
        ),
    )


def _bootstrap(hosts: Sequence[Host]) -> Plan:
    """Nobody has data but hosts whose first start is under way: begin, or go on beginning."""
    unknown = [host.name for host in hosts if host.has_data is None]
    known = tuple(host.name for host in hosts if host.has_data is not None)
    if len(known) * 2 > len(hosts):
        return Plan("bootstrap", bootstrap=known)
    return Plan(
        "none",
        refusals=(
            _refusal(
                "members_missing",
                f"a first start needs more than half of the members in the play, and "
                f"{', '.join(unknown)} could not be asked whether they have data.",
            ),
        ),
    )


def _change(
    members: Sequence[Mapping[str, Any]], hosts: Sequence[Host], remove: Sequence[str]
) -> Plan:
    listed = {url: member for member in members for url in member["peer_urls"]}
    refusals = []
    join = []
    for host in hosts:
        member = listed.get(host.peer_url)
        if host.has_data and member is None:
            refusals.append(
                _refusal(
                    "foreign_data",
                    f"{host.name} has the data of a member that this cluster does not list. Move its data "
                    "directory away; it then joins as a new member.",
                )
            )
        elif host.has_data is False or (member is not None and member["learner"] and host.has_data):
            join.append(host.name)
    wanted = {host.peer_url for host in hosts}
    strangers = [m for m in members if not wanted & set(m["peer_urls"])]
    refusals += [
        _refusal(
            "unknown_member",
            f"member {_name(member)} is not a host of the group. Put it back, or name it in "
            "etcd_remove_members.",
        )
        for member in strangers
        if _name(member) not in remove
    ]
    gone = tuple(_name(member) for member in strangers if _name(member) in remove)
    action = "change" if join or gone else "none"
    return Plan(action, join=tuple(join), remove=gone, refusals=tuple(refusals))


def _name(member: Mapping[str, Any]) -> str:
    return str(member["name"] or member["peer_urls"][0])


def _refusal(reason: str, message: str) -> dict[str, str]:
    return {"reason": reason, "message": message}
