"""What the discovery documents do not say, from Google's reference: references, required fields,
what cannot be changed. Paths are those of `fields.py`.
"""

from __future__ import annotations

#: Field → collections that it may refer to. A leading ~ says that the target may be deleted.
REFERENCES: dict[str, dict[str, str]] = {
    "compute.subnetworks": {"network": "networks"},
    "compute.firewalls": {"network": "networks"},
    "compute.routes": {
        "network": "networks",
        "nextHopInstance": "~instances",
        "nextHopIlb": "forwardingRules",
        "nextHopGateway": "gateways",
        "nextHopVpnTunnel": "vpnTunnels",
    },
    "compute.routers": {
        "network": "networks",
        "nats[].subnetworks[].name": "subnetworks",
        "nats[].natIps[]": "addresses",
        "nats[].drainNatIps[]": "addresses",
    },
    "compute.addresses": {"network": "networks", "subnetwork": "subnetworks"},
    "compute.globalAddresses": {"network": "networks"},
    "compute.disks": {
        "type": "diskTypes",
        "sourceImage": "~images",
        "sourceSnapshot": "~snapshots",
        "sourceDisk": "~disks",
        "resourcePolicies[]": "resourcePolicies",
    },
    "compute.regionDisks": {
        "type": "diskTypes",
        "sourceSnapshot": "~snapshots",
        "resourcePolicies[]": "resourcePolicies",
    },
    "compute.images": {
        "sourceDisk": "~disks",
        "sourceSnapshot": "~snapshots",
        "sourceImage": "~images",
    },
    "compute.snapshots": {"sourceDisk": "~disks"},
    "compute.instances": {
        "machineType": "machineTypes",
        "networkInterfaces[].network": "networks",
        "networkInterfaces[].subnetwork": "subnetworks",
        "disks[].source": "disks",
        "disks[].initializeParams.sourceImage": "~images",
        "disks[].initializeParams.sourceSnapshot": "~snapshots",
        "disks[].initializeParams.diskType": "diskTypes",
        "disks[].initializeParams.resourcePolicies[]": "resourcePolicies",
        "resourcePolicies[]": "resourcePolicies",
    },
    "compute.instanceGroups": {"network": "networks", "subnetwork": "subnetworks"},
    "compute.instanceGroupManagers": {"instanceTemplate": "instanceTemplates"},
    "compute.backendServices": {
        "healthChecks[]": "healthChecks httpHealthChecks httpsHealthChecks",
        "backends[].group": "instanceGroups networkEndpointGroups",
        "securityPolicy": "securityPolicies",
        "edgeSecurityPolicy": "securityPolicies",
    },
    "compute.regionBackendServices": {
        "healthChecks[]": "healthChecks",
        "backends[].group": "instanceGroups networkEndpointGroups",
        "network": "networks",
        "securityPolicy": "securityPolicies",
    },
    "compute.networkEndpointGroups": {"network": "networks", "subnetwork": "subnetworks"},
    "compute.forwardingRules": {
        "network": "networks",
        "subnetwork": "subnetworks",
        "backendService": "backendServices",
        "target": "targetHttpProxies targetHttpsProxies targetTcpProxies targetPools targetInstances",
    },
    "compute.globalForwardingRules": {
        "network": "networks",
        "target": "targetHttpProxies targetHttpsProxies targetTcpProxies targetSslProxies",
    },
    "compute.urlMaps": {
        "defaultService": "backendServices backendBuckets",
        "pathMatchers[].defaultService": "backendServices backendBuckets",
        "pathMatchers[].pathRules[].service": "backendServices backendBuckets",
        "tests[].service": "backendServices backendBuckets",
    },
    "compute.regionUrlMaps": {
        "defaultService": "backendServices",
        "pathMatchers[].defaultService": "backendServices",
    },
    "compute.targetHttpProxies": {"urlMap": "urlMaps"},
    "compute.regionTargetHttpProxies": {"urlMap": "urlMaps"},
    "compute.targetHttpsProxies": {
        "urlMap": "urlMaps",
        "sslCertificates[]": "sslCertificates",
        "sslPolicy": "sslPolicies",
    },
    "compute.regionTargetHttpsProxies": {
        "urlMap": "urlMaps",
        "sslCertificates[]": "sslCertificates",
        "sslPolicy": "sslPolicies",
    },
    "compute.targetTcpProxies": {"service": "backendServices"},
    "compute.targetSslProxies": {
        "service": "backendServices",
        "sslCertificates[]": "sslCertificates",
        "sslPolicy": "sslPolicies",
    },
    "compute.targetPools": {"instances[]": "~instances", "healthChecks[]": "httpHealthChecks"},
    "compute.targetInstances": {"instance": "instances"},
    "dns.managedZones": {
        "privateVisibilityConfig.networks[].networkUrl": "networks",
        "peeringConfig.targetNetwork.networkUrl": "networks",
    },
    "dns.policies": {"networks[].networkUrl": "networks"},
    "container.clusters": {
        "networkConfig.network": "networks",
        "networkConfig.subnetwork": "subnetworks",
    },
}

