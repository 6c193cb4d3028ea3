# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the roles that provision databases and clusters; each is described in the YAML file of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint import (
    database_balancing,
    database_problems,
    database_resources,
    kubernetes,
    kubernetes_problems,
    plan,
    snapshot_job,
    snapshots,
    turns,
    vault,
)

Body = dict[str, Any]


def gcp_database_resources(
    clusters: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> list[Body]:
    """Return what database clusters need; see gcp_database_resources.yml."""
    try:
        return database_resources.database_resources(clusters, settings)
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"gcp_database_resources: {error!r}") from error


def gcp_database_problems(
    clusters: Mapping[str, Mapping[str, Any]],
    subnetworks: Mapping[str, Mapping[str, Any]],
    regions: Mapping[str, str],
    zones: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return what is wrong with database clusters; see gcp_database_problems.yml."""
    return database_problems.database_problems(clusters, subnetworks, regions, zones)


def gcp_health_checks(preset: Mapping[str, Any], lag_max: str) -> dict[str, Body]:
    """Return health checks with a preset's timings; see gcp_health_checks.yml."""
    return database_balancing.health_checks(preset, lag_max)


def gcp_snapshot_resources(settings: Mapping[str, Any]) -> list[Body]:
    """Return the job that takes snapshots; see gcp_snapshot_resources.yml."""
    return snapshot_job.snapshot_resources(settings)


def gcp_vault_resources(described: Mapping[str, Any]) -> list[Body]:
    """Return the jobs that copy into a vault and clean it; see gcp_vault_resources.yml."""
    return vault.vault_resources(described)


def gcp_vault_problems(described: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a description of a vault; see gcp_vault_problems.yml."""
    return vault.vault_problems(described)


def gcp_kubernetes_resources(
    clusters: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> list[Body]:
    """Return what Kubernetes clusters need; see gcp_kubernetes_resources.yml."""
    try:
        return kubernetes.kubernetes_resources(clusters, settings)
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"gcp_kubernetes_resources: {error!r}") from error


def gcp_kubernetes_problems(
    clusters: Mapping[str, Mapping[str, Any]],
    prefix: str,
    subnetworks: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Return what is wrong with Kubernetes clusters; see gcp_kubernetes_problems.yml."""
    return kubernetes_problems.kubernetes_problems(clusters, prefix, subnetworks)


def gcp_plan_table(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a plan as lines; see gcp_plan_table.yml."""
    return plan.plan_table(entries)


def gcp_pools_that_shrink(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return pools that a plan makes smaller; see gcp_pools_that_shrink.yml."""
    return plan.pools_that_shrink(entries)


def gcp_turns(
    entries: Sequence[Mapping[str, Any]], declared: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """Return which hosts go together and which wait; see gcp_turns.yml."""
    return turns.turns(entries, declared)


def gcp_removable(declared: Sequence[Mapping[str, Any]], data: bool = False) -> list[Any]:
    """Return what goes with an environment; see gcp_removable.yml."""
    return plan.removable(declared, bool(data))


def gcp_data_disks(
    clusters: Mapping[str, Mapping[str, Any]],
    chosen: Sequence[str] = (),
    hosts: str = "",
    idle: bool = False,
) -> list[dict[str, str]]:
    """Return data disks of clusters; see gcp_data_disks.yml."""
    try:
        return snapshots.data_disks(clusters, chosen, hosts, bool(idle))
    except ValueError as error:
        raise AnsibleFilterError(f"unknown_host: {error}. Nothing was changed.") from error


def gcp_snapshot_declarations(
    disks: Sequence[Mapping[str, str]], label: str, time: str
) -> list[Body]:
    """Return snapshots to be taken; see gcp_snapshot_declarations.yml."""
    return snapshots.declarations(disks, label, time)


def gcp_restore_of(
    found: Mapping[str, Sequence[Mapping[str, Any]]],
    wanted: str,
    source: str,
    host: str,
    name: str = "",
    again_minutes: int = 60,
) -> dict[str, Any]:
    """Return which snapshot a disk is made of; see gcp_restore_of.yml."""
    return snapshots.restore(found, wanted, source, host, name, int(again_minutes))


class FilterModule:
    """Filters that turn descriptions into declarations, and judge them."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "gcp_data_disks": gcp_data_disks,
            "gcp_snapshot_declarations": gcp_snapshot_declarations,
            "gcp_database_resources": gcp_database_resources,
            "gcp_database_problems": gcp_database_problems,
            "gcp_health_checks": gcp_health_checks,
            "gcp_snapshot_resources": gcp_snapshot_resources,
            "gcp_vault_resources": gcp_vault_resources,
            "gcp_vault_problems": gcp_vault_problems,
            "gcp_kubernetes_resources": gcp_kubernetes_resources,
            "gcp_kubernetes_problems": gcp_kubernetes_problems,
            "gcp_plan_table": gcp_plan_table,
            "gcp_pools_that_shrink": gcp_pools_that_shrink,
            "gcp_removable": gcp_removable,
            "gcp_restore_of": gcp_restore_of,
            "gcp_turns": gcp_turns,
        }
