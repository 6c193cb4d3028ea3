"""Staging's network as its inventory describes it: made, and found to be as declared.

Playbooks take seconds each: here, what the roles declare (tests/unit/gcp_roles compares a playbook with it) goes to the
module. What needs playbooks is in test_gcp_roles_network_days.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.gcp import Emulator
from tests.integration.gcp_roles_world import STAGING, bring
from tests.integration.gcp_world import acting
from tests.unit.gcp_roles.roles import declare, environment


def staging(emulator: Emulator, check: bool = False) -> dict[str, str]:
    """Bring staging about, or compare; what the plan changes."""
    return acting(bring(emulator, "staging", list(environment("staging")), check))


@pytest.fixture(scope="module")
def made(emulator: Emulator) -> Iterator[Emulator]:
    """Staging; the hub makes its deployer and the network that it is joined to."""
    bring(emulator, "hub", declare("hub", ["gcp_projects", "gcp_network"]))
    assert set(staging(emulator).values()) <= {"create", "update"}
    yield emulator
    emulator.complain()


def test_a_second_run_changes_nothing(made: Emulator) -> None:
    assert staging(made) == {}
    assert staging(made, check=True) == {}


def test_gateways_have_the_addresses_that_are_kept_for_them(made: Emulator) -> None:
    for name, zone in (("nat-main-1", "asia-southeast1-a"), ("nat-main-2", "asia-southeast1-b")):
        instance = made.compute("GET", f"{STAGING}/zones/{zone}/instances/{name}").body
        kept = made.compute("GET", f"{STAGING}/regions/asia-southeast1/addresses/{name}").body
        assert instance["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == kept["address"]
        assert kept["status"] == "IN_USE"


def test_each_region_goes_out_by_its_own_gateways_and_then_by_the_others(made: Emulator) -> None:
    found = {
        name.rpartition("/")[2]: (
            route["tags"],
            route["priority"],
            route["nextHopIlb"].rpartition("/")[2],
        )
        for name, route in made.resources("compute.routes").items()
        if STAGING in name and "nextHopIlb" in route
    }
    assert sorted(found.values()) == [
        (["nat-failover"], 800, "nat-failover"),
        (["nat-failover"], 810, "nat-main"),
        (["nat-main"], 800, "nat-main"),
        (["nat-main"], 810, "nat-failover"),
    ]
