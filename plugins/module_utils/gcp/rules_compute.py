# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compute Engine's types. Source of all: the REST reference, https://cloud.google.com/compute/docs/reference/rest/v1."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule

_NETWORK = ("compute.networks",)
_SUBNETWORK = ("compute.subnetworks",)
_ADDRESS = {"networkInterfaces[].accessConfigs[].natIP": "address"}
#: Whose life does not hold what they name: it may be deleted under them.
LOOSE = frozenset(
    (
        "compute.diskTypes",
        "compute.images",
        "compute.machineTypes",
        "compute.regionDiskTypes",
        "compute.snapshots",
    )
)


def _instance(prefix: str = "") -> Mapping[str, tuple[str, ...]]:
    references = {
        "networkInterfaces[].network": _NETWORK,
        "networkInterfaces[].subnetwork": _SUBNETWORK,
        "disks[].source": ("compute.disks",),
        "disks[].initializeParams.sourceImage": ("compute.images",),
        "disks[].initializeParams.sourceSnapshot": ("compute.snapshots",),
        "disks[].initializeParams.resourcePolicies[]": ("compute.resourcePolicies",),
        "resourcePolicies[]": ("compute.resourcePolicies",),
    }
    if not prefix:
        references["machineType"] = ("compute.machineTypes",)
        references["disks[].initializeParams.diskType"] = ("compute.diskTypes",)
        references["networkInterfaces[].accessConfigs[].natIP"] = ("compute.addresses",)
        references["networkInterfaces[].networkIP"] = ("compute.addresses",)
    return {
        **{prefix + path: types for path, types in references.items()},
        prefix + "serviceAccounts[].email": ("iam.serviceAccounts",),
    }


_ADDRESSES = Rule(
    mutable=frozenset(("labels",)),
    references={"network": _NETWORK, "subnetwork": _SUBNETWORK},
    lost="the IP address itself, which partners may have on their lists",
    protected=True,
)
_SNAPSHOTS = Rule(
    mutable=frozenset(("labels",)),
    references={"sourceDisk": ("compute.disks",)},
    create_only=frozenset(("guestFlush",)),
    lost="the data of the snapshot",
    protected=True,
)
_GROUP_MANAGERS = Rule(
    required=("instanceTemplate", "targetSize"),
    references={
        "instanceTemplate": ("compute.instanceTemplates", "compute.regionInstanceTemplates"),
        "autoHealingPolicies[].healthCheck": ("compute.healthChecks",),
    },
    immutable=frozenset(("baseInstanceName",)),
    lost="all instances of the group with their disks",
    protected=True,
)


def _disk(*required: str) -> Rule:
    kind = "compute.regionDiskTypes" if required else "compute.diskTypes"
    return Rule(
        required=("sizeGb|sourceImage|sourceSnapshot|sourceDisk", *required),
        mutable=frozenset(
            (
                "sizeGb",
                "labels",
                "resourcePolicies",
                "provisionedIops",
                "provisionedThroughput",
                "accessMode",
            )
        ),
        references={
            "type": (kind,),
            "sourceImage": ("compute.images",),
            "sourceSnapshot": ("compute.snapshots",),
            "sourceDisk": ("compute.disks",),
            "resourcePolicies[]": ("compute.resourcePolicies",),
        },
        create_only=frozenset(("sourceImage",)),
        lost="the data of the disk",
        protected=True,
    )


