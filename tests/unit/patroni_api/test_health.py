from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import (
    CONDITIONS,
    Expectation,
    problems,
    unmet,
)

from tests.unit.patroni_api.play import Frame, frames
from tests.unit.patroni_api.support import recorded, state_of


def reasons(frame: Frame) -> set[str]:
    return {item.reason for item in problems(state_of(frame))}


def without_leader(frame: Frame) -> Frame:
    for item in frame["cluster"]["members"]:
        item["role"] = "replica"
    return frame


@pytest.mark.parametrize("name", ["quorum", "asynchronous", "pending_restart", "patroni_4_0"])
def test_healthy_recordings_have_no_problem(name: str) -> None:
    assert problems(recorded(name)) == []


def test_paused() -> None:
    assert reasons(frames("paused")[0]) == {"paused"}


def test_no_leader() -> None:
    assert "no_leader" in reasons(without_leader(frames("quorum")[0]))


def test_leader_that_does_not_run() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-3"]["body"].update(state="crashed")
    assert "leader_not_running" in reasons(frame)


def test_unreachable_member_is_named_with_the_cause() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-2"] = None
    [problem] = problems(state_of(frame))
    assert (problem.reason, problem.member) == ("member_unreachable", "db-2")
    assert "connection refused" in problem.message


def test_replica_that_does_not_stream() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-2"]["body"]["replication_state"] = "in archive recovery"
    assert reasons(frame) == {"not_streaming"}


def test_lag_and_timeline() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-3"]["body"]["xlog"]["location"] += 2_000_000
    frame["patroni"]["db-2"]["body"]["timeline"] = 5
    found = {(item.reason, item.member) for item in problems(state_of(frame))}
    assert found == {
        ("lag_too_high", "db-1"),
        ("lag_too_high", "db-2"),
        ("timeline_mismatch", "db-2"),
    }
    assert problems(state_of(frame), maximum_lag=3_000_000)[0].reason == "timeline_mismatch"


def test_synchronous_mode_without_a_synchronous_standby() -> None:
    frame = frames("quorum")[0]
    for item in frame["cluster"]["members"]:
        if item["role"] == "quorum_standby":
            item["role"] = "replica"
    assert reasons(frame) == {"no_sync_standby"}


def test_every_condition_but_paused_holds_for_a_healthy_cluster() -> None:
    names = tuple(name for name in CONDITIONS if name != "paused")
    assert unmet(recorded("quorum"), Expectation(names)) == []


@pytest.mark.parametrize(
    "condition,breaks",
    [
        ("leader", without_leader),
        ("all_streaming", without_leader),
        ("same_timeline", without_leader),
        ("healthy", without_leader),
    ],
)
def test_conditions_need_a_leader(condition: str, breaks: object) -> None:
    assert callable(breaks)
    assert unmet(state_of(breaks(frames("quorum")[0])), Expectation((condition,)))


@pytest.mark.parametrize(
    "condition", ["all_reachable", "all_running", "all_streaming", "no_pending_restart", "healthy"]
)
def test_silence_is_no_proof(condition: str) -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-2"] = None
    assert unmet(state_of(frame), Expectation((condition,)))


def test_pending_restart() -> None:
    words = unmet(recorded("pending_restart"), Expectation(("no_pending_restart",)))
    assert words == ["no_pending_restart: restart pending: db-1, db-2, db-3"]


def test_unknown_lag_is_not_below_a_limit() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-1"] = None
    for item in frame["cluster"]["members"]:
        item["lag"] = "unknown"
    assert unmet(state_of(frame), Expectation(("lag_below",), maximum_lag=10**9))


def test_members_and_leader() -> None:
    state = recorded("quorum")
    good = Expectation(leader_is="db-3", members_present=("db-1", "db-3"), members_absent=("db-4",))
    assert unmet(state, good) == []
    bad = Expectation(leader_is="db-1", members_present=("db-4",), members_absent=("db-1",))
    assert len(unmet(state, bad)) == 3
