"""What the bastion's role declares."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.gcp_roles.roles import Refused, declare, of

ROLE = ["gcp_bastion"]
WHO = {"gcp_bastion_admins": ["group:operators@example.org"], "gcp_bastion_members": ["helper"]}
PROXY = {"gcp_bastion_proxy_ranges": ["172.16.0.0/28"]}
PROJECT = "project-1-dev-payments"


def test_nobody_reaches_it_but_through_iap() -> None:
    declared = declare("staging", ROLE, {**WHO, **PROXY})
    instance = of(declared, "compute.instances")["bastion"]["body"]
    # One that somebody adds differs from that.
    assert [nic["accessConfigs"] for nic in instance["networkInterfaces"]] == [[]]
    assert instance["status"] == "RUNNING"
    assert instance["labels"] == {"groundwork_role": "bastion", "groundwork_region": "main"}
    [rule] = of(declared, "compute.firewalls").values()
    assert rule["body"]["sourceRanges"] == ["35.235.240.0/20"]
    assert rule["body"]["targetTags"] == ["bastion"]
    assert rule["body"]["disabled"] is False
    assert rule["body"]["allowed"] == [{"IPProtocol": "tcp", "ports": ["8888"]}]
    # SSH of it is let in by the network's rule, which goes by this tag.
    assert "ssh" in instance["tags"]["items"]


def test_who_may_do_what() -> None:
    bindings = of(declare("staging", ROLE, {**WHO, **PROXY}), "iam.bindings")
    given = {
        binding["body"]["role"]: set(binding["body"]["members"]) for binding in bindings.values()
    }
    admin = "group:operators@example.org"
    helper = f"serviceAccount:helper@{PROJECT}.iam.gserviceaccount.com"
    assert given == {
        "roles/iap.tunnelResourceAccessor": {admin, helper},
        "roles/compute.viewer": {admin, helper},
        "roles/compute.osLogin": {helper},
        "roles/compute.osAdminLogin": {admin},
        "roles/iam.serviceAccountUser": {admin, helper},
    }
    [tunnels] = [b for b in bindings.values() if b["body"]["role"].startswith("roles/iap")]
    assert tunnels["body"]["condition"]["expression"] == "destination.port in [22, 8888]"
    # Its own account has no rights.
    assert not any("serviceAccount:bastion@" in str(members) for members in given.values())


def test_without_a_proxy_nothing_is_open_for_one() -> None:
    declared = declare("staging", ROLE, WHO | {"gcp_bastion_proxy_ranges": []})
    assert of(declared, "compute.firewalls") == {}
    bindings = of(declared, "iam.bindings")
    assert bindings["bastion-tunnels"]["body"]["condition"]["expression"].endswith("[22]")


def test_without_anybody_there_are_no_bindings() -> None:
    nobody: dict[str, Any] = {"gcp_bastion_admins": [], "gcp_bastion_members": []}
    assert of(declare("staging", ROLE, nobody), "iam.bindings") == {}


def test_who_leaves_is_withdrawn_and_who_steps_down_is_no_admin_any_more() -> None:
    """Members of a role are added to it, so leaving a name out takes nothing away."""
    changes = {
        "gcp_bastion_admins": ["group:operators@example.org"],
        "gcp_bastion_members": ["user:steps-down@example.org"],
        "gcp_bastion_withdrawn": [
            "user:steps-down@example.org",
            "user:left@example.org",
            "group:operators@example.org",
        ],
    }
    bindings = of(declare("staging", ROLE, changes), "iam.bindings")
    gone = {
        name.removesuffix("-withdrawn").removeprefix("bastion-"): each["body"]["members"]
        for name, each in bindings.items()
        if each.get("state") == "absent"
    }
    left, down = "user:left@example.org", "user:steps-down@example.org"
    group = "group:operators@example.org"
    assert gone == {
        "tunnels": [left],
        "viewers": [left],
        "logins": [left, group],
        "admins": [down, left],
        "users": [left],
    }
    # Google tells bindings with conditions apart.
    told = bindings["bastion-tunnels-withdrawn"]["body"]["condition"]
    assert told == bindings["bastion-tunnels"]["body"]["condition"]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"gcp_bastion_proxy_ranges": ["10.0.0.0/8"]}, "has 10.0.0.0/8, which is no IPv4 range"),
        ({"gcp_bastion_region": "elsewhere"}, "elsewhere"),
        ({"gcp_bastion_name": "The Bastion"}, "The Bastion"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        declare("staging", ROLE, changes)
