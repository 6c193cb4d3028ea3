# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads from the variables of hosts what the rules for databases look at, and no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.topology import (
    CLUSTER_PREFIX,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.topology_rules import (
    secret_state,
)

VARIABLES = (
    "region",
    "zone",
    "private_address",
    "ansible_host",
    "patroni_scope",
    "patroni_role",
    "patroni_region",
    "patroni_standby_of",
    "patroni_timings",
    "patroni_rto_preset",
    "patroni_durability_preset",
    "patroni_durability_strict",
    "etcd_group",
    "postgresql_major",
    "rto_preset",
    "durability_preset",
    "load_balancer_cluster",
)


def describe(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    environment: str,
    member_secrets: Sequence[str],
    etcd_secrets: Sequence[str],
) -> dict[str, Any]:
    """Return the input of ``topology_rules.database_problems``.

    A secret whose own template fails counts as missing: its error could quote another secret.
    """
    members = {
        name
        for group, names in groups.items()
        if group.startswith(CLUSTER_PREFIX)
        for name in names
    }
    hosts: dict[str, dict[str, Any]] = {}
    for name in groups.get("all", ()):
        given = hostvars[name]
        hosts[name] = {key: given[key] for key in VARIABLES if _has(given, key)}
        hosts[name]["secrets"] = {}
        if name in members:
            hosts[name]["secrets"].update(_states(given, member_secrets))
    wanted = {hosts[name].get("etcd_group") for name in members if name in hosts}
    for group in wanted & set(groups):
        for name in groups[str(group)]:
            hosts[name]["secrets"].update(_states(hostvars[name], etcd_secrets))
    return {
        "environment": environment,
        "groups": {group: list(names) for group, names in groups.items()},
        "hosts": hosts,
    }


def _has(given: Mapping[str, Any], key: str) -> bool:
    return key in given and given[key] is not None


def _states(given: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, str]:
    return {secret: _state(given, secret) for secret in secrets}


def _state(given: Mapping[str, Any], secret: str) -> str:
    try:
        return secret_state(given.get(secret))
    except Exception:  # Ansible's template errors have no common base in all its releases
        return "missing"