COMPUTE: Mapping[str, Rule] = {
    "compute.networks": Rule(
        required=("autoCreateSubnetworks",),
        mutable=frozenset(("routingConfig", "mtu", "networkFirewallPolicyEnforcementOrder")),
        lost="all that is in the network",
    ),
    "compute.subnetworks": Rule(
        required=("network", "ipCidrRange"),
        mutable=frozenset(
            (
                "ipCidrRange",
                "secondaryIpRanges",
                "privateIpGoogleAccess",
                "privateIpv6GoogleAccess",
                "logConfig",
                "enableFlowLogs",
                "role",
                "stackType",
                "ipv6AccessType",
            )
        ),
        references={"network": _NETWORK},
        lost="all addresses in the range",
    ),
    "compute.networkPeerings": Rule(
        required=("network", "peerNetwork"),
        references={"network": _NETWORK, "peerNetwork": _NETWORK},
        below=("network", "compute.networks"),
        lost="the connection of the two networks until it is there again",
    ),
    "compute.firewalls": Rule(
        required=("network", "allowed|denied"),
        immutable=frozenset(("network", "direction")),
        references={
            "network": _NETWORK,
            "sourceServiceAccounts[]": ("iam.serviceAccounts",),
            "targetServiceAccounts[]": ("iam.serviceAccounts",),
        },
        outputs={"sourceServiceAccounts[]": "email", "targetServiceAccounts[]": "email"},
        lost="what the rule allows or denies, until it is there again",
    ),
    "compute.routes": Rule(
        required=("network", "destRange"),
        mutable=frozenset(),
        references={
            "network": _NETWORK,
            "nextHopInstance": ("compute.instances",),
            "nextHopIlb": ("compute.forwardingRules",),
            "nextHopVpnTunnel": ("compute.vpnTunnels",),
            "nextHopNetwork": _NETWORK,
        },
        lost="the route for about a second, between its deletion and its insertion",
        brief=True,
    ),
    "compute.routers": Rule(
        required=("network",),
        immutable=frozenset(("network",)),
        references={
            "network": _NETWORK,
            "nats[].natIps[]": ("compute.addresses",),
            "nats[].drainNatIps[]": ("compute.addresses",),
            "nats[].subnetworks[].name": _SUBNETWORK,
        },
        keys={
            "bgpPeers": "name",
            "interfaces": "name",
            "rules": "ruleNumber",
            "subnetworks": "name",
        },
        lost="connections through its NAT and its BGP sessions",
    ),
    "compute.addresses": _ADDRESSES,
    "compute.globalAddresses": _ADDRESSES,
    "compute.instanceGroups": Rule(
        mutable=frozenset(("instances", "namedPorts")),
        references={"instances[]": ("compute.instances",), "network": _NETWORK},
        settable=frozenset(("instances", "network")),
        lost="its members are out of their balancers until it is there again",
    ),
    "compute.instanceGroupManagers": _GROUP_MANAGERS,
    "compute.regionInstanceGroupManagers": _GROUP_MANAGERS,
    "compute.instanceTemplates": Rule(
        required=("properties",),
        mutable=frozenset(),
        references=_instance("properties."),
        outputs={"properties.serviceAccounts[].email": "email"},
        create_only=frozenset(("properties.disks[].initializeParams.sourceImage",)),
        lost="the template",
    ),
    "compute.disks": _disk(),
    "compute.regionDisks": _disk("replicaZones"),
    "compute.snapshots": _SNAPSHOTS,
    "compute.regionSnapshots": _SNAPSHOTS,
    "compute.images": Rule(
        mutable=frozenset(("labels", "deprecated", "description", "family")),
        references={
            "sourceDisk": ("compute.disks",),
            "sourceSnapshot": ("compute.snapshots",),
            "sourceImage": ("compute.images",),
        },
        lost="the image",
        protected=True,
    ),
    "compute.resourcePolicies": Rule(
        lost="its schedule: disks get no snapshots until it is there again"
    ),
    "compute.networkEndpointGroups": Rule(
        required=("networkEndpointType",),
        mutable=frozenset(),
        references={"network": _NETWORK, "subnetwork": _SUBNETWORK},
        lost="its endpoints",
    ),
    "compute.instances": Rule(
        required=("machineType", "disks", "networkInterfaces"),
        mutable=frozenset(
            (
                "canIpForward",
                "deletionProtection",
                "disks",
                "displayDevice",
                "labels",
                "machineType",
                "metadata",
                "minCpuPlatform",
                "networkInterfaces",
                "resourcePolicies",
                "scheduling",
                "serviceAccounts",
                "shieldedInstanceConfig",
                "status",
                "tags",
            )
        ),
        immutable=frozenset(
            (
                "disks[].boot",
                "disks[].diskEncryptionKey",
                "disks[].interface",
                "disks[].mode",
                "disks[].type",
                "networkInterfaces[].name",
                "networkInterfaces[].network",
                "networkInterfaces[].networkIP",
                "networkInterfaces[].nicType",
                "networkInterfaces[].subnetwork",
            )
        ),
        create_only=frozenset(("disks[].initializeParams", "disks[].diskSizeGb", "params")),
        references=_instance(),
        outputs={
            **_ADDRESS,
            "networkInterfaces[].networkIP": "address",
            "serviceAccounts[].email": "email",
        },
        settable=frozenset(("status",)),
        lost="its boot disk, and its addresses where none is reserved",
        keys={"serviceAccounts": "email"},
        restarts=frozenset(
            ("machineType", "minCpuPlatform", "serviceAccounts", "shieldedInstanceConfig")
        ),
    ),
}
