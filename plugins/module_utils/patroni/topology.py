# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An environment's database clusters as an inventory describes them, read from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CLUSTER_PREFIX = "pg_"


@dataclass(frozen=True)
class Host:
    """A host and those of its variables that the rules look at.

    ``secrets`` says for each secret whether it is ``set``, ``missing`` or a ``placeholder``; a
    secret's value never comes here.
    """

    name: str
    variables: Mapping[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """Return a variable as text, the default where it is undefined or null."""
        value = self.variables.get(name)
        return default if value is None else str(value)

    @property
    def address(self) -> str:
        """Where the other hosts reach this one; empty if the inventory does not say."""
        return self.text("private_address", self.text("ansible_host"))

    @property
    def backup(self) -> bool:
        """The member serves backups only: it is neither promoted nor synchronous."""
        return self.text("patroni_role", "member") == "backup"

    @property
    def secrets(self) -> Mapping[str, str]:
        """State of each secret by its variable's name."""
        given = self.variables.get("secrets")
        return given if isinstance(given, Mapping) else {}


@dataclass(frozen=True)
class Cluster:
    """The hosts of one group ``pg_<scope>``."""

    group: str
    hosts: tuple[Host, ...]

    def agreed(self, variable: str, default: str = "") -> str:
        """Return what the first host says, for a variable that all hosts should agree on."""
        return self.hosts[0].text(variable, default) if self.hosts else default

    @property
    def scope(self) -> str:
        """The cluster's name in Patroni."""
        return self.agreed("patroni_scope")

    @property
    def timings(self) -> Mapping[str, Any]:
        """What replaces timings of the preset."""
        given = self.hosts[0].variables.get("patroni_timings") if self.hosts else None
        return given if isinstance(given, Mapping) else {}

    @property
    def standby_of(self) -> str:
        """Group of the cluster that this one follows; empty for a primary cluster."""
        return self.agreed("patroni_standby_of")

    @property
    def eligible(self) -> tuple[Host, ...]:
        """Members that may be primary or synchronous."""
        return tuple(host for host in self.hosts if not host.backup)


@dataclass(frozen=True)
class Topology:
    """All clusters, the groups and hosts around them, and which clusters were asked for."""

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    clusters: tuple[Cluster, ...]
    selected: tuple[Cluster, ...]
    unknown: tuple[str, ...]

    def members(self, group: str) -> list[Host]:
        """Return the hosts of a group, none if there is no such group."""
        return [self.hosts[name] for name in self.groups.get(group, ()) if name in self.hosts]


def group_of(scope: str) -> str:
    """Return the group that holds the hosts of a scope."""
    return CLUSTER_PREFIX + scope.replace("-", "_")


def topology_from(data: Mapping[str, Any], databases: Sequence[str]) -> Topology:
    """Read plain values: ``hosts`` (name to variables) and ``groups`` (name to hosts).

    :param databases: scopes or groups that were asked for; ``postgresql`` and an empty list mean
        all clusters of the group ``postgresql``.
    """
    hosts = {name: Host(name, dict(values or {})) for name, values in data["hosts"].items()}
    groups = {name: tuple(names) for name, names in data["groups"].items()}
    clusters = tuple(
        Cluster(group, tuple(hosts[name] for name in names if name in hosts))
        for group, names in sorted(groups.items())
        if group.startswith(CLUSTER_PREFIX) and any(name in hosts for name in names)
    )
    by_group = {cluster.group: cluster for cluster in clusters}
    asked = [name for name in databases if name] or ["postgresql"]
    selected: dict[str, Cluster] = {}
    unknown = []
    for name in asked:
        if name == "postgresql":
            inside = set(groups.get(name, ()))
            found = [c for c in clusters if any(host.name in inside for host in c.hosts)]
            selected.update({cluster.group: cluster for cluster in found})
            continue
        group = name if name in by_group else group_of(name)
        if group in by_group:
            selected[group] = by_group[group]
        else:
            unknown.append(name)
    return Topology(hosts, groups, clusters, tuple(selected.values()), tuple(unknown))
