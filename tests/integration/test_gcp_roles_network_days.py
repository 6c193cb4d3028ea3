"""Days of an environment after its first: repaired, switched to the other region, led past gateways, taken away.

The emulator gives out tokens as Google does, so staging's deployer has to exist (the hub makes it) before it can make
staging. Each playbook takes seconds, and each test several: test_gcp_roles_network.py has what is quick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.gcp_roles_world import API, HUB, ROLES, STAGING, Google, changes, said
from tests.integration.labs import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def google(emulator: Emulator) -> Iterator[Google]:
    """The hub and staging, made as their inventories say."""
    made = Google(emulator)
    assert changes(made.roles("hub", at_once=True)) == 1
    # Services may be enabled already.
    assert changes(made.roles("staging")) >= len(ROLES) - 1
    yield made
    emulator.complain()


def test_a_second_run_of_each_role_changes_nothing(google: Google) -> None:
    for inventory in ("hub", "staging"):
        assert changes(google.roles(inventory)) == 0
    assert changes(google.roles("staging", "--check", at_once=True)) == 0


def test_a_peering_is_active_once_both_sides_have_declared_it(google: Google) -> None:
    def states(project: str) -> dict[str, str]:
        body = google.emulator.compute("GET", f"{project}/global/networks/platform").body
        return {each["name"]: each["state"] for each in body["peerings"]}

    assert states(STAGING) == {"hub": "ACTIVE"}
    # Production has not been made.
    assert states(HUB) == {"dev-payments": "ACTIVE", "prod-payments": "INACTIVE"}
    told = said(google.roles("hub", roles=["gcp_network"]))
    assert "Peering prod-payments is not active yet" in told
    assert "Peering dev-payments" not in told


def test_what_somebody_changed_is_shown_and_set_back(google: Google) -> None:
    path = f"{STAGING}/global/routes/platform-nat-main"
    assert google.emulator.compute("DELETE", path).status == 200
    gateways = ["gcp_nat_gateway"]
    assert changes(google.roles("staging", "--check", roles=gateways)) == 1
    assert google.emulator.compute("GET", path).status == 404
    assert changes(google.roles("staging", roles=gateways)) == 1
    assert google.emulator.compute("GET", path).body["priority"] == 800
    assert changes(google.roles("staging", roles=gateways)) == 0


def test_clients_are_switched_to_the_other_region_and_back(google: Google) -> None:
    main, failover = google.balancer("edge-main"), google.balancer("edge-failover")
    assert google.address_of(API) == main

    dry = google.switch("failover", "--check")
    assert dry.returncode == 0, dry.stdout
    assert f"{API} A: {main} -> {failover}" in dry.stdout
    assert google.address_of(API) == main

    done = google.switch("failover")
    assert changes(done) == 1
    assert google.address_of(API) == failover
    assert "All 1 answers of authoritative servers point to failover" in said(done)
    assert "Caches may keep the old answer for 60 s more" in said(done)

    # Nothing sends clients back by the way: neither the role nor the whole.
    refused = google.roles("staging", roles=["gcp_dns"])
    assert refused.returncode == 2
    assert "switched_elsewhere" in said(refused)
    assert google.address_of(API) == failover

    assert changes(google.switch("main")) == 1
    assert google.address_of(API) == main


def test_a_switch_that_is_in_the_inventory_stays(google: Google) -> None:
    for _twice in range(2):
        google.switch("failover")
    kept = google.roles("staging", roles=["gcp_dns"], gcp_dns_active_region="failover")
    assert changes(kept) == 0
    assert changes(google.switch("main")) == 1


def test_a_switch_is_refused_while_caches_would_keep_the_old_answer(google: Google) -> None:
    url = f"dns.googleapis.com/dns/v1/projects/{STAGING}/managedZones/staging/rrsets/{API}/A"
    there = google.emulator.call("GET", url).body
    assert google.emulator.call("PATCH", url, {**there, "ttl": 3600}).status == 200
    refused = google.switch("failover")
    assert google.emulator.call("PATCH", url, there).status == 200
    assert refused.returncode == 2
    assert "ttl_too_long: the servers give a TTL of 3600 s" in said(refused)
    assert google.address_of(API) == google.balancer("edge-main")


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"region": "faliover"}, "not_said: give -e region=…, one of main, failover"),
        ({"region": "failover", "gcp_dns_records": []}, "nothing_to_switch"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(
    google: Google, variables: dict[str, Any], words: str
) -> None:
    refused = google.switch(**variables)
    assert refused.returncode == 2
    assert words in said(refused)


def test_a_server_that_does_not_answer_keeps_the_switch_from_being_made(google: Google) -> None:
    # Nobody listens at the second one.
    options = {"gcp_dns_servers": ["127.0.0.1", "127.0.0.2"]}
    refused = google.play(
        "staging",
        ROOT / "playbooks/dns_switch.yml",
        region="failover",
        gcp_dns_server_port=google.dns_port,
        **options,
    )
    assert refused.returncode == 2
    assert "127.0.0.2" in said(refused)
    assert google.address_of(API) == google.balancer("edge-main")


def test_all_is_taken_away_but_what_partners_and_clients_know(google: Google) -> None:
    backwards = list(reversed(ROLES[1:]))
    refused = google.roles("staging", roles=["gcp_dns"], gcp_state="absent")
    assert refused.returncode == 2
    assert "dns.managedZones/staging would be deleted" in said(refused)

    leave = ["dns.managedZones", "compute.globalAddresses"]
    gone = google.roles("staging", roles=backwards, gcp_state="absent", gcp_allow_delete=leave)
    assert changes(gone) == len(backwards)
    left = [
        key
        for key in google.emulator.resources()
        if f"/{STAGING}/" in key and "/services/" not in key and "/operations/" not in key
    ]
    assert {
        re.sub(r"-\d$", "", key.rpartition("/")[2]) for key in left if "/addresses/" in key
    } == {
        "nat-main",
        "nat-failover",
    }
    assert [key for key in left if "/addresses/" not in key] == []
