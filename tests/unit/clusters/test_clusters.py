"""Which clusters a playbook works on, and whom it asks first."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.filter.database_clusters import (
    FilterModule,
    database_clusters,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.clusters import (
    chosen_groups,
    group_of,
)

GROUPS: dict[str, list[str]] = {
    "all": ["p1", "p2", "pb", "l1", "lb1", "lb2"],
    "pg_payments": ["p1", "p2", "pb"],
    "pg_ledger_eu": ["l1"],
    "pg_elsewhere": ["x1"],
    "postgresql": ["p1", "p2", "pb", "l1"],
    "pg_empty": [],
    "etcd_main": ["p1", "p2", "l1"],
    "load_balancers": ["lb1", "lb2"],
}
HOSTS: dict[str, dict[str, Any]] = {
    "p1": {"patroni_scope": "payments", "etcd_group": "etcd_main", "private_address": "10.0.0.1"},
    "p2": {"patroni_scope": "payments", "etcd_group": "etcd_main", "ansible_host": "10.0.0.2"},
    "pb": {"patroni_scope": "payments", "etcd_group": "etcd_main", "patroni_role": "backup"},
    "l1": {"patroni_scope": "ledger-eu", "private_address": "10.0.1.1"},
    "lb1": {"load_balancer_cluster": "pg_payments"},
    "lb2": {"load_balancer_cluster": "pg_ledger_eu"},
}


def test_a_scopes_group_has_no_hyphen() -> None:
    assert group_of("ledger-eu") == "pg_ledger_eu"


@pytest.mark.parametrize(
    "databases, groups",
    [
        ("", ["pg_ledger_eu", "pg_payments"]),
        ("  ", ["pg_ledger_eu", "pg_payments"]),
        ("payments", ["pg_payments"]),
        # In the order in which they were named, whatever stands around the names.
        ("payments, ledger-eu,", ["pg_payments", "pg_ledger_eu"]),
    ],
)
def test_clusters_are_chosen_by_scope(databases: str, groups: list[str]) -> None:
    assert chosen_groups(databases, GROUPS) == groups


@pytest.mark.parametrize("databases", ["paymnets", "payments,nothing", "empty"])
def test_cluster_without_hosts_is_an_error_that_lists_the_others(databases: str) -> None:
    with pytest.raises(
        AnsibleFilterError,
        match=r"no such database cluster: .*pg_elsewhere, pg_ledger_eu, pg_payments",
    ):
        database_clusters(HOSTS, GROUPS, databases)


def test_inventory_without_clusters() -> None:
    assert database_clusters({}, {"all": []}) == []
    with pytest.raises(AnsibleFilterError, match="groups with hosts: none"):
        database_clusters({}, {}, "payments")


def test_cluster_is_described_by_names_and_addresses() -> None:
    hosts = {**HOSTS, "p2": {**HOSTS["p2"], "patroni_rest_port": 9008}}
    (payments,) = database_clusters(hosts, GROUPS, "payments")
    assert payments == {
        "scope": "payments",
        "group": "pg_payments",
        "members": ["p1", "p2", "pb"],
        # The backup replica never leads, so it is there when the primary is lost.
        "speakers": ["pb", "p2", "p1"],
        "etcd": ["p1", "p2", "l1"],
        "balancers": ["lb1"],
        # private_address, else ansible_host, else the name.
        "rest_urls": ["https://10.0.0.1:8008", "https://10.0.0.2:9008", "https://pb:8008"],
        "promises": {
            "preset": "normal",
            "durability": "sync",
            "overrides": {},
            "eligible_replicas": 1,
        },
    }


def test_a_clusters_own_settings_go_before_shared_ones() -> None:
    own = {
        "rto_preset": "fast",
        "durability_preset": "async",
        "patroni_durability_preset": "sync_all",
        "patroni_timings": {"ttl": 25},
    }
    (payments,) = database_clusters({**HOSTS, "p1": own}, GROUPS, "payments")
    assert payments["promises"] == {
        "preset": "fast",
        "durability": "sync_all",
        "overrides": {"ttl": 25},
        "eligible_replicas": 1,
    }


def test_cluster_without_etcd_and_with_no_balancer_group() -> None:
    groups = {name: hosts for name, hosts in GROUPS.items() if name != "load_balancers"}
    (ledger,) = database_clusters(HOSTS, groups, "ledger-eu")
    assert (ledger["etcd"], ledger["balancers"]) == ([], [])
    assert ledger["rest_urls"] == ["https://10.0.1.1:8008"]


def test_filters_are_offered_by_name() -> None:
    assert set(FilterModule().filters()) == {"database_clusters", "cluster_table"}
