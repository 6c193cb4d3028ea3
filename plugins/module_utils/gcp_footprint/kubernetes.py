# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes clusters on Google Cloud: regional, private, with node pools of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import account_email
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    Declared,
    declared,
    key,
    project_binding,
)

#: What nodes may do: send logs, metrics and traces, pull images
#: (https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#permissions).
NODE_ROLES = (
    "roles/logging.logWriter",
    "roles/monitoring.metricWriter",
    "roles/monitoring.viewer",
    "roles/stackdriver.resourceMetadata.writer",
    "roles/autoscaling.metricsWriter",
    "roles/artifactregistry.reader",
)
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_COMPONENTS = ["SYSTEM_COMPONENTS", "WORKLOADS"]


def kubernetes_resources(
    clusters: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> list[Declared]:
    """Return clusters with their pools and the account of their nodes, as gcp_resources takes them.

    ``given``: project, regions, zones, network, subnetworks (by our name of their region), prefix,
    account, release_channel, maintenance (recurrence, start, end), authorized_networks (name to range),
    image_type, labels, tags, nat_tags (by our name of their region), encryption_key.
    """
    if not clusters:
        return []
    found = [
        declared("iam.serviceAccounts", given["account"], {"displayName": "Nodes of clusters"}),
        *(
            project_binding(
                f"{given['account']}-{role.rpartition('/')[2].replace('.', '-').lower()}",
                given["project"],
                role,
                given["account"],
            )
            for role in NODE_ROLES
        ),
    ]
    for name, description in clusters.items():
        found.append(_cluster(name, description, given))
        found += [pool_resource(name, pool, description, given) for pool in description["pools"]]
    return found


def pool_resource(
    cluster: str, pool: str, description: Mapping[str, Any], given: Mapping[str, Any]
) -> Declared:
    """Return one pool as a resource of its own."""
    return declared(
        "container.nodePools",
        pool,
        {**_pool(cluster, pool, description, given), "cluster": cluster_name(cluster, given)},
        location=_region(description, given),
    )


def cluster_name(name: str, given: Mapping[str, Any]) -> str:
    """Return Google's name of a cluster."""
    return f"{given['prefix']}{name}"


def _region(description: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    return str(given["regions"][description["region"]])


def _pool(
    cluster: str, pool: str, description: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    said = {**given["pool_defaults"], **description["pools"][pool]}
    way_out = [tag for ours, tag in given["nat_tags"].items() if ours == description["region"]]
    body: dict[str, Any] = {
        "config": _nodes(cluster, pool, said, given, way_out),
        "locations": list(given["zones"][description["region"]]),
        "management": {"autoRepair": True, "autoUpgrade": True},
        "upgradeSettings": {"maxSurge": 1, "maxUnavailable": 0},
        "networkConfig": {"enablePrivateNodes": True},
    }
    if "nodes" in said:
        # Google counts in each zone.
        body["initialNodeCount"] = int(said["nodes"])
        body["autoscaling"] = {"enabled": False}
    else:
        # The autoscaler does not bring a new pool up to its lower bound by itself.
        body["initialNodeCount"] = math.ceil(int(said["min"]) / len(body["locations"]))
        body["autoscaling"] = {
            "enabled": True,
            "totalMinNodeCount": int(said["min"]),
            "totalMaxNodeCount": int(said["max"]),
            "locationPolicy": "BALANCED",
        }
    return body


def _nodes(
    cluster: str,
    pool: str,
    said: Mapping[str, Any],
    given: Mapping[str, Any],
    way_out: Sequence[str],
) -> dict[str, Any]:
    nodes: dict[str, Any] = {
        "machineType": said["machine_type"],
        "imageType": given["image_type"],
        "diskSizeGb": int(said["disk_gb"]),
        "diskType": said["disk_type"],
        # By its whole name: a pool that comes with its cluster is no resource whose references are looked up.
        "serviceAccount": account_email(given["account"], given["project"]),
        "oauthScopes": _SCOPES,
        "labels": {**said.get("labels", {}), "node.kubernetes.io/pool": pool},
        "tags": [*given["tags"], f"gke-{cluster}", *way_out],
        "metadata": {"disable-legacy-endpoints": "true"},
        "shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": True},
        "workloadMetadataConfig": {"mode": "GKE_METADATA"},
    }
    if said.get("taints"):
        nodes["taints"] = list(said["taints"])
    return nodes


def _cluster(name: str, description: Mapping[str, Any], given: Mapping[str, Any]) -> Declared:
    first = next(iter(description["pools"]))
    pool = {**_pool(name, first, description, given), "name": first}
    if pool["autoscaling"]["enabled"]:
        # What the cluster itself runs needs nodes before there is any load.
        pool["initialNodeCount"] = max(1, pool["initialNodeCount"])
    body = {
        "description": f"Cluster {name} of {given['project']}",
        "resourceLabels": {**given["labels"], "groundwork_kubernetes": name},
        "locations": pool["locations"],
        # Made with its first pool, so that no default one has to be made and deleted again.
        "nodePools": [pool],
        **_network(description, given),
        **_features(given),
    }
    needs = [key("iam.serviceAccounts", given["account"])]
    return declared(
        "container.clusters",
        cluster_name(name, given),
        body,
        location=_region(description, given),
        needs=needs,
    )


def _network(description: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    networks = [
        {"displayName": name, "cidrBlock": block}
        for name, block in given["authorized_networks"].items()
    ]
    return {
        "network": given["network"],
        "subnetwork": given["subnetworks"][description["region"]],
        "ipAllocationPolicy": {
            "useIpAliases": True,
            "clusterSecondaryRangeName": "pods",
            "servicesSecondaryRangeName": "services",
        },
        "privateClusterConfig": {
            "enablePrivateNodes": True,
            "enablePrivateEndpoint": True,
            "masterIpv4CidrBlock": description["control_plane"],
            # From the other region and from the peered hub, too.
            "masterGlobalAccessConfig": {"enabled": True},
        },
        "masterAuthorizedNetworksConfig": {"enabled": True, "cidrBlocks": networks},
        "networkConfig": {
            "datapathProvider": "ADVANCED_DATAPATH",
            "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
            "enableL4ilbSubsetting": True,
        },
    }


def _features(given: Mapping[str, Any]) -> dict[str, Any]:
    maintenance = given["maintenance"]
    features: dict[str, Any] = {
        "addonsConfig": {
            "dnsCacheConfig": {"enabled": True},
            "httpLoadBalancing": {"disabled": False},
            "horizontalPodAutoscaling": {"disabled": False},
            "gcePersistentDiskCsiDriverConfig": {"enabled": True},
        },
        "verticalPodAutoscaling": {"enabled": True},
        "costManagementConfig": {"enabled": True},
        "monitoringConfig": {
            "componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]},
            "managedPrometheusConfig": {"enabled": True},
            "advancedDatapathObservabilityConfig": {"enableMetrics": True},
        },
        "loggingConfig": {"componentConfig": {"enableComponents": _COMPONENTS}},
        "workloadIdentityConfig": {"workloadPool": f"{given['project']}.svc.id.goog"},
        "shieldedNodes": {"enabled": True},
        "releaseChannel": {"channel": given["release_channel"]},
        "maintenancePolicy": {
            "window": {
                "recurringWindow": {
                    "recurrence": maintenance["recurrence"],
                    "window": {"startTime": maintenance["start"], "endTime": maintenance["end"]},
                }
            }
        },
    }
    if given["encryption_key"]:
        features["databaseEncryption"] = {
            "state": "ENCRYPTED",
            "keyName": given["encryption_key"],
        }
    return features
