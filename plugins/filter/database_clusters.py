# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter database_clusters, described in database_clusters.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni import clusters


def database_clusters(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, list[str]],
    databases: str = "",
    rest_port: int = 8008,
) -> list[dict[str, Any]]:
    """Return the clusters that a playbook works on; see database_clusters.yml."""
    try:
        return clusters.database_clusters(hostvars, groups, databases, rest_port)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter that lists database clusters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by name."""
        return {"database_clusters": database_clusters}
