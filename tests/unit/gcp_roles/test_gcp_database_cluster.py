"""Role gcp_database_cluster: what it makes of an environment's variables. Bodies: tests/unit/gcp_data."""

from __future__ import annotations

from tests.unit.gcp_roles.roles import declare, of

ROLE = ["gcp_database_cluster"]
NAMED = {
    "other": {"region": "main", "range": "10.20.32.0/20"},
    "near": {
        "region": "main",
        "range": "10.20.0.0/20",
        "pods": "10.64.0.0/14",
        "services": "10.96.0.0/20",
    },
    "far": {
        "region": "failover",
        "range": "10.20.16.0/20",
        "pods": "10.68.0.0/14",
        "services": "10.96.16.0/20",
    },
}


def test_subnetworks_may_have_names_of_their_own() -> None:
    """They are found by their region; where it has several, the last one is taken."""
    hosts = of(declare("staging", ROLE, {"gcp_network_subnetworks": NAMED}), "compute.instances")
    legs = {name: each["body"]["networkInterfaces"][0] for name, each in hosts.items()}
    assert legs["pay-main-1"]["subnetwork"] == "near"
    assert legs["pay-failover-1"]["subnetwork"] == "far"
    # The role of Kubernetes finds theirs in the same way.
    found = declare("staging", ["gcp_kubernetes_cluster"], {"gcp_network_subnetworks": NAMED})
    clusters = of(found, "container.clusters")
    assert {each["body"]["subnetwork"] for each in clusters.values()} == {"near", "far"}
