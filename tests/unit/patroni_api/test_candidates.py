from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.candidates import (
    has_quorum,
    switchover_leader,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError

from tests.unit.patroni_api.play import Frame, frames
from tests.unit.patroni_api.support import recorded, state_of, the

Damage = Callable[[Frame], Any]


def roles_to_replica(frame: Frame) -> None:
    for item in frame["cluster"]["members"]:
        if item["role"] == "quorum_standby":
            item["role"] = "replica"


def one_async(frame: Frame) -> None:
    frame["cluster"]["members"][0]["role"] = "replica"


def leaderless(frame: Frame) -> None:
    for item in frame["cluster"]["members"]:
        item["role"] = "replica"


def own(frame: Frame, name: str) -> dict[str, Any]:
    body: dict[str, Any] = frame["patroni"][name]["body"]
    return body


@pytest.mark.parametrize(
    "candidate,damage,reason",
    [
        ("db-9", lambda _f: None, "not_a_member"),
        ("db-1", lambda f: f["cluster"].update(pause=True), "paused"),
        ("db-1", leaderless, "no_leader"),
        ("db-1", lambda f: f["patroni"].update({"db-3": None}), "unreachable"),
        ("db-1", lambda f: f["patroni"].update({"db-1": None}), "unreachable"),
        ("db-1", lambda f: own(f, "db-3").update(state="stopping"), "leader_not_running"),
        ("db-1", lambda f: own(f, "db-1").update(tags={"nofailover": True}), "nofailover"),
        ("db-1", lambda f: own(f, "db-1").update(watchdog_failed=True), "watchdog_failed"),
        ("db-1", lambda f: own(f, "db-1").update(state="starting"), "not_running"),
        ("db-1", lambda f: own(f, "db-1").pop("replication_state"), "not_streaming"),
        ("db-1", lambda f: own(f, "db-1").update(timeline=5), "timeline_mismatch"),
        ("db-1", one_async, "not_synchronous"),
        (None, roles_to_replica, "no_sync_candidate"),
        ("db-1", lambda f: own(f, "db-3")["xlog"].update(location=10**12), "lag_too_high"),
        (None, lambda f: own(f, "db-3")["xlog"].update(location=10**12), "no_candidate"),
        (None, lambda f: f["patroni"].update({"db-1": None, "db-2": None}), "no_candidate"),
    ],
)
def test_refusals(candidate: str | None, damage: Damage, reason: str) -> None:
    frame = frames("quorum")[0]
    damage(frame)
    with pytest.raises(RefusedError) as caught:
        switchover_leader(state_of(frame), candidate, None)
    assert caught.value.reason == reason
    assert caught.value.message.endswith(".")


def test_unknown_lag_is_refused_like_a_high_one() -> None:
    frame = frames("quorum")[0]
    for name in ("db-1", "db-3"):
        own(frame, name).pop("xlog")
    for item in frame["cluster"]["members"]:
        for key in ("lag", "receive_lsn", "replay_lsn"):
            item[key] = "unknown"
    with pytest.raises(RefusedError) as caught:
        switchover_leader(state_of(frame), "db-1", 10**15)
    assert caught.value.reason == "lag_unknown"


def test_an_asynchronous_candidate_serves_where_the_cluster_is_asynchronous() -> None:
    leader = switchover_leader(recorded("asynchronous"), "db-2", None)
    assert leader is not None
    assert leader.name == "db-1"


def test_already_there() -> None:
    assert switchover_leader(recorded("quorum"), "db-3", None) is None


def test_maximum_lag_is_the_callers() -> None:
    frame = frames("quorum")[0]
    own(frame, "db-3")["xlog"]["location"] += 5000
    assert switchover_leader(state_of(frame), "db-1", 5000) is not None
    with pytest.raises(RefusedError, match="5000 bytes behind"):
        switchover_leader(state_of(frame), "db-1", 4999)


def test_a_candidate_behind_another_voter_lacks_acknowledged_transactions() -> None:
    frame = frames("quorum")[0]
    own(frame, "db-2")["xlog"]["received_location"] += 1
    state = state_of(frame)
    refused = has_quorum(state, the(state, "db-1"), 1)
    assert refused is not None
    assert refused.reason == "candidate_behind"
    assert has_quorum(state, the(state, "db-2"), 1) is None


def test_a_candidate_alone_has_no_quorum() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-2"] = None
    state = state_of(frame)
    refused = has_quorum(state, the(state, "db-1"), 1)
    assert refused is not None
    assert refused.reason == "no_quorum"
    assert has_quorum(state, the(state, "db-1"), 0) is None


def test_who_is_no_voter_needs_one_vote_more() -> None:
    frame = frames("quorum")[0]
    one_async(frame)
    state = state_of(frame)
    assert has_quorum(state, the(state, "db-1"), 0) is None
    assert has_quorum(state, the(state, "db-1"), 1) is not None
