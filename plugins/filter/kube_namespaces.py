# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role kube_namespaces; each is described in the YAML file of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.capacity import (
    quota_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.namespaces import (
    cluster_objects,
)


def kube_namespace_objects(
    namespaces: Mapping[str, Any],
    priority_classes: Mapping[str, Any],
    cluster: Mapping[str, Any],
    present: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """Return all objects; see kube_namespace_objects.yml."""
    try:
        return cluster_objects(namespaces, priority_classes, cluster, present)
    except KubeError as error:
        raise AnsibleFilterError(f"{error.reason}: {error}") from error


def kube_quota_problems(
    namespaces: Mapping[str, Any], available: Mapping[str, Any], kept_percent: float = 20
) -> list[str]:
    """Return what does not fit; see kube_quota_problems.yml."""
    try:
        return quota_problems(namespaces, available, float(kept_percent))
    except KubeError as error:
        raise AnsibleFilterError(f"{error.reason}: {error}") from error


class FilterModule:
    """Filters that describe namespaces and judge their quotas."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "kube_namespace_objects": kube_namespace_objects,
            "kube_quota_problems": kube_quota_problems,
        }