#: Without these there can be none. "a|b" needs one of them.
REQUIRED: dict[str, tuple[str, ...]] = {
    "compute.networks": ("name",),
    "compute.subnetworks": ("name", "network", "ipCidrRange"),
    "compute.firewalls": ("name", "allowed|denied"),
    "compute.routes": (
        "name",
        "network",
        "destRange",
        "nextHopGateway|nextHopInstance|nextHopIp|nextHopIlb|nextHopVpnTunnel",
    ),
    "compute.routers": ("name", "network"),
    "compute.addresses": ("name",),
    "compute.globalAddresses": ("name",),
    "compute.disks": ("name",),
    "compute.images": ("name", "sourceDisk|sourceImage|sourceSnapshot|rawDisk.source"),
    "compute.snapshots": ("name",),
    "compute.instances": ("name", "machineType", "disks", "networkInterfaces"),
    "compute.instanceGroups": ("name",),
    "compute.instanceTemplates": ("name", "properties"),
    "compute.healthChecks": ("name", "type"),
    "compute.regionHealthChecks": ("name", "type"),
    "compute.backendServices": ("name",),
    "compute.regionBackendServices": ("name",),
    "compute.forwardingRules": ("name", "target|backendService"),
    "compute.globalForwardingRules": ("name", "target"),
    "compute.urlMaps": ("name", "defaultService|defaultUrlRedirect|defaultRouteAction"),
    "compute.targetHttpProxies": ("name", "urlMap"),
    "compute.targetHttpsProxies": ("name", "urlMap", "sslCertificates|certificateMap"),
    "compute.targetTcpProxies": ("name", "service"),
    "compute.resourcePolicies": ("name",),
    "compute.securityPolicies": ("name",),
    "compute.sslCertificates": ("name",),
    "compute.sslPolicies": ("name",),
    "dns.managedZones": ("name", "dnsName", "description"),
    "dns.resourceRecordSets": ("name", "type", "rrdatas|routingPolicy"),
    "storage.buckets": ("name",),
    "container.clusters": ("name",),
    "container.nodePools": ("name",),
    "iam.serviceAccounts": (),
    "secretmanager.secrets": ("replication",),
    "run.jobs": ("template.template.containers",),
    "cloudscheduler.jobs": ("schedule", "httpTarget|pubsubTarget|appEngineHttpTarget"),
}

_ALWAYS = ("name", "id", "selfLink", "creationTimestamp", "kind", "zone", "region")
#: What patch and update refuse to change.
IMMUTABLE: dict[str, tuple[str, ...]] = {
    "compute.networks": ("autoCreateSubnetworks", "description", "IPv4Range", "mtu"),
    "compute.subnetworks": (
        "network",
        "ipCidrRange",
        "description",
        "privateIpGoogleAccess",
        "purpose",
        "reservedInternalRange",
    ),
    "compute.firewalls": ("network", "direction"),
    "compute.routers": ("network",),
    "compute.instanceGroups": ("network",),
    "compute.healthChecks": (),
    "compute.backendServices": ("loadBalancingScheme",),
    "compute.regionBackendServices": ("loadBalancingScheme", "network"),
    "compute.forwardingRules": (
        "IPAddress",
        "IPProtocol",
        "ports",
        "portRange",
        "allPorts",
        "loadBalancingScheme",
        "network",
        "subnetwork",
        "backendService",
        "target",
        "description",
    ),
    "compute.globalForwardingRules": (
        "IPAddress",
        "IPProtocol",
        "portRange",
        "loadBalancingScheme",
        "network",
        "target",
        "description",
    ),
    "compute.disks": (
        "type",
        "sourceImage",
        "sourceSnapshot",
        "sourceDisk",
        "physicalBlockSizeBytes",
    ),
    "compute.securityPolicies": ("type",),
    "compute.instances": (),
    "dns.managedZones": ("dnsName", "visibility"),
    "secretmanager.secrets": ("replication",),
    "storage.buckets": ("location",),
    "cloudresourcemanager.projects": ("projectId", "projectNumber"),
}


def immutable(type_: str) -> tuple[str, ...]:
    """Give the fields of a type that cannot be changed."""
    own = IMMUTABLE.get(type_, ())
    return (*own, *_ALWAYS) if type_.startswith("compute.") else own


#: Patches that have to carry the fingerprint (the reference says "must be provided").
FINGERPRINT_NEEDED = {
    "compute.subnetworks.patch",
    "compute.sslPolicies.patch",
    "compute.urlMaps.update",
    "compute.backendServices.update",
    "compute.regionBackendServices.update",
}

#: What the status says while a deletion runs.
GOING = {
    "compute.instances": "STOPPING",
    "compute.disks": "DELETING",
    "container.clusters": "STOPPING",
    "container.nodePools": "STOPPING",
}

#: Types without labels in the way other types have them need no label fingerprint.
CONTAINER_FIELDS = {"container.clusters": "cluster", "container.nodePools": "nodePool"}
