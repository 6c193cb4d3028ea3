# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types of which no more has to be said than what they name, and what holds for all that stand in no table."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule

_NETWORK = ("compute.networks",)
_SUBNETWORK = ("compute.subnetworks",)
#: Types that hold nothing but what is declared.
_EMPTY = (
    "cloudresourcemanager.tagKeys",
    "cloudresourcemanager.tagValues",
    "compute.autoscalers",
    "compute.backendBuckets",
    "compute.externalVpnGateways",
    "compute.firewallPolicies",
    "compute.httpHealthChecks",
    "compute.httpsHealthChecks",
    "compute.networkEdgeSecurityServices",
    "compute.networkFirewallPolicies",
    "compute.nodeTemplates",
    "compute.packetMirrorings",
    "compute.regionAutoscalers",
    "compute.regionBackendBuckets",
    "compute.regionHealthCheckServices",
    "compute.regionInstanceTemplates",
    "compute.regionNetworkFirewallPolicies",
    "compute.regionNotificationEndpoints",
    "compute.targetGrpcProxies",
    "compute.targetInstances",
    "compute.targetPools",
    "compute.targetSslProxies",
    "dns.responsePolicies",
    "dns.responsePolicyRules",
    "run.services",
    "storage.notifications",
)
_ENDPOINTS = Rule(
    required=("networkEndpointType",),
    mutable=frozenset(),
    references={"network": _NETWORK, "subnetwork": _SUBNETWORK},
    lost="its endpoints",
)

PLAIN: Mapping[str, Rule] = {
    **dict.fromkeys(_EMPTY, Rule()),
    "compute.globalNetworkEndpointGroups": _ENDPOINTS,
    "compute.regionNetworkEndpointGroups": _ENDPOINTS,
    "compute.networkAttachments": Rule(
        required=("connectionPreference", "subnetworks"),
        references={"subnetworks[]": _SUBNETWORK},
        lost="the connections of those who use it",
    ),
    "compute.serviceAttachments": Rule(
        required=("connectionPreference", "natSubnets", "targetService|producerForwardingRule"),
        references={
            "natSubnets[]": _SUBNETWORK,
            "targetService": ("compute.forwardingRules",),
            "producerForwardingRule": ("compute.forwardingRules",),
        },
        lost="the connections of those who use it",
    ),
    "compute.vpnGateways": Rule(
        required=("network",),
        mutable=frozenset(("labels",)),
        references={"network": _NETWORK},
        lost="its addresses, which the other side has in its settings",
        protected=True,
    ),
    "compute.vpnTunnels": Rule(
        mutable=frozenset(("labels",)),
        references={
            "vpnGateway": ("compute.vpnGateways",),
            "peerGcpGateway": ("compute.vpnGateways",),
            "peerExternalGateway": ("compute.externalVpnGateways",),
            "targetVpnGateway": ("compute.targetVpnGateways",),
            "router": ("compute.routers",),
        },
        lost="the connection through it until it is there again",
    ),
}
#: Of a type that stands in no table nobody here knows what it holds, so that its deletion has to be allowed.
UNKNOWN = Rule(lost="what it holds, which this module does not know", protected=True)
