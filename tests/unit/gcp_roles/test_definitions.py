"""What all roles declare, held against Google's definitions by the module's own parser: fields, references, order."""

from __future__ import annotations

from functools import cache

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.declared import (
    Defaults,
    parse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import RefusedError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource

from tests.unit.gcp_roles.roles import PROJECTS, REGION, declare

#: Every role of an environment, as playbooks/vars/provisioning.yml has them.
ALL = [
    *("gcp_projects", "gcp_network", "gcp_nat_gateway", "gcp_dns", "gcp_security"),
    *("gcp_database_cluster", "gcp_kubernetes_cluster"),
]


@cache
def parsed(inventory: str) -> dict[str, Resource]:
    """All resources of an environment by key."""
    roles = ALL if inventory != "hub" else [role for role in ALL if "database" not in role]
    defaults = Defaults(PROJECTS[inventory], REGION)
    return {each.key: each for each in parse(Definitions(), declare(inventory, roles), defaults)}


@pytest.mark.parametrize("inventory", PROJECTS)
def test_google_knows_every_field_and_every_reference_has_its_place(inventory: str) -> None:
    assert len(parsed(inventory)) > 60


def test_one_thing_wrong_is_found() -> None:
    declared = declare("staging")
    wrong = [dict(each) for each in declared if each["type"] == "compute.networks"]
    wrong[0]["body"] = {**wrong[0]["body"], "routingConfg": {}}
    with pytest.raises(RefusedError, match="routingConfg is no field of it"):
        parse(Definitions(), wrong, Defaults(PROJECTS["staging"], REGION))


def test_a_peering_waits_for_the_one_before_it() -> None:
    first, second = sorted(key for key in parsed("hub") if "networkPeerings" in key)
    assert first in parsed("hub")[second].needs


def test_kubernetes_accounts_are_bound_once_there_is_a_cluster_that_has_them() -> None:
    staging = parsed("staging")
    clusters = {key for key in staging if key.startswith("container.clusters/")}
    assert clusters
    bound = staging["iam.bindings/payments-api-kubernetes"]
    assert clusters <= set(bound.needs)
    assert not clusters & set(staging["iam.bindings/snapshot-readers"].needs)


def test_all_waits_for_the_api_that_serves_it() -> None:
    staging = parsed("staging")
    needs = staging["compute.networks/platform"].needs
    assert "serviceusage.services/compute.googleapis.com" in needs
