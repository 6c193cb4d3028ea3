"""Debian 12: PostgreSQL 15, and Patroni from PyPI, as the distribution's 3.0 knows no quorum commit.

Two clusters on an etcd cluster each, in one run.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = """
all:
  vars: {lab_release: bookworm, region: main, rto_preset: fast, durability_preset: sync}
  children:
    pg_orders:
      vars: {patroni_scope: orders, etcd_group: etcd_orders, postgresql_major: 15}
      hosts:
        orders-1: {lab_id: 11, zone: a}
        orders-2: {lab_id: 12, zone: b}
    pg_stock:
      vars: {patroni_scope: stock, etcd_group: etcd_stock, postgresql_major: 15, durability_preset: async}
      hosts:
        stock-1: {lab_id: 13, zone: c}
    etcd_orders: {hosts: {orders-1: {}}}
    etcd_stock: {hosts: {stock-1: {}}}
    etcd: {children: {etcd_orders: {}, etcd_stock: {}}}
    postgresql:
      vars: {lab_disks: [{name: data, size: 1G}]}
      children: {pg_orders: {}, pg_stock: {}}
    lab:
      vars: {lab_attached: [main]}
      children: {pg_orders: {}, pg_stock: {}}
"""


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("t-deb12", HOSTS)
    lab.succeed("databases")
    return lab


def test_patroni_is_newer_than_the_distributions(lab: Lab) -> None:
    version = lab.run("orders-1", "/opt/patroni/bin/patroni --version").split()[-1]
    assert int(version.split(".")[0]) >= 4
    assert "15" in lab.run("orders-1", "ls /usr/lib/postgresql")


def test_commits_wait_for_the_replica(lab: Lab) -> None:
    status = lab.succeed("db_status").output
    assert "orders: well" in status
    assert "synchronous (quorum)" in status


def test_each_cluster_has_an_etcd_of_its_own(lab: Lab) -> None:
    assert "stock: well" in lab.succeed("db_status").output
    members = {
        host: lab.run(
            host,
            "ETCDCTL_API=3 etcdctl --cacert /etc/groundwork/tls/ca.crt"
            " --endpoints https://$(hostname -I | tr -d ' '):2379 member list",
        )
        for host in ("orders-1", "stock-1")
    }
    assert [len(text.splitlines()) for text in members.values()] == [1, 1]
    assert all(host in text for host, text in members.items())


def test_second_run_changes_nothing(lab: Lab) -> None:
    assert lab.succeed("databases").changed == 0


def test_primary_is_handed_over(lab: Lab) -> None:
    leaders = []
    for _ in range(2):
        output = lab.succeed("db_status").output
        leaders += [name for name in ("orders-1", "orders-2") if f"leader {name}" in output]
        lab.succeed("db_switchover", databases="orders")
    assert sorted(leaders) == ["orders-1", "orders-2"]
