from __future__ import annotations

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import (
    changes,
    overlay,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.kinds import rule_of
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output

LINK = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"


def fields(type_name: str, wanted: str, live: str) -> list[str]:
    rule = rule_of(type_name)
    return [each.field for each in changes(yaml.safe_load(wanted), yaml.safe_load(live), rule)]


@pytest.mark.parametrize(
    "type_name, wanted, live",
    [
        (
            "compute.networks",
            "{mtu: 1460}",
            "{mtu: 1460, selfLink: x, autoCreateSubnetworks: false}",
        ),
        (
            "compute.subnetworks",
            "{network: projects/p/global/networks/n}",
            f"{{network: '{LINK}'}}",
        ),
        (
            "compute.subnetworks",
            "{network: 'https://compute.googleapis.com/compute/v1/projects/p/global/networks/n'}",
            f"{{network: '{LINK}'}}",
        ),
        ("container.clusters", "{network: projects/p/global/networks/n}", "{network: n}"),
        ("compute.disks", "{sizeGb: 100}", "{sizeGb: '100'}"),
        ("compute.firewalls", "{sourceRanges: [b, a]}", "{sourceRanges: [a, b]}"),
        (
            "compute.firewalls",
            "{allowed: [{IPProtocol: TCP, ports: [80, '22']}, {IPProtocol: icmp}]}",
            "{allowed: [{IPProtocol: icmp}, {IPProtocol: tcp, ports: ['22', '80']}]}",
        ),
        ("compute.firewalls", "{sourceRanges: [10.1.2.3]}", "{sourceRanges: [10.1.2.3/32]}"),
        ("compute.forwardingRules", "{portRange: 443}", "{portRange: 443-443}"),
        ("compute.addresses", "{labels: {a: b}}", "{labels: {a: b, goog-x: y, theirs: z}}"),
        ("compute.addresses", "{description: D}", "{description: 'D [groundwork-owner=net]'}"),
        (
            "compute.instances",
            "{metadata: {items: [{key: a, value: b}]}}",
            "{metadata: {items: [{key: ssh-keys, value: x}, {key: a, value: b}]}}",
        ),
        ("compute.firewalls", "{disabled: false, description: ''}", "{}"),
        ("compute.firewalls", "{targetTags: null}", "{}"),
        ("compute.instances", "{metadata: {items: [{key: gone, value: null}]}}", "{metadata: {}}"),
        ("compute.instances", "{metadata: null}", "{metadata: {fingerprint: x, kind: y}}"),
        ("compute.disks", "{labels: null}", "{labels: {groundwork-owner: net}}"),
        ("dns.managedZones", "{description: null}", "{description: '[groundwork-owner=net]'}"),
        (
            "container.nodePools",
            "{config: {taints: [{key: a, effect: NO_EXECUTE}, {key: a, effect: NO_SCHEDULE}]}}",
            "{config: {taints: [{key: a, effect: NO_SCHEDULE}, {key: a, effect: NO_EXECUTE}]}}",
        ),
        (
            "container.nodePools",
            "{autoscaling: {minNodeCount: 0}, upgradeSettings: {maxSurge: 0}}",
            "{autoscaling: {enabled: true}, upgradeSettings: {maxUnavailable: 1}}",
        ),
        (
            "container.clusters",
            "{initialClusterVersion: latest}",
            "{initialClusterVersion: 1.30.1-gke.1}",
        ),
        (
            "compute.backendServices",
            "{iap: {enabled: true, oauth2ClientId: a, oauth2ClientSecret: hidden}}",
            "{iap: {enabled: true, oauth2ClientId: a, oauth2ClientSecretSha256: 9f}}",
        ),
        (
            "compute.vpnTunnels",
            "{sharedSecret: hidden}",
            "{name: t, sharedSecret: '*************'}",
        ),
        (
            "compute.disks",
            "{diskEncryptionKey: {rawKey: hidden}}",
            "{diskEncryptionKey: {sha256: x}}",
        ),
        (
            "compute.securityPolicies",
            "{rules: [{priority: 1, action: allow}]}",
            "{rules: [{priority: 1, action: allow, kind: x}, {priority: 2147483647, action: allow}]}",
        ),
        (
            "compute.disks",
            "{sourceImage: projects/debian-cloud/global/images/family/debian-13}",
            "{sourceImage: 'https://www.googleapis.com/compute/v1/projects/debian-cloud/global/images/debian-13-v1'}",
        ),
        (
            "run.jobs",
            "{template: {template: {timeout: 600s}}}",
            "{template: {template: {timeout: 600.0s}}}",
        ),
    ],
)
def test_what_means_the_same_is_no_difference(type_name, wanted, live):
    assert fields(type_name, wanted, live) == []


@pytest.mark.parametrize(
    "type_name, wanted, live, found",
    [
        ("compute.networks", "{mtu: 1500}", "{mtu: 1460}", ["mtu"]),
        ("compute.networks", "{mtu: 1500}", "{}", ["mtu"]),
        ("compute.firewalls", "{disabled: true}", "{}", ["disabled"]),
        ("compute.firewalls", "{disabled: false}", "{disabled: true}", ["disabled"]),
        ("compute.firewalls", "{priority: 0}", "{priority: 1000}", ["priority"]),
        ("compute.firewalls", "{targetTags: null}", "{targetTags: [a]}", ["targetTags"]),
        ("compute.firewalls", "{targetTags: []}", "{targetTags: [a]}", ["targetTags"]),
        ("compute.addresses", "{labels: {a: null}}", "{labels: {a: ''}}", ["labels.a"]),
        ("compute.disks", "{labels: null}", "{labels: {theirs: x}}", ["labels"]),
        (
            "compute.backendServices",
            "{backends: [{group: g, maxRate: null}]}",
            "{backends: [{group: g, maxRate: 5}]}",
            ["backends[g].maxRate"],
        ),
        (
            "compute.disks",
            "{diskEncryptionKey: {rawKey: hidden}}",
            "{}",
            ["diskEncryptionKey.rawKey"],
        ),
        (
            "compute.routers",
            "{bgpPeers: [{name: a, peerAsn: 1}]}",
            "{bgpPeers: [{name: a, peerAsn: 2, peerIpAddress: 1.1.1.1}]}",
            ["bgpPeers[a].peerAsn"],
        ),
        ("compute.firewalls", "{sourceRanges: [a]}", "{sourceRanges: [a, b]}", ["sourceRanges"]),
        (
            "compute.firewalls",
            "{allowed: [{IPProtocol: tcp, ports: ['22']}]}",
            "{allowed: [{IPProtocol: tcp, ports: ['22', '80']}]}",
            ["allowed"],
        ),
        (
            "compute.firewalls",
            "{allowed: [{IPProtocol: tcp}]}",
            "{allowed: [{IPProtocol: tcp, ports: ['22']}]}",
            ["allowed"],
        ),
        (
            "compute.subnetworks",
            "{secondaryIpRanges: [{rangeName: a, ipCidrRange: 10.0.0.0/8}]}",
            "{secondaryIpRanges: [{rangeName: a, ipCidrRange: 10.0.0.0/9}, {rangeName: b, ipCidrRange: 11.0.0.0/8}]}",
            ["secondaryIpRanges[a].ipCidrRange", "secondaryIpRanges[b]"],
        ),
        ("compute.addresses", "{labels: {a: b}}", "{labels: {a: c}}", ["labels.a"]),
        ("compute.addresses", "{labels: {a: null}}", "{labels: {a: c}}", ["labels.a"]),
        (
            "compute.instances",
            "{metadata: {items: [{key: a, value: b}]}}",
            "{metadata: {}}",
            ["metadata.items[a]"],
        ),
        (
            "compute.instances",
            "{metadata: {items: [{key: a, value: b}]}}",
            "{metadata: {items: [{key: a, value: c}]}}",
            ["metadata.items[a].value"],
        ),
        (
            "compute.instances",
            "{metadata: {items: [{key: a, value: null}]}}",
            "{metadata: {items: [{key: a, value: c}]}}",
            ["metadata.items[a]"],
        ),
        (
            "compute.securityPolicies",
            "{rules: [{priority: 1, action: allow}]}",
            "{rules: [{priority: 2, action: allow}]}",
            ["rules[1]", "rules[2]"],
        ),
        (
            "compute.regionBackendServices",
            "{backends: [{group: projects/p/zones/z/instanceGroups/a}]}",
            "{backends: [{group: 'https://x/compute/v1/projects/p/zones/z/instanceGroups/b'}]}",
            ["backends[a]", "backends[b]"],
        ),
        (
            "run.jobs",
            "{template: {template: {containers: [{args: [a, b]}]}}}",
            "{template: {template: {containers: [{args: [b, a]}]}}}",
            ["template.template.containers[0].args"],
        ),
    ],
)
def test_differences_are_found(type_name, wanted, live, found):
    assert fields(type_name, wanted, live) == found


def test_what_is_not_known_yet_differs():
    wanted = {"IPAddress": Output("projects/p/regions/r/addresses/a", "address")}
    (change,) = changes(wanted, {"IPAddress": "10.0.0.1"}, rule_of("compute.forwardingRules"))
    assert "known after" in change.after


def test_secrets_are_not_told():
    rule = rule_of("dns.policies")
    (change,) = changes({"privateKey": "hunter2"}, {"privateKey": "hunter1"}, rule)
    assert "hunter" not in repr(change)


def test_a_whole_value_keeps_what_is_not_declared():
    rule = rule_of("compute.regionBackendServices")
    live = [{"group": LINK, "balancingMode": "CONNECTION", "maxConnections": 5}, {"group": "other"}]
    wanted = [{"group": "projects/p/global/networks/n", "maxConnections": 7}]
    assert overlay(wanted, live, rule, "backends") == [
        {
            "group": "projects/p/global/networks/n",
            "balancingMode": "CONNECTION",
            "maxConnections": 7,
        }
    ]


def test_metadata_of_others_stays_and_null_takes_away():
    rule = rule_of("compute.instances")
    live = {"items": [{"key": "theirs", "value": "x"}, {"key": "old", "value": "y"}]}
    wanted = {"items": [{"key": "a", "value": "b"}, {"key": "old", "value": None}]}
    assert overlay(wanted, live, rule, "metadata")["items"] == [
        {"key": "a", "value": "b"},
        {"key": "theirs", "value": "x"},
    ]


def test_what_others_set_in_items_without_keys_is_kept():
    wanted = [{"paths": ["/a"], "service": "s"}, {"paths": ["/new"], "service": "s"}]
    live = [{"paths": ["/a"], "service": "s", "routeAction": {"timeout": {"seconds": "5"}}}]
    whole = overlay(wanted, live, rule_of("compute.urlMaps"), "pathRules")
    assert whole == [live[0], wanted[1]]
