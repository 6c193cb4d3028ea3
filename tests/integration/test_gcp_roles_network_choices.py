"""What an environment may choose otherwise: Google's own NAT, edges that have gateways, a region that is passed by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.gcp_roles_world import STAGING, bring
from tests.integration.gcp_world import acting
from tests.unit.gcp_roles.roles import PROJECTS, declare, environment

pytestmark = pytest.mark.slow
PRODUCTION = PROJECTS["production"]


@pytest.fixture(scope="module")
def hub(emulator: Emulator) -> Iterator[Emulator]:
    """What staging and production need of the hub."""
    bring(emulator, "hub", declare("hub", ["gcp_projects", "gcp_network"]))
    yield emulator
    emulator.complain()


def nat(kind: str) -> list[dict[str, Any]]:
    """Production's ways out."""
    return declare("production", ["gcp_nat_gateway"], {"gcp_nat_gateway_kind": kind})


def addresses(emulator: Emulator) -> dict[str, str]:
    """Production's addresses by name, as partners know them."""
    found = emulator.resources("compute.addresses").items()
    return {
        key.rpartition("/")[2]: body["address"] for key, body in found if f"/{PRODUCTION}/" in key
    }


def test_googles_own_nat_and_the_way_back_to_gateways(hub: Emulator) -> None:
    before = declare("production", ["gcp_projects", "gcp_network"])
    bring(hub, "production", before)
    done = acting(bring(hub, "production", nat("cloud_nat")))
    assert {key.split("/")[0] for key in done} == {"compute.addresses", "compute.routers"}
    known = addresses(hub)
    assert set(known) == {"nat-main-1", "nat-main-2", "nat-failover-1", "nat-failover-2"}
    for check in (False, True):
        assert acting(bring(hub, "production", nat("cloud_nat"), check)) == {}
    (router,) = [
        body
        for key, body in hub.resources("compute.routers").items()
        if f"/{PRODUCTION}/" in key and key.endswith("/nat-main")
    ]
    names = [link.rpartition("/")[2] for link in router["nats"][0]["natIps"]]
    assert names == ["nat-main-1", "nat-main-2"]

    # The way back is shown whole, and nothing is done by showing it: the addresses stay.
    plan = acting(bring(hub, "production", nat("instances"), check=True))
    assert set(plan.values()) == {"create"}
    kinds = {key.split("/")[0] for key in plan}
    assert {"compute.instances", "compute.forwardingRules", "compute.routes"} <= kinds
    assert "compute.addresses" not in kinds
    assert acting(bring(hub, "production", nat("cloud_nat"), check=True)) == {}

    # As docs/google-cloud.md says: what there was goes first, without its addresses.
    routers = [each for each in nat("cloud_nat") if each["type"] != "compute.addresses"]
    assert set(acting(bring(hub, "production", routers, state="absent")).values()) == {"delete"}
    assert acting(bring(hub, "production", nat("instances"))) == plan
    assert acting(bring(hub, "production", nat("instances"))) == {}
    assert addresses(hub) == known


@pytest.fixture(scope="module")
def staging(hub: Emulator) -> Emulator:
    """Staging as its inventory has it."""
    bring(hub, "staging", list(environment("staging")))
    return hub


def test_an_edge_gets_the_endpoint_groups_that_the_clusters_made(staging: Emulator) -> None:
    network = f"projects/{STAGING}/global/networks/platform"
    for name, region in (("main", "asia-southeast1"), ("failover", "asia-southeast2")):
        for zone in "abc":
            group = {
                "name": f"gateway-{name}",
                "networkEndpointType": "GCE_VM_IP_PORT",
                "network": network,
                "subnetwork": f"projects/{STAGING}/regions/{region}/subnetworks/{name}",
            }
            path = f"{STAGING}/zones/{region}-{zone}/networkEndpointGroups"
            answer = staging.compute("POST", path, group)
            assert answer.status == 200, answer.message
    serving = declare("staging", ["gcp_security"], {"gcp_security_gateways_serve": True})
    assert acting(bring(staging, "staging", serving)) == {
        "compute.backendServices/edge-main": "update",
        "compute.backendServices/edge-failover": "update",
    }
    for check in (False, True):
        assert acting(bring(staging, "staging", serving, check)) == {}
    for name in ("main", "failover"):
        path = f"{STAGING}/global/backendServices/edge-{name}"
        backends = staging.compute("GET", path).body["backends"]
        assert len(backends) == 3
        assert {each["group"].rpartition("/")[2] for each in backends} == {f"gateway-{name}"}
        assert {each["balancingMode"] for each in backends} == {"RATE"}


def test_gateways_of_a_region_that_failed_are_passed_by_and_come_back(staging: Emulator) -> None:
    def routes() -> set[str]:
        ours = [key for key in staging.resources("compute.routes") if f"/{STAGING}/" in key]
        return {key.rpartition("/")[2] for key in ours if "/platform-nat-" in key}

    passed = declare("staging", ["gcp_nat_gateway"], {"gcp_nat_gateway_bypassed": ["main"]})
    assert acting(bring(staging, "staging", passed)) == {
        "compute.routes/platform-nat-main": "delete",
        "compute.routes/platform-nat-failover-by-main": "delete",
    }
    assert acting(bring(staging, "staging", passed)) == {}
    assert routes() == {"platform-nat-main-by-failover", "platform-nat-failover"}
    again = acting(bring(staging, "staging", declare("staging", ["gcp_nat_gateway"])))
    assert set(again.values()) == {"create"}
    assert len(routes()) == 4
