# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for an environment's database hosts, looked at before anything changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.cluster_rules import (
    cluster_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import (
    Problem,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.topology import (
    CLUSTER_PREFIX,
    Host,
    Topology,
    topology_from,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

ETCD_SIZES = (1, 3, 5)
_PLACEHOLDERS = frozenset(
    (
        "changeme", "change_me", "change-me", "replaceme", "replace_me", "replace-me", "todo",
        "tbd", "fixme", "placeholder", "example", "password", "secret", "xxx", "none", "null",
    )
)  # fmt: skip


def secret_state(value: object) -> str:
    """Return ``set``, ``missing`` or ``placeholder`` for a secret, never its value."""
    text = "" if value is None else str(value).strip()
    if not text:
        return "missing"
    framed = (text[0], text[-1]) in (("<", ">"), ("{", "}"), ("[", "]"))
    return "placeholder" if framed or text.lower() in _PLACEHOLDERS else "set"


def database_problems(data: Mapping[str, Any], databases: Sequence[str] = ()) -> list[Problem]:
    """Return everything that is wrong with the databases of an inventory.

    :param data: ``hosts`` (name to variables, with ``secrets`` as states), ``groups`` (name to
        hosts) and ``environment`` (what the messages call the inventory).
    :param databases: scopes or groups asked for; empty for all of the group ``postgresql``.
    """
    topology = topology_from(data, databases)
    if not topology.clusters:
        return [_no_hosts(str(data.get("environment") or "the inventory"))]
    found = _unknown_databases(topology)
    if not topology.selected and not found:
        found.append(_nothing_selected())
    for cluster in topology.selected:
        found += cluster_problems(cluster, topology)
    found += _one_name_twice(topology)
    found += _etcd_sizes(topology)
    found += _addresses(topology)
    found += _secrets(topology)
    return found + _balancers(topology)


def _no_hosts(environment: str) -> Problem:
    return Problem(
        "no_hosts",
        environment,
        f"no host is in a group {CLUSTER_PREFIX}<scope>",
        "there is nothing to install databases on; hosts arrive with provisioning",
        "provision the environment, or describe its hosts: a group pg_<scope> with patroni_scope,"
        " etcd_group and postgresql_major, inside the group postgresql, and the etcd group",
    )


def _nothing_selected() -> Problem:
    return Problem(
        "nothing_selected",
        "group postgresql",
        "holds no cluster",
        "without databases=... playbooks work on this group",
        "add the groups pg_<scope> as its children, or name clusters: -e databases=<scope>",
    )


def _unknown_databases(topology: Topology) -> list[Problem]:
    scopes = [cluster.scope or cluster.group for cluster in topology.clusters]
    return [
        Problem(
            "unknown_database",
            name,
            "is no cluster of this inventory",
            "there is no group for it with hosts",
            did_you_mean(name, scopes) + "Known: " + ", ".join(scopes),
        )
        for name in topology.unknown
    ]


def _one_name_twice(topology: Topology) -> list[Problem]:
    """Scopes and member names are unique over all clusters, a DR cluster included.

    A synchronous standby is known by its member name: one name in the primary and in the standby
    cluster would let the wrong host satisfy a commit.
    """
    chosen = {cluster.group for cluster in topology.selected}
    scopes: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    for cluster in topology.clusters:
        if cluster.scope:
            scopes.setdefault(cluster.scope, []).append(cluster.group)
        for host in cluster.hosts:
            names.setdefault(host.name, []).append(cluster.group)
    found = [
        Problem(
            "duplicate_scope",
            ", ".join(groups),
            f"share the patroni_scope {scope}",
            "members of both would fight for one leader key",
            "give each cluster a scope of its own, a DR cluster too (for example payments-dr)",
        )
        for scope, groups in scopes.items()
        if len(groups) > 1 and chosen & set(groups)
    ]
    found += [
        Problem(
            "duplicate_member_name",
            ", ".join(f"{name} ({group})" for group in groups),
            f"share the member name {name}",
            "a commit could be acknowledged for the wrong host",
            "give each member a name of its own, over primary and DR clusters",
        )
        for name, groups in names.items()
        if len(groups) > 1 and chosen & set(groups)
    ]
    return found


def _etcd_groups(topology: Topology) -> list[str]:
    groups = (cluster.agreed("etcd_group") for cluster in topology.selected)
    return list(dict.fromkeys(group for group in groups if topology.members(group)))


def _etcd_sizes(topology: Topology) -> list[Problem]:
    found = []
    for group in _etcd_groups(topology):
        size = len(topology.members(group))
        if size in ETCD_SIZES:
            continue
        why = "more members make every write slower and gain nothing here"
        if size % 2 == 0:
            why = f"{size} members bear the loss of no more than {size - 1} do, and more can fail"
        what = f"has {size} members"
        found.append(Problem("etcd_size", group, what, why, "make them 1, 3 or 5"))
    return found


def _balancer_hosts(topology: Topology) -> list[Host]:
    known = {host.name: host for host in topology.members("load_balancers")}
    known.update(
        {name: host for name, host in topology.hosts.items() if host.text("load_balancer_cluster")}
    )
    return list(known.values())


def _involved(topology: Topology) -> list[Host]:
    """Hosts that the selected clusters stand on, each once."""
    hosts: dict[str, Host] = {}
    groups = {cluster.group for cluster in topology.selected}
    for cluster in topology.selected:
        hosts.update({host.name: host for host in cluster.hosts})
    for group in _etcd_groups(topology):
        hosts.update({host.name: host for host in topology.members(group)})
    for host in _balancer_hosts(topology):
        if host.text("load_balancer_cluster") in groups:
            hosts[host.name] = host
    return list(hosts.values())


def _addresses(topology: Topology) -> list[Problem]:
    used: dict[str, list[str]] = {}
    for host in _involved(topology):
        if host.address:
            used.setdefault(host.address, []).append(host.name)
    return [
        Problem(
            "duplicate_address",
            ", ".join(names),
            f"share the address {address}",
            "members would take each other's place in etcd and in the balancer",
            "correct private_address (or ansible_host, its default)",
        )
        for address, names in used.items()
        if len(names) > 1
    ]


def _secrets(topology: Topology) -> list[Problem]:
    """Secrets that the same hosts lack are one problem."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for host in _involved(topology):
        for secret, state in host.secrets.items():
            if state != "set":
                lacking.setdefault((secret, state), []).append(host.name)
    together: dict[tuple[str, str], list[str]] = {}
    for (secret, state), names in lacking.items():
        together.setdefault((state, _some(names)), []).append(secret)
    return [
        Problem(
            "missing_secret",
            hosts,
            f"{', '.join(secrets)}: {'a placeholder' if state == 'placeholder' else 'not set'}",
            "services would start without a password or with one that everybody knows",
            "set them in the environment's variables, from a vault, a lookup or a generated file",
        )
        for (state, hosts), secrets in together.items()
    ]


def _balancers(topology: Topology) -> list[Problem]:
    groups = {cluster.group for cluster in topology.clusters}
    found = []
    for host in _balancer_hosts(topology):
        served = host.text("load_balancer_cluster")
        if served in groups:
            continue
        what = f"load_balancer_cluster is {served or 'not set'}"
        why = "there is no cluster with hosts by this name to send connections to"
        way = did_you_mean(served, groups) + "Set it to a group: " + ", ".join(sorted(groups))
        found.append(Problem("balancer_without_cluster", host.name, what, why, way))
    return found


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
