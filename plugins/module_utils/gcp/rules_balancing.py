# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load balancing of Compute Engine. Source: https://cloud.google.com/compute/docs/reference/rest/v1."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule

_NETWORK = ("compute.networks",)
_SUBNETWORK = ("compute.subnetworks",)
_GROUPS = (
    "compute.instanceGroups",
    "compute.networkEndpointGroups",
    "compute.regionNetworkEndpointGroups",
    "compute.globalNetworkEndpointGroups",
)
_PROXIES = ("compute.targetHttpsProxies", "compute.targetHttpProxies", "compute.targetTcpProxies")
_REGION_PROXIES = (
    "compute.regionTargetHttpsProxies",
    "compute.regionTargetHttpProxies",
    "compute.regionTargetTcpProxies",
)


def _map_references(services: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    fields = (
        "defaultService",
        "pathMatchers[].defaultService",
        "pathMatchers[].pathRules[].service",
        "pathMatchers[].routeRules[].service",
        "tests[].service",
        "defaultRouteAction.weightedBackendServices[].backendService",
        "pathMatchers[].defaultRouteAction.weightedBackendServices[].backendService",
    )
    return dict.fromkeys(fields, services)


def _backend_service(checks: tuple[str, ...], policies: tuple[str, ...]) -> Rule:
    return Rule(
        required=("loadBalancingScheme",),
        immutable=frozenset(("loadBalancingScheme", "network")),
        references={
            "healthChecks[]": checks,
            "backends[].group": _GROUPS,
            "network": _NETWORK,
            "securityPolicy": policies,
            "edgeSecurityPolicy": policies,
        },
        settable=frozenset(("securityPolicy", "edgeSecurityPolicy")),
        lost="clients of its balancer are not served until it is there again",
    )


def _forwarding_rule(services: tuple[str, ...], targets: tuple[str, ...]) -> Rule:
    return Rule(
        required=("target|backendService",),
        mutable=frozenset(("target", "labels", "allowGlobalAccess", "allowPscGlobalAccess")),
        references={
            "backendService": services,
            "target": targets,
            "network": _NETWORK,
            "subnetwork": _SUBNETWORK,
            "IPAddress": ("compute.addresses", "compute.globalAddresses"),
        },
        outputs={"IPAddress": "address"},
        lost="its address where none is reserved, and the connections through it",
    )


_HEALTH_CHECK = Rule(required=("type",))
_CERTIFICATE = Rule(
    mutable=frozenset(),
    create_only=frozenset(("privateKey", "selfManaged.privateKey")),
    lost="the certificate that is served",
)

BALANCING: Mapping[str, Rule] = {
    "compute.healthChecks": _HEALTH_CHECK,
    "compute.regionHealthChecks": _HEALTH_CHECK,
    "compute.backendServices": _backend_service(
        ("compute.healthChecks",), ("compute.securityPolicies",)
    ),
    "compute.regionBackendServices": _backend_service(
        ("compute.regionHealthChecks", "compute.healthChecks"), ("compute.regionSecurityPolicies",)
    ),
    "compute.forwardingRules": _forwarding_rule(
        ("compute.regionBackendServices",), _REGION_PROXIES
    ),
    "compute.globalForwardingRules": _forwarding_rule(("compute.backendServices",), _PROXIES),
    "compute.urlMaps": Rule(
        required=("defaultService|defaultUrlRedirect|defaultRouteAction",),
        references=_map_references(("compute.backendServices", "compute.backendBuckets")),
        lost="the balancer's paths until it is there again",
    ),
    "compute.regionUrlMaps": Rule(
        required=("defaultService|defaultUrlRedirect|defaultRouteAction",),
        references=_map_references(("compute.regionBackendServices",)),
        lost="the balancer's paths until it is there again",
    ),
    "compute.targetHttpProxies": Rule(
        required=("urlMap",),
        references={"urlMap": ("compute.urlMaps",)},
        immutable=frozenset(("proxyBind",)),
    ),
    "compute.targetHttpsProxies": Rule(
        required=("urlMap",),
        references={
            "urlMap": ("compute.urlMaps",),
            "sslCertificates[]": ("compute.sslCertificates",),
            "sslPolicy": ("compute.sslPolicies",),
        },
        immutable=frozenset(("proxyBind",)),
    ),
    "compute.regionTargetHttpsProxies": Rule(
        required=("urlMap",),
        references={
            "urlMap": ("compute.regionUrlMaps",),
            "sslCertificates[]": ("compute.regionSslCertificates",),
        },
    ),
    "compute.regionTargetHttpProxies": Rule(
        required=("urlMap",), references={"urlMap": ("compute.regionUrlMaps",)}
    ),
    "compute.sslCertificates": _CERTIFICATE,
    "compute.regionSslCertificates": _CERTIFICATE,
    "compute.securityPolicies": Rule(
        immutable=frozenset(("type",)), lost="the protection of what it stands before"
    ),
    "compute.regionSecurityPolicies": Rule(
        immutable=frozenset(("type",)), lost="the protection of what it stands before"
    ),
    "compute.sslPolicies": Rule(lost="the policy"),
    "compute.regionSslPolicies": Rule(lost="the policy"),
    "compute.targetTcpProxies": Rule(
        required=("service",), references={"service": ("compute.backendServices",)}
    ),
    "compute.regionTargetTcpProxies": Rule(
        required=("service",), references={"service": ("compute.regionBackendServices",)}
    ),
}
