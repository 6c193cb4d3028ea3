# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Database clusters as an inventory describes them, for playbooks that work on one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DatabaseCluster:
    """One cluster by names of inventory hosts, and the base URLs of its members' REST APIs.

    ``speakers`` are the members in the order in which a playbook asks them about the cluster: backup
    replicas first, since they never lead and so are there when a primary is lost. ``promises`` are the
    arguments of the filter ``failover_bound`` that follow from the cluster.
    """

    scope: str
    group: str
    members: list[str]
    speakers: list[str]
    etcd: list[str]
    balancers: list[str]
    rest_urls: list[str]
    promises: dict[str, Any]


def group_of(scope: str) -> str:
    """Return the inventory group of a cluster; group names take no hyphens."""
    return "pg_" + scope.strip().replace("-", "_")


def chosen_groups(databases: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the groups of the clusters named in ``databases`` (comma-separated), or of all clusters.

    All are those of the group ``postgresql``, as the preflight judges them (``topology_from``).

    :raises ValueError: when a name has no group; the message lists the clusters there are.
    """
    known = sorted(name for name, hosts in groups.items() if name.startswith("pg_") and hosts)
    if not databases.strip():
        inside = set(groups.get("postgresql", ()))
        return [name for name in known if inside.intersection(groups[name])]
    wanted = [group_of(name) for name in databases.split(",") if name.strip()]
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ValueError(
            "no such database cluster: {} (groups with hosts: {})".format(
                ", ".join(missing), ", ".join(known) or "none"
            )
        )
    return wanted


def database_clusters(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    databases: str = "",
) -> list[dict[str, Any]]:
    """Return the chosen clusters as dictionaries, in the order in which they were named."""
    return [asdict(_cluster(name, hostvars, groups)) for name in chosen_groups(databases, groups)]


def _cluster(
    group: str,
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
) -> DatabaseCluster:
    members = list(groups[group])
    first = hostvars[members[0]]
    backups = [name for name in members if hostvars[name].get("patroni_role") == "backup"]
    others = [name for name in reversed(members) if name not in backups]
    balancers = [
        name
        for name in groups.get("load_balancers", [])
        if hostvars[name].get("load_balancer_cluster") == group
    ]
    return DatabaseCluster(
        scope=str(first.get("patroni_scope", group[3:])),
        group=group,
        members=members,
        speakers=backups + others,
        etcd=list(groups.get(str(first.get("etcd_group", "")), [])),
        balancers=balancers,
        rest_urls=[_rest_url(hostvars[name], name) for name in members],
        promises={
            "preset": str(first.get("patroni_rto_preset", first.get("rto_preset", "normal"))),
            "durability": str(
                first.get("patroni_durability_preset", first.get("durability_preset", "sync"))
            ),
            "overrides": dict(first.get("patroni_timings") or {}),
            "eligible_replicas": len(others) - 1,
        },
    )


def _rest_url(host: Mapping[str, Any], name: str) -> str:
    return f"https://{_address(host, name)}:{host.get('patroni_rest_port', 8008)}"


def _address(host: Mapping[str, Any], name: str) -> str:
    return str(host.get("private_address") or host.get("ansible_host") or name)
