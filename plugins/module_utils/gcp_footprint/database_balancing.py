# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two addresses of a database cluster: internal load balancers that ask Patroni who is what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database import (
    PATRONI_PORT,
    POSTGRESQL_PORT,
    Cluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    Declared,
    declared,
    unique,
)

#: What each side asks of Patroni, below.
SIDES = ("primary", "replicas")


def health_checks(preset: Mapping[str, Any], lag_max: str) -> dict[str, dict[str, Any]]:
    """Return the checks of both sides with a preset's timings (``rto_preset``), in Google's fields.

    Google counts whole seconds, asks always in the same interval, and takes no time-out above it. So
    intervals are rounded up, and a preset's longer time-out is cut to the interval: as many answers
    have to fail one after another as on the other balancers.
    """
    paths = {"primary": "/primary", "replicas": f"/replica?lag={lag_max}"}
    found = {}
    for side in SIDES:
        timings = preset["load_balancer"][side]
        interval = _seconds(timings["check_inter_ms"])
        found[side] = {
            "path": paths[side],
            "checkIntervalSec": interval,
            "timeoutSec": min(interval, _seconds(timings["check_timeout_ms"])),
            "healthyThreshold": int(timings["check_rise"]),
            "unhealthyThreshold": int(timings["check_fall"]),
        }
    return found


def _seconds(milliseconds: int) -> int:
    return -(-int(milliseconds) // 1000)


def internal_address(cluster: Cluster, name: str, address: str, region: str) -> Declared:
    """Reserve an address of the subnetwork, so that nobody else gets it while its VM is away."""
    return declared(
        "compute.addresses",
        name,
        {
            "address": address,
            "addressType": "INTERNAL",
            "purpose": "GCE_ENDPOINT",
            "subnetwork": cluster.subnetwork(region),
        },
        region=region,
    )


def balancing(cluster: Cluster) -> list[Declared]:
    """Return a group for each zone, and for each side a check, a backend service, an address and its rule."""
    zones = unique(member.zone for member in cluster.eligible)
    groups = {zone: f"db-{cluster.name}-{zone.rsplit('-', 1)[-1]}" for zone in zones}
    found = [
        declared(
            "compute.instanceGroups",
            group,
            {
                "network": cluster.settings.network,
                "description": f"Members of {cluster.name} that may lead",
                "instances": [item.name for item in cluster.eligible if item.zone == zone],
            },
            zone=zone,
        )
        for zone, group in groups.items()
    ]
    for side, address in cluster.balancers.items():
        found += _side(cluster, side, address, groups)
    return found


def _side(cluster: Cluster, side: str, address: str, groups: Mapping[str, str]) -> list[Declared]:
    name, region = f"db-{cluster.name}-{side}", cluster.main_region
    check = dict(cluster.settings.checks[side])
    path = str(check.pop("path"))
    backends = [
        {"group": {"type": "compute.instanceGroups", "name": group, "zone": zone}, "balancingMode": "CONNECTION"}
        for zone, group in groups.items()
    ]  # fmt: skip
    return [
        declared(
            "compute.regionHealthChecks",
            name,
            {
                "type": "HTTPS",
                "httpsHealthCheck": {"port": PATRONI_PORT, "requestPath": path},
                **check,
            },
            region=region,
        ),
        declared(
            "compute.regionBackendServices",
            name,
            {
                "loadBalancingScheme": "INTERNAL",
                "protocol": "TCP",
                "network": cluster.settings.network,
                "healthChecks": [name],
                "backends": backends,
                # A member that no longer serves this side loses its sessions with it, as HAProxy's on-marked-down does.
                "connectionTrackingPolicy": {
                    "connectionPersistenceOnUnhealthyBackends": "NEVER_PERSIST"
                },
                "connectionDraining": {"drainingTimeoutSec": 0},
            },
            region=region,
        ),
        internal_address(cluster, name, address, region),
        _forwarding_rule(cluster, name, region),
    ]


def _forwarding_rule(cluster: Cluster, name: str, region: str) -> Declared:
    return declared(
        "compute.forwardingRules",
        name,
        {
            "loadBalancingScheme": "INTERNAL",
            "IPProtocol": "TCP",
            "IPAddress": name,
            "ports": [str(POSTGRESQL_PORT)],
            "network": cluster.settings.network,
            "subnetwork": cluster.subnetwork(region),
            "backendService": name,
            # Clients of the other region reach it, too.
            "allowGlobalAccess": True,
        },
        region=region,
    )
