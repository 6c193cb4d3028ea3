"""Of hosts that stand in for one another one goes in a run, and the others wait."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.turns import turns

from tests.unit.gcp_roles.roles import declare, of

Body = dict[str, Any]

DECLARED = declare("staging", ("gcp_nat_gateway", "gcp_bastion", "gcp_database_cluster"))
HOSTS = of(DECLARED, "compute.instances")
ONE_STOP = {"action": "update", "in_place": False}
REFUSED = {"action": "refused", "reason": "needs_replace", "in_place": False}


def entry(name: str, **more: Any) -> Body:
    """What a plan says of an instance."""
    place = HOSTS[name]["zone"]
    found = {"type": "compute.instances", "name": name, "location": place, "in_place": True}
    return {**found, "key": f"compute.instances/{place}/{name}", **more}


@pytest.mark.parametrize("how", [ONE_STOP, {"action": "replace", "in_place": False}])
@pytest.mark.parametrize(
    "names, first",
    [
        # The idle one first, who may lead last.
        (("pay-main-1", "pay-main-backup", "pay-failover-1"), "asia-southeast2-a/pay-failover-1,"),
        (("pay-main-2", "pay-main-1"), "asia-southeast1-b/pay-main-2,"),
        (("nat-main-1", "nat-main-2"), "asia-southeast1-a/nat-main-1,"),
    ],
)  # fmt: skip
def test_those_that_stand_in_for_one_another_do_not_go_together(
    how: Body, names: tuple[str, ...], first: str
) -> None:
    found = turns([entry(name, **how) for name in names], DECLARED)
    (problem,) = found["problems"]
    assert problem.startswith("one_at_a_time: ")
    assert first in problem
    assert all(name in problem for name in names)


def test_one_of_each_may_go() -> None:
    names = ("pay-main-1", "nat-main-1", "nat-failover-1", "bastion")
    plan = [entry(name, **ONE_STOP) for name in names]
    # What is made, or changed as it runs, stops nobody.
    plan += [entry("pay-main-2", action="create"), entry("pay-main-3", action="update")]
    assert turns(plan, DECLARED) == {"problems": [], "waiting": [], "now": DECLARED}


def test_the_others_wait_while_one_has_its_turn() -> None:
    plan = [entry("pay-main-1", **ONE_STOP), entry("pay-main-2", **REFUSED)]
    # Nobody of theirs was named, so they do not wait: they are refused.
    plan += [entry("nat-main-1", **REFUSED), entry("nat-main-2", **REFUSED)]
    found = turns(plan, DECLARED)
    assert found["problems"] == []
    assert found["waiting"] == ["compute.instances/asia-southeast1-b/pay-main-2"]
    left_out = [each["name"] for each in DECLARED if each not in found["now"]]
    assert left_out == ["pay-main-2"]


def test_who_was_named_and_is_protected_does_not_wait() -> None:
    plan = [
        entry("pay-main-1", **ONE_STOP),
        entry("pay-main-2", action="refused", reason="protected"),
    ]
    assert turns(plan, DECLARED)["waiting"] == []
