# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for playbooks that work on Kubernetes clusters; each is described in the YAML file of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.kube import owners
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster import (
    choose,
    table,
)


def kube_clusters(groups: Mapping[str, Sequence[str]], clusters: str = "") -> list[str]:
    """Return the hosts of the clusters that a playbook works on; see kube_clusters.yml."""
    try:
        return choose.chosen_clusters(groups, clusters)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters that choose clusters, show them, and say who keeps what is in them."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "kube_cluster_table": table.cluster_lines,
            "kube_clusters": kube_clusters,
            "kube_sets_back": owners.sets_back,
        }
