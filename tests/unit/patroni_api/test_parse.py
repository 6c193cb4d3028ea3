from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    base_url,
    format_lsn,
    parse_lsn,
    parse_synchronous_mode,
)

from tests.unit.patroni_api.play import frames
from tests.unit.patroni_api.support import recorded, state_of, the


def test_a_quorum_cluster_of_4_1() -> None:
    state = recorded("quorum")
    assert state.scope == "demo"
    assert state.leader is not None
    assert state.leader.name == "db-3"
    assert state.leader.runs_as_primary
    assert state.synchronous_mode == "quorum"
    assert [item.name for item in state.sync_standbys] == ["db-1", "db-2"]
    assert all(item.follows and item.lag == 0 for item in state.replicas)
    assert {item.version for item in state.members} == {"4.1.5"}
    assert state.leader.sync_connections == 2
    assert sorted(state.leader.streaming_to) == ["db-1", "db-2"]


def test_4_0_tells_no_lsn_in_cluster_but_each_member_does() -> None:
    frame = frames("patroni_4_0")[0]
    assert all("lsn" not in item for item in frame["cluster"]["members"])
    state = state_of(frame)
    assert {item.version for item in state.members} == {"4.0.7"}
    assert all(item.receive_lsn and item.lag == 0 for item in state.replicas)
    assert [item.name for item in state.sync_standbys] == ["db-2"]


def test_an_asynchronous_cluster_has_no_synchronous_standby() -> None:
    state = recorded("asynchronous")
    assert state.synchronous_mode == "off"
    assert state.sync_standbys == []


def test_lag_is_the_leaders_position_minus_what_the_replica_holds() -> None:
    frame = frames("quorum")[0]
    position = frame["patroni"]["db-3"]["body"]["xlog"]["location"]
    frame["patroni"]["db-1"]["body"]["xlog"].update(
        received_location=position - 5000, replayed_location=position - 9000
    )
    state = state_of(frame)
    assert the(state, "db-1").lag == 5000
    assert the(state, "db-2").lag == 0


def test_lag_stays_unknown_where_nobody_knows_it() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-1"] = None
    for item in frame["cluster"]["members"]:
        if item["name"] == "db-1":
            item.update(
                lag="unknown", receive_lag="unknown", receive_lsn="unknown", replay_lsn="unknown"
            )
    member = the(state_of(frame), "db-1")
    assert member.lag is None
    assert member.receive_lsn is None
    assert not member.reachable
    assert member.unreachable_reason == ("GET http://10.0.0.1:8008: connection refused")


def test_the_stores_lag_serves_where_the_leader_is_silent() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-3"] = None
    for item in frame["cluster"]["members"]:
        item["lag"] = 77
    assert the(state_of(frame), "db-1").lag == 77


def test_the_status_503_of_a_stopped_member_is_an_answer() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-1"] = {
        "status": 503,
        "body": {"state": "stopped", "role": "replica", "patroni": {"name": "db-1"}},
    }
    member = the(state_of(frame), "db-1")
    assert member.reachable
    assert member.state == "stopped"
    assert not member.follows


def test_a_member_without_a_key_that_answers_is_shown_as_not_listed() -> None:
    frame = frames("quorum")[0]
    frame["cluster"]["members"] = [
        item for item in frame["cluster"]["members"] if item["name"] != "db-1"
    ]
    member = the(state_of(frame), "db-1")
    assert not member.listed
    assert member.reachable


@pytest.mark.parametrize(
    "tags,expected",
    [
        ({}, False),
        ({"nofailover": True}, True),
        ({"nofailover": False, "failover_priority": 0}, False),
        ({"failover_priority": 0}, True),
        ({"failover_priority": 2}, False),
    ],
)
def test_nofailover(tags: dict[str, object], expected: bool) -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-1"]["body"]["tags"] = tags
    assert the(state_of(frame), "db-1").nofailover is expected


@pytest.mark.parametrize(
    "text,position",
    [
        ("0/404B438", 67417144),
        ("1/0", 1 << 32),
        ("unknown", None),
        (None, None),
        ("x/1", None),
        (5, 5),
    ],
)
def test_lsn(text: object, position: int | None) -> None:
    assert parse_lsn(text) == position


def test_lsn_back_to_text() -> None:
    assert format_lsn(67417144) == "0/404B438"
    assert format_lsn(None) is None


@pytest.mark.parametrize(
    "value,mode",
    [
        (True, "on"),
        ("on", "on"),
        (False, "off"),
        ("off", "off"),
        (None, "off"),
        ("quorum", "quorum"),
    ],
)
def test_synchronous_mode(value: object, mode: str) -> None:
    assert parse_synchronous_mode(value) == mode


def test_base_url() -> None:
    assert base_url("https://10.0.0.1:8008/patroni") == "https://10.0.0.1:8008"
    assert base_url("https://10.0.0.1:8008/") == "https://10.0.0.1:8008"


@pytest.mark.parametrize("count,voters,needed", [(1, 2, 1), (2, 2, 0), (1, 3, 2), (1, 0, 0)])
def test_votes_that_a_candidate_needs(count: int, voters: int, needed: int) -> None:
    frame = frames("quorum")[0]
    frame["config"]["synchronous_node_count"] = count
    template = next(m for m in frame["cluster"]["members"] if m["role"] == "quorum_standby")
    frame["cluster"]["members"] = [
        dict(template, name=f"v{number}", api_url=f"http://10.0.1.{number}:8008/patroni")
        for number in range(voters)
    ]
    frame["patroni"] = {}
    assert state_of(frame).quorum_votes_needed == needed


@pytest.mark.parametrize(
    "config,waits",
    [
        ({"synchronous_mode": "quorum"}, True),
        ({"synchronous_mode": True}, False),
        ({"synchronous_mode": True, "synchronous_mode_strict": True}, True),
        ({"synchronous_mode_strict": True}, False),
    ],
)
def test_whether_commits_wait_right_after_a_promotion(
    config: dict[str, object], waits: bool
) -> None:
    frame = frames("quorum")[0]
    frame["config"] = config
    assert state_of(frame).commits_wait_after_promotion is waits
