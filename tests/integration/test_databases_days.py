"""What changes a database cluster's hosts on an ordinary day: parameters, restarts, members that go and come.

The tests of this file stand on one another, in their order, as they are one cluster's life.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.labs import CLUSTER, Lab, refused

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("t-days")
    lab.succeed("databases")
    return lab


def test_parameter_that_needs_a_restart_reaches_all_members(lab: Lab) -> None:
    run = lab.succeed("databases", patroni_max_connections=120)
    assert run.changed > 0
    status = lab.succeed("db_status").output
    assert "payments: well" in status
    assert "pending restart" not in status


def test_restart_in_place_keeps_the_primary(lab: Lab) -> None:
    leader = lab.leader()
    lab.succeed("databases", patroni_max_connections=110, patroni_restart_pending=False)
    assert "pending restart" in lab.succeed("db_status").output
    lab.succeed("db_restart", db_restart_leader="restart", **CLUSTER)
    assert lab.leader() == leader
    assert "pending restart" not in lab.succeed("db_status").output
    lab.succeed("databases", patroni_max_connections=120)


def test_member_leaves_and_comes_back(lab: Lab) -> None:
    refused(lab.playbook("db_remove_member", member="lb-main-1", **CLUSTER), "lb-main-1")
    refused(lab.playbook("db_remove_member", member=lab.leader(), **CLUSTER), "leads")
    lab.succeed("db_remove_member", member="pay-main-backup", **CLUSTER)
    assert (
        "pay-main-backup"
        not in lab.succeed("db_status", db_speaker="pay-main-1").output.split("payments: ")[1]
    )
    # As on a new host, it begins with a copy of the others' data.
    lab.run("pay-main-backup", "rm -rf /srv/postgresql/*")
    lab.succeed("db_add_member", member="pay-main-backup", patroni_max_connections=120, **CLUSTER)
    assert "pay-main-backup" in lab.succeed("db_status").output
