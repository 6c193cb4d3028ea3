# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The resources of a database cluster: VMs, disks, addresses, balancers, firewall, rights, passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database import (
    ETCD_PORTS,
    PATRONI_PORT,
    POSTGRESQL_PORT,
    Cluster,
    Member,
    Settings,
    cluster_from,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database_balancing import (
    balancing,
    internal_address,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    Declared,
    declared,
    items,
    project_binding,
    unique,
)

#: Disks with this label are what the scheduled job takes snapshots of.
SNAPSHOT_LABEL = {"groundwork_snapshots": "auto"}
#: What an agent on the VM may do: write its logs and metrics.
VM_ROLES = ("roles/logging.logWriter", "roles/monitoring.metricWriter")


def database_resources(
    clusters: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> list[Declared]:
    """Return what all clusters need, as gcp_resources takes it. The clusters have passed ``problems``."""
    settings = Settings.read(given)
    found: list[Declared] = []
    for name, description in clusters.items():
        cluster = cluster_from(name, description, settings)
        found += _rights(cluster) + _passwords(cluster) + _firewall(cluster)
        for member in cluster.members:
            found += machine(cluster, member)
        if cluster.balancers:
            found += balancing(cluster)
    return found


def machine(cluster: Cluster, member: Member) -> list[Declared]:
    """Return a VM with its address and its data disk."""
    return [
        internal_address(cluster, member.name, member.address, member.region),
        _disk(cluster, member),
        _instance(cluster, member),
    ]


def _rights(cluster: Cluster) -> list[Declared]:
    account = declared(
        "iam.serviceAccounts",
        cluster.account,
        {"displayName": f"VMs of the database cluster {cluster.name}"},
    )
    project = cluster.settings.project
    return [account] + [
        project_binding(
            f"{cluster.account}-{role.rsplit('.', 1)[-1].lower()}", project, role, cluster.account
        )
        for role in VM_ROLES
    ]


def _passwords(cluster: Cluster) -> list[Declared]:
    """Kept in every region of the environment: the loss of one must not take the passwords of the other.

    Where they are kept cannot be changed, so a member in another region must find them there.
    """
    places = [{"location": region} for region in unique(cluster.settings.regions.values())]
    found = []
    for secret in cluster.settings.secrets:
        name = f"{cluster.name}-{secret}"
        found.append(
            declared(
                "secretmanager.secrets",
                name,
                {"replication": {"userManaged": {"replicas": places}}, "labels": cluster.labels()},
                payload={"generate": {"length": cluster.settings.secret_length}},
            )
        )
        if cluster.settings.secret_readers:
            found.append(
                declared(
                    "iam.bindings",
                    f"{name}-readers",
                    {
                        "resource": {"type": "secretmanager.secrets", "name": name},
                        "role": "roles/secretmanager.secretAccessor",
                        "members": list(cluster.settings.secret_readers),
                    },
                )
            )
    return found


def _firewall(cluster: Cluster) -> list[Declared]:
    account = cluster.account
    among = [str(port) for port in (POSTGRESQL_PORT, PATRONI_PORT, *ETCD_PORTS)]
    rules: list[tuple[str, str, dict[str, Any], list[str]]] = [
        ("members", "Members among themselves", {"sourceServiceAccounts": [account]}, among),
        (
            "checks",
            "Google's health checks ask Patroni",
            {"sourceRanges": list(cluster.settings.health_check_ranges)},
            [str(PATRONI_PORT)],
        ),
    ]
    if cluster.settings.client_ranges:
        clients = {"sourceRanges": list(cluster.settings.client_ranges)}
        rules.append(
            ("clients", "Clients of the databases", clients, [str(POSTGRESQL_PORT)]),
        )
    return [
        declared(
            "compute.firewalls",
            f"db-{cluster.name}-{name}",
            {
                "network": cluster.settings.network,
                "description": f"{what} ({cluster.name})",
                "direction": "INGRESS",
                "disabled": False,
                "priority": 1000,
                **source,
                "targetServiceAccounts": [account],
                "allowed": [{"IPProtocol": "tcp", "ports": ports}],
            },
        )
        for name, what, source, ports in rules
    ]


def _disk(cluster: Cluster, member: Member) -> Declared:
    more = SNAPSHOT_LABEL if member.snapshots else {}
    body = {
        "type": member.disk_type,
        "sizeGb": str(member.disk_gb),
        "description": f"Data of {member.name}",
        "labels": cluster.labels(groundwork_host=member.name, **more),
    }
    if member.snapshot:
        body["sourceSnapshot"] = member.snapshot
    return declared("compute.disks", member.disk, body, zone=member.zone)


def _instance(cluster: Cluster, member: Member) -> Declared:
    settings = cluster.settings
    region = cluster.region_key(member.region)
    way_out = [tag for ours, tag in settings.nat_tags.items() if ours == region]
    body = {
        "description": f"Database cluster {cluster.name}, {member.role}",
        "machineType": member.machine_type,
        "deletionProtection": settings.deletion_protection,
        "tags": {"items": unique((*settings.tags, f"db-{cluster.name}", *way_out))},
        "labels": cluster.labels(
            groundwork_role=member.role,
            groundwork_region=region,
            groundwork_etcd=cluster.etcd,
        ),
        "metadata": {"items": items(settings.metadata)},
        "serviceAccounts": [
            {
                "email": cluster.account,
                # What it may do is said by its bindings.
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
        ],
        "shieldedInstanceConfig": {
            "enableSecureBoot": True,
            "enableVtpm": True,
            "enableIntegrityMonitoring": True,
        },
        "scheduling": {"automaticRestart": True, "onHostMaintenance": "MIGRATE"},
        "disks": [_boot_disk(cluster), _data_disk(member)],
        "networkInterfaces": [_interface(cluster, member)],
    }
    return declared("compute.instances", member.name, body, zone=member.zone)


def _interface(cluster: Cluster, member: Member) -> dict[str, Any]:
    """An external address that somebody adds is taken away.

    Whether the VM runs is not declared: who fences a host stops it.
    """
    return {
        "network": cluster.settings.network,
        "subnetwork": cluster.subnetwork(member.region),
        "networkIP": member.name,
        "accessConfigs": [],
    }


def _boot_disk(cluster: Cluster) -> dict[str, Any]:
    settings = cluster.settings
    return {
        "boot": True,
        "autoDelete": True,
        "deviceName": "boot",
        "initializeParams": {
            "sourceImage": settings.image,
            "diskSizeGb": str(settings.boot_disk_gb),
            "diskType": settings.boot_disk_type,
            "labels": cluster.labels(),
        },
    }


def _data_disk(member: Member) -> dict[str, Any]:
    """It outlives its VM, and is /dev/disk/by-id/google-data on it."""
    return {"source": member.disk, "deviceName": "data", "autoDelete": False, "mode": "READ_WRITE"}
