# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that judge configurations and inventories; each is described in the file of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni import (
    config_rules,
    problem,
    topology_input,
    topology_rules,
)


def patroni_config_problems(
    config: Mapping[str, Any],
    major: int | None = None,
    eligible_replicas: int | None = None,
    dynamic: bool | None = None,
) -> list[dict[str, str]]:
    """Return what is wrong with a configuration; see patroni_config_problems.yml."""
    if not isinstance(config, Mapping):
        raise AnsibleFilterError(f"patroni_config_problems: a mapping, not {type(config).__name__}")
    if dynamic is None:
        dynamic = not any(key in config for key in ("scope", "name", "restapi", "bootstrap"))
    check = config_rules.dynamic_config_problems if dynamic else config_rules.config_problems
    try:
        replicas = None if eligible_replicas is None else int(eligible_replicas)
        version = None if major is None else int(major)
        return [found.to_dict() for found in check(config, version, replicas)]
    except ValueError as error:
        raise AnsibleFilterError(f"patroni_config_problems: {error}") from error


def database_topology(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    environment: str = "the inventory",
    member_secrets: Sequence[str] = (),
    etcd_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the description that database_problems judges; see database_topology.yml."""
    return topology_input.describe(hostvars, groups, environment, member_secrets, etcd_secrets)


def database_problems(
    data: Mapping[str, Any], databases: Sequence[str] | str = ()
) -> list[dict[str, str]]:
    """Return what is wrong with an inventory's databases; see database_problems.yml."""
    asked = databases.split(",") if isinstance(databases, str) else databases
    names = [str(name).strip() for name in asked]
    try:
        return [found.to_dict() for found in topology_rules.database_problems(data, names)]
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"database_problems: bad description: {error!r}") from error


def tell_problems(problems: Sequence[Mapping[str, str]]) -> str:
    """Return one message with all problems; see tell_problems.yml."""
    return problem.tell([problem.Problem(**dict(found)) for found in problems])


class FilterModule:
    """Filters that find problems before a host is touched."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "patroni_config_problems": patroni_config_problems,
            "database_topology": database_topology,
            "database_problems": database_problems,
            "tell_problems": tell_problems,
            "secret_state": topology_rules.secret_state,
        }
