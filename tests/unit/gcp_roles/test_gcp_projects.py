"""Role gcp_projects: who may deploy where, and who may be whom."""

from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.places import (
    member,
    name_problems,
)

from tests.unit.gcp_roles.roles import Refused, Resource, declare, environment, of

BROKER = "serviceAccount:atlantis-broker@project-0-devops.iam.gserviceaccount.com"
HUB_POOL = "serviceAccount:project-0-devops.svc.id.goog[atlantis/atlantis]"


def bindings() -> list[Resource]:
    return [each for each in environment("hub") if each["type"] == "iam.bindings"]


def rights_of(account: str) -> set[tuple[str, str]]:
    """Project and role of everything that an account of the hub may do in projects."""
    who = f"serviceAccount:{account}@project-0-devops.iam.gserviceaccount.com"
    return {
        (each["body"]["resource"]["name"], each["body"]["role"])
        for each in bindings()
        if who in each["body"]["members"]
        and each["body"]["resource"]["type"] == "cloudresourcemanager.projects"
    }


def test_deployers_have_rights_in_their_projects_and_in_no_other() -> None:
    dev, prod = rights_of("atlantis-deployer-dev"), rights_of("atlantis-deployer-prod")
    assert {project for project, _role in dev} == {"project-1-dev-payments"}
    assert {project for project, _role in prod} == {"project-1-prod-payments"}
    assert {role for _project, role in dev} == {role for _project, role in prod}
    assert "roles/owner" not in {role for _project, role in dev}


def test_the_broker_may_act_as_deployers_and_has_no_other_right() -> None:
    of_broker = [each["body"] for each in bindings() if BROKER in each["body"]["members"]]
    assert {body["resource"]["name"] for body in of_broker} == {
        "atlantis-deployer-dev",
        "atlantis-deployer-prod",
    }
    assert {body["role"] for body in of_broker} == {"roles/iam.serviceAccountTokenCreator"}


def test_the_pod_of_atlantis_is_the_broker() -> None:
    (of_pod,) = [each["body"] for each in bindings() if HUB_POOL in each["body"]["members"]]
    assert of_pod["resource"]["name"] == "atlantis-broker"
    assert of_pod["role"] == "roles/iam.workloadIdentityUser"


def test_nobody_deploys_to_the_vault() -> None:
    there = (
        [each["body"] for each in bindings() if each["project"] == "project-0-vault"]
        if all("project" in each for each in bindings())
        else [each["body"] for each in bindings() if each.get("project") == "project-0-vault"]
    )
    assert there
    assert "deployer" not in str([body["members"] for body in there])


def test_a_project_is_made_where_it_is_said() -> None:
    changes = {"gcp_projects": {"project-2-cards": {"create": True, "parent": "folders/12"}}}
    declared = declare("hub", ["gcp_projects"], changes)
    made = of(declared, "cloudresourcemanager.projects")["project-2-cards"]
    assert made["body"]["parent"] == "folders/12"
    assert not of(environment("hub"), "cloudresourcemanager.projects")


def test_a_deployer_that_is_withdrawn_loses_what_it_is_not_given() -> None:
    project = {
        "deployers": ["new"],
        "roles": {"roles/viewer": ["old"], "roles/editor": ["new"]},
        "withdrawn": ["old"],
    }
    declared = declare("hub", ["gcp_projects"], {"gcp_projects": {"project-2-cards": project}})
    found = of(declared, "iam.bindings").values()
    old = "serviceAccount:old@project-2-cards.iam.gserviceaccount.com"
    lost = {each["body"]["role"] for each in found if each.get("state") == "absent"}
    assert {"roles/compute.admin", "roles/editor"} <= lost
    assert "roles/viewer" not in lost
    assert all(each["body"]["members"] == [old] for each in found if each.get("state") == "absent")
    kept = [each["body"] for each in found if "state" not in each]
    assert [body["role"] for body in kept if old in body["members"]] == ["roles/viewer"]


def test_a_project_without_a_place_is_refused() -> None:
    with pytest.raises(Refused, match=r"missing_field: gcp_projects\.project-2-cards"):
        declare("hub", ["gcp_projects"], {"gcp_projects": {"project-2-cards": {"create": True}}})


@pytest.mark.parametrize(
    "text, said",
    [
        ("broker", "serviceAccount:broker@p-1.iam.gserviceaccount.com"),
        ("broker@hub", "serviceAccount:broker@hub.iam.gserviceaccount.com"),
        ("group:ops@example.org", "group:ops@example.org"),
        # As gcp_resources takes it in a binding.
        (
            "broker@hub.iam.gserviceaccount.com",
            "serviceAccount:broker@hub.iam.gserviceaccount.com",
        ),
    ],
)
def test_members(text: str, said: str) -> None:
    assert member(text, "p-1") == said


@pytest.mark.parametrize(
    "name, kind, good",
    [
        ("nat-1", "resource", True),
        ("nat_1", "resource", False),
        ("1nat", "resource", False),
        ("nat-", "resource", False),
        ("a" * 64, "resource", False),
        ("short", "account", False),
        ("a" * 31, "project", False),
        ("project-1-dev", "project", True),
    ],
)
def test_names(name: str, kind: str, good: bool) -> None:
    assert (name_problems([name], kind, "here") == []) == good
