# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A database cluster's footprint in Google Cloud, as plain values of its description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import region_of
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    region_key,
)

#: What a VM is for; a standby waits in the failover region for the cluster that follows.
ROLES = ("member", "backup", "dr")
POSTGRESQL_PORT = 5432
PATRONI_PORT = 8008
ETCD_PORTS = (2379, 2380)


@dataclass(frozen=True)
class Settings:
    """What the environment says of all its clusters; each field is a variable of the role."""

    project: str
    regions: Mapping[str, str]
    network: str
    subnetworks: Mapping[str, str]
    image: str
    machine_type: str
    disk_gb: int
    disk_type: str
    boot_disk_gb: int
    boot_disk_type: str
    tags: tuple[str, ...]
    nat_tags: Mapping[str, str]
    metadata: Mapping[str, str]
    labels: Mapping[str, str]
    client_ranges: tuple[str, ...]
    health_check_ranges: tuple[str, ...]
    deletion_protection: bool
    checks: Mapping[str, Mapping[str, Any]]
    secrets: tuple[str, ...]
    secret_length: int
    secret_readers: tuple[str, ...]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Read the role's settings. Raises ``TypeError`` for one too many or too few."""
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return cls(**{**given, **lists})


@dataclass(frozen=True)
class Member:
    """One VM. Sizes in GB; ``snapshot`` is what its data disk is made of, where it is made anew."""

    name: str
    zone: str
    address: str
    role: str
    machine_type: str
    disk: str
    disk_gb: int
    disk_type: str
    snapshot: str
    snapshots: bool

    @property
    def region(self) -> str:
        """Where its zone is."""
        return region_of(self.zone)


@dataclass(frozen=True)
class Cluster:
    """One cluster: ``balancers`` are the addresses of ``primary`` and ``replicas``, none where it has none."""

    name: str
    members: tuple[Member, ...]
    balancers: Mapping[str, str]
    etcd: str
    settings: Settings

    @property
    def account(self) -> str:
        """Service account of its VMs."""
        return f"db-{self.name}"

    @property
    def main_region(self) -> str:
        """Region of those that may lead."""
        return self.eligible[0].region

    @property
    def eligible(self) -> tuple[Member, ...]:
        """Those that may lead, and that the balancers ask."""
        return tuple(member for member in self.members if member.role == "member")

    def region_key(self, region: str) -> str:
        """What the environment calls a region."""
        return region_key(region, self.settings.regions)

    def subnetwork(self, region: str) -> str:
        """Name of the subnetwork of a region."""
        return self.settings.subnetworks[self.region_key(region)]

    def labels(self, **more: str) -> dict[str, str]:
        """Labels of what belongs to the cluster; the inventory plugin finds hosts by them."""
        return {**self.settings.labels, "groundwork_cluster": self.name, **more}


def cluster_from(name: str, given: Mapping[str, Any], settings: Settings) -> Cluster:
    """Read one cluster of ``gcp_database_clusters``. Raises ``KeyError`` for what is missing; see ``problems``."""
    members = tuple(
        _member(member, entry or {}, given, settings) for member, entry in given["members"].items()
    )
    return Cluster(
        name=name,
        members=members,
        balancers=dict(given.get("balancers") or {}),
        etcd=str(given.get("etcd", name)),
        settings=settings,
    )


def _member(
    name: str, entry: Mapping[str, Any], cluster: Mapping[str, Any], settings: Settings
) -> Member:
    def said(option: str, default: Any) -> Any:
        return entry.get(option, cluster.get(option, default))

    role = str(entry.get("role", "member"))
    return Member(
        name=name,
        zone=str(entry["zone"]),
        address=str(entry["address"]),
        role=role,
        machine_type=str(said("machine_type", settings.machine_type)),
        disk=str(entry.get("disk", f"{name}-data")),
        disk_gb=int(said("disk_gb", settings.disk_gb)),
        disk_type=str(said("disk_type", settings.disk_type)),
        snapshot=str(entry.get("snapshot", "")),
        # What is idle has nothing to lose; it says so where it is no longer idle.
        snapshots=bool(entry.get("snapshots", role != "dr")),
    )
