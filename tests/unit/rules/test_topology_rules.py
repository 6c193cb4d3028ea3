"""An inventory's databases: every kind of bad input, told in one message."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import tell
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.topology_input import (
    describe,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.topology_rules import (
    database_problems,
    secret_state,
)

Data = dict[str, Any]
SECRETS = ("patroni_superuser_password", "patroni_rest_password")


def member(number: int, zone: str, **more: Any) -> dict[str, Any]:
    return {
        "region": "main",
        "zone": zone,
        "private_address": f"10.0.0.{number}",
        "patroni_scope": "payments",
        "etcd_group": "etcd_main",
        "postgresql_major": 17,
        "rto_preset": "fast",
        "durability_preset": "sync",
        "secrets": dict.fromkeys((*SECRETS, "etcd_root_password"), "set"),
        **more,
    }


def abroad(number: int, **more: Any) -> dict[str, Any]:
    values = {
        "region": "failover",
        "private_address": f"10.1.0.{number}",
        "patroni_scope": "payments-dr",
        "patroni_standby_of": "pg_payments",
        "etcd_group": "etcd_failover",
    }
    return member(number, "a", **{**values, **more})


GOOD: Data = {
    "environment": "test",
    "hosts": {
        "p1": member(1, "a"),
        "p2": member(2, "b"),
        "p3": member(3, "c"),
        "backup": member(4, "a", patroni_role="backup"),
        "dr1": abroad(1),
        "lb1": {"load_balancer_cluster": "pg_payments", "private_address": "10.0.0.9"},
    },
    "groups": {
        "pg_payments": ["p1", "p2", "p3", "backup"],
        "pg_payments_dr": ["dr1"],
        "etcd_main": ["p1", "p2", "p3"],
        "etcd_failover": ["dr1"],
        "postgresql": ["p1", "p2", "p3", "backup", "dr1"],
        "load_balancers": ["lb1"],
    },
}


def everywhere(**values: Any) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        for name in data["groups"]["pg_payments"]:
            data["hosts"][name].update(values)

    return change


def at(host: str, **values: Any) -> Callable[[Data], None]:
    return lambda data: data["hosts"][host].update(values)


def group(name: str, *hosts: str) -> Callable[[Data], None]:
    return lambda data: data["groups"].update({name: list(hosts)})


def without(host: str, variable: str) -> Callable[[Data], None]:
    return lambda data: data["hosts"][host].pop(variable)


def several(*changes: Callable[[Data], None]) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        for one in changes:
            one(data)

    return change


def reasons(change: Callable[[Data], None], *databases: str) -> list[tuple[str, str]]:
    data = copy.deepcopy(GOOD)
    change(data)
    return [(p.reason, p.where) for p in database_problems(data, databases)]


def test_the_topology_of_a_primary_two_replicas_a_backup_and_a_dr_cluster_passes() -> None:
    assert database_problems(GOOD) == []
    assert database_problems(GOOD, ["payments", "payments-dr"]) == []
    assert database_problems(GOOD, ["pg_payments"]) == []


CASES = [
    ("even etcd", group("etcd_main", "p1", "p2"), "etcd_size", "etcd_main"),
    ("four etcd", group("etcd_main", "p1", "p2", "p3", "backup"), "etcd_size", "etcd_main"),
    ("etcd without hosts", group("etcd_main"), "no_etcd", "pg_payments"),
    ("etcd not named", everywhere(etcd_group=None), "no_etcd", "pg_payments"),
    ("etcd abroad", group("etcd_main", "p1", "p2", "dr1"), "etcd_in_another_region", "pg_payments"),
    ("timings", everywhere(patroni_timings={"loop_wait": 50}), "timing_rule", "pg_payments"),
    ("timings no number", everywhere(patroni_timings={"ttl": "x"}), "timing_rule", "pg_payments"),
    ("timings unknown", everywhere(patroni_timings={"tlt": 30}), "timing_rule", "pg_payments"),
    ("rto preset", everywhere(rto_preset="fats"), "unknown_preset", "pg_payments"),
    ("role's own rto preset", everywhere(patroni_rto_preset="x"), "unknown_preset", "pg_payments"),
    ("durability", everywhere(durability_preset="synk"), "unknown_preset", "pg_payments"),
    ("major", everywhere(postgresql_major=14), "unknown_major", "pg_payments"),
    ("major not set", everywhere(postgresql_major=None), "unknown_major", "pg_payments"),
    ("mixed majors", at("p2", postgresql_major=16), "members_disagree", "pg_payments"),
    ("mixed presets", at("p2", durability_preset="async"), "members_disagree", "pg_payments"),
    ("DR of another major", at("dr1", postgresql_major=16), "major_differs", "pg_payments_dr"),
    ("DR of nothing", at("dr1", patroni_standby_of="pg_x"), "bad_standby_source", "pg_payments_dr"),
    ("member abroad", at("p2", region="failover"), "wrong_region", "p2"),
    ("cluster's region", everywhere(patroni_region="failover"), "wrong_region", "p1"),
    ("no region", without("p3", "region"), "wrong_region", "p3"),
    ("no zone", without("p3", "zone"), "no_zone", "p3"),
    ("no scope", everywhere(patroni_scope=None), "no_scope", "pg_payments"),
    ("scope of another group", everywhere(patroni_scope="x"), "scope_and_group_differ", "pg_payments"),
    ("one scope twice", at("dr1", patroni_scope="payments"), "duplicate_scope", "pg_payments, pg_payments_dr"),
    (
        "one host twice",
        group("pg_payments_dr", "dr1", "p1"),
        "duplicate_member_name",
        "p1 (pg_payments), p1 (pg_payments_dr)",
    ),
    ("address twice", at("p2", private_address="10.0.0.1"), "duplicate_address", "p1, p2"),
    ("balancer's address", at("lb1", private_address="10.0.0.1"), "duplicate_address", "p1, lb1"),
    ("balancer of nothing", at("lb1", load_balancer_cluster="pg_x"), "balancer_without_cluster", "lb1"),
    ("balancer undecided", without("lb1", "load_balancer_cluster"), "balancer_without_cluster", "lb1"),
    ("role", at("p2", patroni_role="leader"), "unknown_role", "p2"),
    ("secret missing", at("p1", secrets={"etcd_root_password": "missing"}), "missing_secret", "p1"),
    ("placeholder", at("dr1", secrets={"x": "placeholder"}), "missing_secret", "dr1"),
    ("only a backup", group("pg_payments", "p1", "backup"), "backup_is_the_only_replica", "pg_payments"),
    ("sync alone", group("pg_payments", "p1"), "sync_count_impossible", "pg_payments"),
    (
        "strict with one replica",
        several(group("pg_payments", "p1", "p2"), everywhere(patroni_durability_strict=True)),
        "sync_count_impossible",
        "pg_payments",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "change, reason, where", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_is_found(change: Callable[[Data], None], reason: str, where: str) -> None:
    assert (reason, where) in reasons(change)


@pytest.mark.parametrize(
    "change",
    [
        everywhere(durability_preset="sync_all", patroni_durability_strict=True),
        everywhere(patroni_timings={"ttl": 30, "retry_timeout": 10}),
        everywhere(private_address=None, ansible_host=None),
        several(group("pg_payments", "p1"), everywhere(durability_preset="async")),
        several(group("etcd_main", "p1"), group("load_balancers")),
        at("dr1", durability_preset="sync_all"),  # a standby cluster has no synchronous mode
    ],
)
def test_unusual_input_passes(change: Callable[[Data], None]) -> None:
    assert reasons(change) == []


def test_only_what_was_asked_for_is_judged() -> None:
    change = at("dr1", zone="")
    assert reasons(change, "payments") == []
    assert reasons(change, "payments-dr") == [("no_zone", "dr1")]


def test_a_database_that_is_not_there() -> None:
    assert reasons(at("p1"), "payment") == [("unknown_database", "payment")]


def test_clusters_outside_the_group_of_all() -> None:
    assert ("nothing_selected", "group postgresql") in reasons(group("postgresql"))


def test_an_inventory_without_hosts_gets_one_message() -> None:
    problems = database_problems({"environment": "staging", "hosts": {}, "groups": {"all": []}})
    assert [problem.reason for problem in problems] == ["no_hosts"]
    message = tell(problems)
    assert "staging" in message
    assert "hosts arrive with provisioning" in message


def test_all_problems_are_told_at_once_with_a_way_out() -> None:
    data = copy.deepcopy(GOOD)
    for change in (
        group("etcd_main", "p1", "p2"),
        at("p2", region="x"),
        everywhere(rto_preset="?"),
    ):
        change(data)
    problems = database_problems(data)
    message = tell(problems)
    assert {"etcd_size", "wrong_region", "unknown_preset"} <= {p.reason for p in problems}
    assert message.count("Why: ") == message.count("Way out: ") == len(problems)
    assert message.startswith(f"{len(problems)} problems:")
    assert tell([]) == ""


@pytest.mark.parametrize(
    "value, state",
    [
        ("k3-Zb8sQ", "set"),
        (12345678, "set"),
        ("", "missing"),
        ("  ", "missing"),
        (None, "missing"),
        ("changeme", "placeholder"),
        ("CHANGE_ME", "placeholder"),
        ("<password>", "placeholder"),
        ("{{ vault_password }}", "placeholder"),
        ("todo", "placeholder"),
    ],
)
def test_secret_state(value: object, state: str) -> None:
    assert secret_state(value) == state


class Failing(dict[str, Any]):
    """Variables of a host, one of which is a template that fails."""

    def get(self, key: str, default: Any = None) -> Any:
        if key == "patroni_rest_password":
            raise RuntimeError("template error that quotes s3cret-value")
        return super().get(key, default)


def test_secrets_are_described_by_their_state_alone() -> None:
    hosts: Mapping[str, Any] = {
        "p1": Failing(member(1, "a"), patroni_superuser_password="s3cret-value"),
        "other": {"region": "main", "unrelated": "s3cret-value"},
    }
    groups = {"all": ["p1", "other"], "pg_payments": ["p1"], "etcd_main": ["p1"]}
    data = describe(hosts, groups, "test", SECRETS, ["etcd_root_password"])
    assert data["hosts"]["p1"]["secrets"] == {
        "patroni_superuser_password": "set",
        "patroni_rest_password": "missing",
        "etcd_root_password": "missing",
    }
    assert data["hosts"]["other"]["secrets"] == {}
    assert "s3cret-value" not in str(data)
    assert "s3cret-value" not in tell(database_problems(data))
