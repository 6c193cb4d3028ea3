"""The table that a person reads in the middle of the night."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.table import (
    cluster_table,
)


def member(name: str, role: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "state": "running",
        "timeline": 3,
        "lag": 0,
        "host": "10.0.0.1",
        "tags": {},
        "pending_restart": False,
        "reachable": True,
        **more,
    }


def info(*members: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "scope": "payments",
        "healthy": True,
        "paused": False,
        "leader": "p1",
        "synchronous_mode": "quorum",
        "sync_standbys": ["p2", "p3"],
        "members": list(members),
        "problems": [],
        **more,
    }


def test_columns_stand_below_each_other() -> None:
    lines = cluster_table(
        info(
            member("p1", "leader"),
            member(
                "payments-backup", "replica", lag=2048, tags={"nosync": True, "clonefrom": True}
            ),
        )
    )
    assert lines == [
        "payments: well, leader p1, commits synchronous (quorum) with p2, p3",
        "member           role     state    timeline  lag    host      note",
        "p1               leader   running  3         -      10.0.0.1",
        "payments-backup  replica  running  3         2 KiB  10.0.0.1  clonefrom, nosync",
    ]


@pytest.mark.parametrize(
    "changes, headline",
    [
        (
            {"leader": None, "healthy": False},
            "payments: NOT well, leader none, commits synchronous",
        ),
        ({"paused": True}, "payments: well, paused, leader p1, "),
        ({"synchronous_mode": "off"}, "leader p1, commits asynchronous"),
        ({"synchronous_mode": "on", "sync_standbys": None}, "synchronous (on) with no standby"),
    ],
)
def test_headline_says_what_matters(changes: dict[str, Any], headline: str) -> None:
    assert headline in cluster_table(info(**changes))[0]


@pytest.mark.parametrize(
    "lag, shown",
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (5 * 1024**2, "5 MiB"),
        (3 * 1024**3, "3 GiB"),
        (5 * 1024**4, "5120 GiB"),
    ],
)
def test_lag_is_told_in_a_unit_that_fits(lag: int | None, shown: str) -> None:
    row = cluster_table(info(member("p2", "replica", lag=lag)))[2]
    assert f"  {shown}  " in row


def test_member_that_is_lost_or_waits_is_marked() -> None:
    lost = member("p3", "replica", reachable=False, timeline=None, host=None, lag=None)
    rows = cluster_table(info(lost, member("p2", "replica", pending_restart=True)))
    assert rows[2].endswith("no answer")
    assert rows[3].endswith("pending restart")


def test_problems_follow_the_members() -> None:
    lines = cluster_table(info(problems=[{"message": "p3 does not answer"}]))
    assert lines[-1] == "! p3 does not answer"


def test_cluster_that_told_nothing_is_a_headline() -> None:
    assert cluster_table({"scope": "payments"})[0].startswith("payments: NOT well, leader none")
