"""What somebody changes by hand in the footprint, and what a run has to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_COMPUTE = "compute.googleapis.com/compute/v1/projects/project-1-dev-payments"
_R1, _A, _B = "regions/asia-southeast1", "zones/asia-southeast1-a", "zones/asia-southeast1-b"
_CLUSTER = (
    "container.googleapis.com/v1/projects/project-1-dev-payments/locations/asia-southeast1"
    "/clusters/main"
)
_DNS = "dns.googleapis.com/dns/v1/projects/project-1-dev-payments/managedZones/airpay"
_SECRETS = "secretmanager.googleapis.com/v1/projects/project-1-dev-payments/secrets"
_IAM = "iam.googleapis.com/v1/projects/project-1-dev-payments"


@dataclass(frozen=True)
class Drift:
    """A change by hand: a call of the API, the key of what differs then, the field, and how it is repaired.

    Those of one ``turn`` do not touch each other, so they are made together.
    """

    name: str
    method: str
    url: str
    body: Any
    key: str
    field: str
    action: str = "update"
    query: tuple[tuple[str, str], ...] = ()
    turn: int = 0


def _compute(
    name: str,
    method: str,
    path: str,
    body: Any,
    key: str,
    field: str,
    action: str = "update",
    turn: int = 0,
    **query: str,
) -> Drift:
    url, own = f"{_COMPUTE}/{path}", tuple(query.items())
    return Drift(name, method, url, body, f"compute.{key}", field, action, own, turn)


DRIFTS = (
    _compute("network routing mode", "PATCH", "global/networks/platform",
             {"routingConfig": {"routingMode": "REGIONAL"}}, "networks/platform", "routingConfig.routingMode"),
    _compute("private access of a subnetwork", "POST", f"{_R1}/subnetworks/main/setPrivateIpGoogleAccess",
             {"privateIpGoogleAccess": False}, "subnetworks/asia-southeast1/main", "privateIpGoogleAccess"),
    _compute("flow logs of a subnetwork", "PATCH", f"{_R1}/subnetworks/main",
             {"logConfig": {"enable": False}}, "subnetworks/asia-southeast1/main", "logConfig.enable"),
    _compute("firewall source ranges", "PATCH", "global/firewalls/allow-iap",
             {"sourceRanges": ["0.0.0.0/0"]}, "firewalls/allow-iap", "sourceRanges"),
    _compute("firewall ports", "PATCH", "global/firewalls/allow-iap",
             {"allowed": [{"IPProtocol": "tcp", "ports": ["22", "3389", "8080"]}, {"IPProtocol": "icmp"}]},
             "firewalls/allow-iap", "allowed", turn=1),
    _compute("firewall disabled", "PATCH", "global/firewalls/allow-internal",
             {"disabled": True, "priority": 100}, "firewalls/allow-internal", "priority"),
    _compute("firewall deleted", "DELETE", "global/firewalls/allow-iap", None, "firewalls/allow-iap", "", "create",
             turn=2),
    _compute("custom routes of a peering", "PATCH", "global/networks/platform/updatePeering",
             {"networkPeering": {"name": "to-hub", "exchangeSubnetRoutes": True, "exportCustomRoutes": False}},
             "networkPeerings/platform/to-hub", "exportCustomRoutes"),
    _compute("peering removed", "POST", "global/networks/platform/removePeering",
             {"name": "to-hub"}, "networkPeerings/platform/to-hub", "", "create", turn=1),
    _compute("route next hop", "DELETE", "global/routes/to-partner", None, "routes/to-partner", "", "create"),
    _compute("ports of Cloud NAT", "PATCH", f"{_R1}/routers/nat", {"nats": [{
        "name": "out", "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES", "minPortsPerVm": 128}]},
        "routers/asia-southeast1/nat", "nats[out].minPortsPerVm"),
    _compute("labels of an address", "POST", f"{_R1}/addresses/nat-1/setLabels",
             {"labels": {"role": "none"}}, "addresses/asia-southeast1/nat-1", "labels.role"),
    _compute("tags of an instance", "POST", f"{_A}/instances/nat-1/setTags",
             {"items": ["ssh"]}, "instances/asia-southeast1-a/nat-1", "tags.items"),
    _compute("metadata of an instance", "POST", f"{_A}/instances/nat-1/setMetadata",
             {"items": [{"key": "enable-oslogin", "value": "TRUE"}]},
             "instances/asia-southeast1-a/nat-1", "metadata.items[enable-oslogin].value"),
    _compute("labels of an instance", "POST", f"{_B}/instances/db-1/setLabels",
             {"labels": {"groundwork_role": "none"}}, "instances/asia-southeast1-b/db-1", "labels.groundwork_role"),
    _compute("external address of an instance", "POST", f"{_A}/instances/nat-1/deleteAccessConfig", None,
             "instances/asia-southeast1-a/nat-1", "networkInterfaces[0].accessConfigs[0]",
             accessConfig="External NAT", networkInterface="nic0"),
    _compute("deletion protection", "POST", f"{_B}/instances/db-1/setDeletionProtection", None,
             "instances/asia-southeast1-b/db-1", "deletionProtection", deletionProtection="false"),
    _compute("scheduling of an instance", "POST", f"{_B}/instances/db-1/setScheduling",
             {"automaticRestart": False, "onHostMaintenance": "TERMINATE"},
             "instances/asia-southeast1-b/db-1", "scheduling.automaticRestart"),
    _compute("data disk detached", "POST", f"{_B}/instances/db-1/detachDisk", None,
             "instances/asia-southeast1-b/db-1", "disks[data]", deviceName="data"),
    _compute("snapshot schedule detached", "POST", f"{_B}/disks/db-1-data/removeResourcePolicies",
             {"resourcePolicies": ["projects/project-1-dev-payments/regions/asia-southeast1/resourcePolicies/hourly"]},
             "disks/asia-southeast1-b/db-1-data", "resourcePolicies"),
    _compute("member taken out of a group", "POST", f"{_B}/instanceGroups/db-b/removeInstances",
             {"instances": [{"instance": "projects/project-1-dev-payments/zones/asia-southeast1-b/instances/db-1"}]},
             "instanceGroups/asia-southeast1-b/db-b", "instances"),
    _compute("named ports of a group", "POST", f"{_B}/instanceGroups/db-b/setNamedPorts",
             {"namedPorts": [{"name": "postgresql", "port": 5433}]},
             "instanceGroups/asia-southeast1-b/db-b", "namedPorts[postgresql].port"),
    _compute("path of a health check", "PATCH", f"{_R1}/healthChecks/primary",
             {"httpsHealthCheck": {"requestPath": "/replica"}}, "regionHealthChecks/asia-southeast1/primary",
             "httpsHealthCheck.requestPath"),
    _compute("draining of a backend service", "PATCH", f"{_R1}/backendServices/primary",
             {"connectionDraining": {"drainingTimeoutSec": 0}}, "regionBackendServices/asia-southeast1/primary",
             "connectionDraining.drainingTimeoutSec"),
    _compute("backends of a backend service", "PATCH", f"{_R1}/backendServices/primary", {"backends": []},
             "regionBackendServices/asia-southeast1/primary", "backends[db-b]", turn=1),
    _compute("global access of a forwarding rule", "PATCH", f"{_R1}/forwardingRules/primary",
             {"allowGlobalAccess": False}, "forwardingRules/asia-southeast1/primary", "allowGlobalAccess"),
    _compute("rate limit of Cloud Armor", "POST", "global/securityPolicies/web/patchRule",
             {"rateLimitOptions": {"rateLimitThreshold": {"count": 60000, "intervalSec": 60}}},
             "securityPolicies/web", "rules[1000].rateLimitOptions.rateLimitThreshold.count", priority="1000"),
    _compute("rule of Cloud Armor removed", "POST", "global/securityPolicies/web/removeRule", None,
             "securityPolicies/web", "rules[1000]", turn=1, priority="1000"),
    _compute("security policy detached", "POST", "global/backendServices/web/setSecurityPolicy", {},
             "backendServices/web", "securityPolicy"),
    Drift("bounds of a node pool", "POST", f"{_CLUSTER}/nodePools/primary:setAutoscaling",
          {"autoscaling": {"enabled": True, "minNodeCount": 1, "maxNodeCount": 9}},
          "container.nodePools/asia-southeast1/main/primary", "autoscaling.maxNodeCount"),
    Drift("size of a node pool", "POST", f"{_CLUSTER}/nodePools/failover:setSize", {"nodeCount": 2},
          "container.nodePools/asia-southeast1/main/failover", "initialNodeCount"),
    Drift("management of a node pool", "POST", f"{_CLUSTER}/nodePools/primary:setManagement",
          {"management": {"autoRepair": True, "autoUpgrade": False}},
          "container.nodePools/asia-southeast1/main/primary", "management.autoUpgrade"),
    Drift("release channel of a cluster", "PUT", _CLUSTER,
          {"update": {"desiredReleaseChannel": {"channel": "RAPID"}}},
          "container.clusters/asia-southeast1/main", "releaseChannel.channel"),
    Drift("ttl of a record", "PATCH", f"{_DNS}/rrsets/api.airpay.example./A",
          {"name": "api.airpay.example.", "type": "A", "ttl": 86400, "rrdatas": ["203.0.113.250"]},
          "dns.resourceRecordSets/airpay/api.airpay.example./A", "ttl"),
    Drift("description of a zone", "PATCH", _DNS, {"description": "Somebody's"},
          "dns.managedZones/airpay", "description"),
    Drift("labels of a secret", "PATCH", f"{_SECRETS}/payments-db", {"labels": {"team": "other"}},
          "secretmanager.secrets/payments-db", "labels.team", query=(("updateMask", "labels"),)),
    Drift("value of a secret", "POST", f"{_SECRETS}/partner-key:addVersion", {"payload": {"data": "b3RoZXI="}},
          "secretmanager.secrets/partner-key", "payload"),
    Drift("binding of a secret", "POST", f"{_SECRETS}/payments-db:setIamPolicy", {"policy": {"bindings": [
        {"role": "roles/secretmanager.secretAccessor", "members": ["group:oncall@airpay.example"]}]}},
        "iam.bindings/payments-db-readers", "members"),
    Drift("name of a service account", "PATCH",
          f"{_IAM}/serviceAccounts/database@project-1-dev-payments.iam.gserviceaccount.com",
          {"serviceAccount": {"displayName": "Mine"}, "updateMask": "displayName"},
          "iam.serviceAccounts/database", "displayName"),
    Drift("permissions of a role", "PATCH", f"{_IAM}/roles/databaseHost",
          {"includedPermissions": ["compute.disks.delete"]}, "iam.roles/databaseHost", "includedPermissions",
          query=(("updateMask", "includedPermissions"),)),
    Drift("versioning of a bucket", "PATCH", "storage.googleapis.com/storage/v1/b/airpay-metrics-staging",
          {"versioning": {"enabled": False}}, "storage.buckets/airpay-metrics-staging", "versioning.enabled"),
    Drift("schedule of a job", "PATCH",
          "cloudscheduler.googleapis.com/v1/projects/project-1-dev-payments/locations/asia-southeast1/jobs/snapshots",
          {"schedule": "0 0 * * *"}, "cloudscheduler.jobs/asia-southeast1/snapshots", "schedule",
          query=(("updateMask", "schedule"),)),
    Drift("API disabled", "POST",
          "serviceusage.googleapis.com/v1/projects/project-1-dev-payments/services/monitoring.googleapis.com:disable",
          {}, "serviceusage.services/monitoring.googleapis.com", "", "create"),
)  # fmt: skip
