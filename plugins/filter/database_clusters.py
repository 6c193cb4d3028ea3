# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for playbooks that work on clusters; each is described in the YAML file of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni import (
    clusters,
    table,
)


def database_clusters(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, list[str]],
    databases: str = "",
) -> list[dict[str, Any]]:
    """Return the clusters that a playbook works on; see database_clusters.yml."""
    try:
        return clusters.database_clusters(hostvars, groups, databases)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters that choose clusters and show them."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"database_clusters": database_clusters, "cluster_table": table.cluster_table}
