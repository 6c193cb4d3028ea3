# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for one database cluster of an inventory."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.durability import (
    DURABILITY_PRESETS,
    durability_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import (
    RTO_PRESETS,
    rto_preset,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import (
    Problem,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.setting_names import (
    MAJORS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.topology import (
    Cluster,
    Topology,
    group_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

# What all members of a cluster must say alike.
_SHARED = (
    "patroni_scope",
    "patroni_standby_of",
    "patroni_region",
    "postgresql_major",
    "etcd_group",
    "rto_preset",
    "durability_preset",
    "patroni_rto_preset",
    "patroni_durability_preset",
    "patroni_durability_strict",
    "patroni_timings",
)


def cluster_problems(cluster: Cluster, topology: Topology) -> list[Problem]:
    """Return what is wrong with one cluster, given the environment around it."""
    return [
        *_agreement(cluster),
        *_scope(cluster),
        *_major(cluster),
        *_timings(cluster),
        *_members(cluster),
        *_durability(cluster),
        *_places(cluster),
        *_etcd(cluster, topology),
        *_source(cluster, topology),
    ]


def _agreement(cluster: Cluster) -> list[Problem]:
    found = []
    for variable in _SHARED:
        said: dict[str, list[str]] = {}
        for host in cluster.hosts:
            said.setdefault(host.text(variable, "(unset)"), []).append(host.name)
        if len(said) > 1:
            shown = "; ".join(f"{value}: {', '.join(names)}" for value, names in said.items())
            found.append(
                Problem(
                    "members_disagree",
                    cluster.group,
                    f"{variable} differs between members ({shown})",
                    "it describes the cluster, not a member",
                    f"set {variable} once, in the variables of the group {cluster.group}",
                )
            )
    return found


def _scope(cluster: Cluster) -> list[Problem]:
    if not cluster.scope:
        return [
            Problem(
                "no_scope",
                cluster.group,
                "patroni_scope is not set",
                "it names the cluster in etcd, in certificates and in commands",
                "set it in the group's variables, for example to "
                + cluster.group[3:].replace("_", "-"),
            )
        ]
    if group_of(cluster.scope) != cluster.group:
        return [
            Problem(
                "scope_and_group_differ",
                cluster.group,
                f"its patroni_scope is {cluster.scope}, whose group is {group_of(cluster.scope)}",
                "playbooks find a cluster's hosts by the group pg_<scope>",
                f"rename the group to {group_of(cluster.scope)} or change the scope",
            )
        ]
    return []


def _major(cluster: Cluster) -> list[Problem]:
    major = cluster.agreed("postgresql_major")
    if major in [str(known) for known in MAJORS]:
        return []
    return [
        Problem(
            "unknown_major",
            cluster.group,
            f"postgresql_major is {major or 'not set'}",
            "roles and rules know PostgreSQL " + ", ".join(map(str, MAJORS)),
            "set one of these",
        )
    ]


def _timings(cluster: Cluster) -> list[Problem]:
    name = cluster.agreed("patroni_rto_preset") or cluster.agreed("rto_preset", "fast")
    if name not in RTO_PRESETS:
        return [
            Problem(
                "unknown_preset",
                cluster.group,
                f"rto_preset is {name}",
                "no timings follow from it",
                did_you_mean(name, RTO_PRESETS) + "Choose one of " + ", ".join(RTO_PRESETS),
            )
        ]
    try:
        rto_preset(name, **cluster.timings)
    except (TypeError, ValueError) as error:
        return [
            Problem(
                "timing_rule",
                cluster.group,
                str(error),
                "Patroni would run with other timings than were asked for",
                "ttl >= 20, loop_wait >= 1, retry_timeout >= 3, loop_wait + 2 * retry_timeout <= ttl;"
                " or leave patroni_timings to the preset",
            )
        ]
    return []


def _members(cluster: Cluster) -> list[Problem]:
    found = [
        Problem(
            "unknown_role",
            host.name,
            f"patroni_role is {host.text('patroni_role')}",
            "a member is either promotable or for backups",
            "set member or backup",
        )
        for host in cluster.hosts
        if host.text("patroni_role", "member") not in ("member", "backup")
    ]
    backups = [host.name for host in cluster.hosts if host.backup]
    if backups and len(cluster.eligible) < (1 if cluster.standby_of else 2):
        found.append(
            Problem(
                "backup_is_the_only_replica",
                cluster.group,
                f"{', '.join(backups)} for backups, {len(cluster.eligible)} promotable member(s)",
                "a backup member is never promoted, so nothing takes over a lost primary",
                "add a member with patroni_role member, or change the backup member's role",
            )
        )
    return found


def _durability(cluster: Cluster) -> list[Problem]:
    preset = cluster.agreed("patroni_durability_preset")
    preset = preset or cluster.agreed("durability_preset", "sync")
    strict = cluster.agreed("patroni_durability_strict").lower() in ("true", "yes", "on", "1")
    # Patroni knows no synchronous mode in a standby cluster; a wrong name is wrong there, too.
    if cluster.standby_of and preset in DURABILITY_PRESETS:
        return []
    return [
        Problem(
            "sync_count_impossible" if preset in DURABILITY_PRESETS else "unknown_preset",
            cluster.group,
            sentence,
            "commits would wait for replicas that are not there, or for fewer than was promised",
            "add members with patroni_role member, or choose another durability_preset"
            " (async for a single member)",
        )
        for sentence in durability_problems(preset, strict, len(cluster.eligible) - 1)
    ]


def _places(cluster: Cluster) -> list[Problem]:
    found = []
    wanted = cluster.agreed("patroni_region") or cluster.agreed("region")
    for host in cluster.hosts:
        region = host.text("region")
        if region != wanted or not region:
            found.append(
                Problem(
                    "wrong_region",
                    host.name,
                    f"stands in region {region or '(unset)'}, its cluster {cluster.group} in"
                    f" {wanted or '(unset)'}",
                    "a commit would wait for another region, and the loss of either stops writes",
                    "move the host to a cluster of its own with patroni_standby_of, or correct"
                    " region or patroni_region",
                )
            )
        if not host.text("zone"):
            found.append(
                Problem(
                    "no_zone",
                    host.name,
                    "zone is not set",
                    "members of one zone are lost together, so it must be known",
                    "set zone on the host",
                )
            )
    return found


def _etcd(cluster: Cluster, topology: Topology) -> list[Problem]:
    group = cluster.agreed("etcd_group")
    members = topology.members(group)
    if not members:
        reason = f"etcd_group {group} has no hosts" if group else "etcd_group is not set"
        why = "Patroni keeps the leader's lease in etcd"
        way = "set etcd_group to a group with 1, 3 or 5 hosts"
        return [Problem("no_etcd", cluster.group, reason, why, way)]
    wanted = cluster.agreed("patroni_region") or cluster.agreed("region")
    abroad = [host.name for host in members if host.text("region") != wanted]
    if not abroad:
        return []
    return [
        Problem(
            "etcd_in_another_region",
            cluster.group,
            f"members of {group} stand outside {wanted}: {', '.join(abroad)}",
            "the loss of one region or of the link between them would demote the primary",
            "give the cluster an etcd group in its own region",
        )
    ]


def _source(cluster: Cluster, topology: Topology) -> list[Problem]:
    """A standby cluster follows another primary cluster of the same major version."""
    if not cluster.standby_of:
        return []
    source = next((c for c in topology.clusters if c.group == cluster.standby_of), None)
    if source is None or source.group == cluster.group or source.standby_of:
        what = f"patroni_standby_of is {cluster.standby_of}"
        why = "it must be the group of a primary cluster other than this one"
        way = "name such a group, or remove patroni_standby_of"
        return [Problem("bad_standby_source", cluster.group, what, why, way)]
    if source.agreed("postgresql_major") != cluster.agreed("postgresql_major"):
        what = f"its major version is not that of {source.group}"
        why = "WAL is only replayed by the same major version"
        return [Problem("major_differs", cluster.group, what, why, "set the same postgresql_major")]
    return []
