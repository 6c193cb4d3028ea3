"""The graph of migrations and rollouts: presets, gates that are needs, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Gate,
    Migration,
    Rollout,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    graph,
    open_gates,
    ordered,
)


def migration(service: str, *needs: str, gates: tuple[Gate, ...] = ()) -> Migration:
    job: dict[str, Any] = {"metadata": {"name": f"nx-{service}", "namespace": "nx"}, "spec": {}}
    return Migration(service, "1", job, needs, gates)


def rollout(service: str, *needs: str) -> Rollout:
    return Rollout(service, f"nx-{service}", "nx", needs)


SEED = ("identity", "commerce", "sale", "finance", "inventory", "pricing", "payment")


def test_staging_goes_one_after_the_other() -> None:
    found = ordered([migration(name) for name in SEED], [], "chain")
    needs = graph(found, [])
    assert needs == {
        name: (SEED[number - 1],) if number else () for number, name in enumerate(SEED)
    }


def test_production_has_identity_first_and_up_and_the_others_side_by_side() -> None:
    identity = rollout("identity")
    found = ordered([migration(name) for name in SEED], [identity], "first")
    needs = graph(found, [identity])
    assert needs["identity"] == ()
    assert needs["identity rollout"] == ("identity",)
    assert {needs[name] for name in SEED[1:]} == {("identity", "identity rollout")}


def test_own_needs_stand_over_the_order() -> None:
    found = ordered([migration("a"), migration("b"), migration("c", "a")], [], "chain")
    assert graph(found, [])["c"] == ("a",)


def test_a_gate_that_the_run_itself_opens_is_a_need_and_others_are_asked_for() -> None:
    inside, outside = Gate(rollout="nx-identity"), Gate(rollout="nx-old")
    late = migration("sale", gates=(inside, outside))
    up = [rollout("identity")]
    assert graph([late], up)["sale"] == ("identity rollout",)
    assert open_gates(late, up) == [outside]
    assert open_gates(late, []) == [inside, outside]


def test_a_service_without_a_migration_is_there_once_it_is_up() -> None:
    assert graph([migration("sale", "mail")], [rollout("mail")])["sale"] == ("mail rollout",)


def test_a_migration_that_waits_for_its_own_service_is_a_cycle() -> None:
    own = migration("identity", gates=(Gate(rollout="nx-identity"),))
    with pytest.raises(KubeError, match="identity → identity rollout → identity") as refused:
        graph([own], [rollout("identity")])
    assert refused.value.reason == "cycle"


def test_all_that_is_wrong_is_told_together() -> None:
    wrong = [migration("a", "b"), migration("b", "a"), migration("sale", "identty")]
    with pytest.raises(KubeError, match="2 problems") as refused:
        graph(wrong, [])
    assert "identty" in str(refused.value)
    assert "a → b → a" in str(refused.value)


def test_two_services_with_one_job_are_refused() -> None:
    """Two of one application bring the same tables: its end would be told to one of them."""
    api = migration("payment")
    worker = replace(api, service="payment-worker")
    with pytest.raises(KubeError, match="payment and payment-worker") as refused:
        graph([api, worker], [])
    assert refused.value.reason == "twice"
    assert "nx-payment" in str(refused.value)
    elsewhere = {**api.job, "metadata": {"name": "nx-payment", "namespace": "other"}}
    assert set(graph([api, replace(worker, job=elsewhere)], [])) == {"payment", "payment-worker"}


def test_one_service_that_is_there_twice_is_told_once() -> None:
    with pytest.raises(KubeError) as refused:
        graph([migration("a"), migration("a")], [])
    assert str(refused.value) == "a is there twice."
