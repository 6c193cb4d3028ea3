# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types of the other APIs. Source: their REST references below https://cloud.google.com/."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule

_ACCOUNT = ("iam.serviceAccounts",)
_SECRET = ("secretmanager.secrets",)
_TASK = "template.template."
_POOL_MUTABLE = frozenset(
    (
        "autoscaling",
        "config",
        "initialNodeCount",
        "locations",
        "management",
        "upgradeSettings",
        "version",
    )
)
#: Of a node's configuration; all else is the pool's for good.
NODE_MUTABLE = frozenset(
    (
        "config.diskSizeGb",
        "config.diskType",
        "config.gcfsConfig",
        "config.gvnic",
        "config.imageType",
        "config.kubeletConfig",
        "config.labels",
        "config.linuxNodeConfig",
        "config.loggingConfig",
        "config.machineType",
        "config.resourceLabels",
        "config.tags",
        "config.taints",
        "config.workloadMetadataConfig",
    )
)

MORE: Mapping[str, Rule] = {
    "container.clusters": Rule(
        required=("nodePools|initialNodeCount|autopilot",),
        create_only=frozenset(
            ("initialClusterVersion", "initialNodeCount", "nodePools", "nodeConfig")
        ),
        references={
            "network": ("compute.networks",),
            "subnetwork": ("compute.subnetworks",),
            "nodeConfig.serviceAccount": _ACCOUNT,
        },
        outputs={"nodeConfig.serviceAccount": "email"},
        lost="the cluster with all that runs in it",
        protected=True,
        omits=True,
    ),
    "container.nodePools": Rule(
        mutable=_POOL_MUTABLE,
        references={"cluster": ("container.clusters",), "config.serviceAccount": _ACCOUNT},
        outputs={"config.serviceAccount": "email"},
        below=("cluster", "container.clusters"),
        lost="its nodes: what runs there is started elsewhere or not at all",
        omits=True,
    ),
    "dns.managedZones": Rule(
        required=("dnsName",),
        immutable=frozenset(("dnsName", "visibility")),
        references={
            "privateVisibilityConfig.networks[].networkUrl": ("compute.networks",),
            "peeringConfig.targetNetwork.networkUrl": ("compute.networks",),
        },
        keys={"networks": "networkUrl", "targetNameServers": "ipv4Address"},
        lost="the zone with its name servers, which the parent zone points to",
        protected=True,
    ),
    "dns.resourceRecordSets": Rule(
        required=("managedZone", "type", "rrdatas|routingPolicy"),
        references={
            "managedZone": ("dns.managedZones",),
            "rrdatas[]": ("compute.addresses", "compute.globalAddresses"),
        },
        outputs={"rrdatas[]": "address"},
        below=("managedZone", "dns.managedZones"),
        lost="the record until it is there again",
    ),
    "dns.policies": Rule(
        references={"networks[].networkUrl": ("compute.networks",)},
        keys={"networks": "networkUrl"},
    ),
    "secretmanager.secrets": Rule(
        required=("replication",),
        # It cannot be changed, and a secret that is made anew for it would lose what it holds.
        create_only=frozenset(("replication",)),
        lost="all versions of the secret",
        protected=True,
    ),
    "storage.buckets": Rule(
        required=("location",),
        immutable=frozenset(("location", "locationType", "projectNumber")),
        lost="the bucket with its objects",
        protected=True,
    ),
    "iam.serviceAccounts": Rule(
        settable=frozenset(("disabled",)),
        lost="the account: one of the same name has none of its rights",
    ),
    "iam.roles": Rule(
        required=("includedPermissions",), lost="the rights of those who have the role"
    ),
    "iam.bindings": Rule(
        required=("resource", "role", "members"),
        references={"members[]": _ACCOUNT},
        outputs={"members[]": "email"},
    ),
    "cloudresourcemanager.projects": Rule(
        required=("parent",),
        lost="the project with all that is in it, after 30 days for good",
        protected=True,
    ),
    "serviceusage.services": Rule(settable=frozenset(("state",))),
    "run.jobs": Rule(
        required=("template",),
        references={
            _TASK + "serviceAccount": _ACCOUNT,
            _TASK + "containers[].env[].valueSource.secretKeyRef.secret": _SECRET,
            _TASK + "volumes[].secret.secret": _SECRET,
            _TASK + "vpcAccess.networkInterfaces[].network": ("compute.networks",),
            _TASK + "vpcAccess.networkInterfaces[].subnetwork": ("compute.subnetworks",),
        },
        outputs={_TASK + "serviceAccount": "email"},
        lost="the job and the record of its runs",
        keys={"containers": ""},
        omits=True,
    ),
    "cloudscheduler.jobs": Rule(
        required=("schedule", "httpTarget|pubsubTarget|appEngineHttpTarget"),
        references={
            "httpTarget.oauthToken.serviceAccountEmail": _ACCOUNT,
            "httpTarget.oidcToken.serviceAccountEmail": _ACCOUNT,
        },
        outputs={
            "httpTarget.oauthToken.serviceAccountEmail": "email",
            "httpTarget.oidcToken.serviceAccountEmail": "email",
        },
        lost="the schedule",
        omits=True,
    ),
}
