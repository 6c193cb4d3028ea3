from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import FailedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.switchover import (
    switchover,
)

from tests.unit.patroni_api.play import DROP, Play, frames
from tests.unit.patroni_api.support import client_of

PHASES = [
    "requested",
    "leader_released",
    "new_leader_running",
    "accepts_writes",
    "standbys_following",
]


def hand_over(
    play: Play, candidate: str | None = None, timeout: float = 10.0, check_mode: bool = False
) -> dict[str, Any]:
    return switchover(client_of(play), candidate, None, timeout, 0.01, check_mode)


@pytest.mark.parametrize(
    "answer",
    [
        (200, 'Successfully switched over to "db-1"'),
        (503, "Switchover status unknown"),
        (503, "Switchover failed"),
        DROP,
    ],
)
def test_the_cluster_counts_whatever_the_answer(answer: tuple[int, str]) -> None:
    with Play(frames("switchover"), [answer]) as play:
        result = hand_over(play, "db-1")
    assert result["changed"]
    assert (result["old_leader"], result["new_leader"]) == ("db-3", "db-1")
    assert (result["old_timeline"], result["new_timeline"]) == (6, 7)
    times = [result["phases"][name] for name in PHASES]
    assert times == sorted(times)
    assert times[-1] > times[0]
    assert play.calls == [
        ("POST", "/db-3/switchover", {"leader": "db-3", "candidate": "db-1"}, None)
    ]


def test_without_a_candidate_none_is_named() -> None:
    with Play(frames("switchover")) as play:
        result = hand_over(play)
    assert result["new_leader"] == "db-1"
    assert play.calls[0][2] == {"leader": "db-3"}


def test_it_is_not_over_before_the_old_leader_follows() -> None:
    with Play(frames("switchover")[:-1]) as play, pytest.raises(FailedError) as caught:
        hand_over(play, timeout=1.0)
    assert caught.value.reason == "standbys_not_following"
    assert "db-3" in caught.value.message
    assert caught.value.result["changed"] is True
    assert caught.value.result["new_leader"] == "db-1"


def test_check_mode_asks_for_nothing() -> None:
    with Play(frames("switchover")) as play:
        result = hand_over(play, "db-1", check_mode=True)
    assert result["changed"]
    assert (result["old_leader"], result["new_leader"]) == ("db-3", "db-1")
    assert play.calls == []


def test_check_mode_refuses_what_the_real_one_would() -> None:
    with Play(frames("paused")) as play, pytest.raises(RefusedError) as caught:
        hand_over(play, "db-1", check_mode=True)
    assert caught.value.reason == "paused"


def test_already_there_is_unchanged() -> None:
    with Play(frames("switchover")) as play:
        result = hand_over(play, "db-3")
    assert not result["changed"]
    assert play.calls == []


@pytest.mark.parametrize(
    "answer,reason",
    [
        (
            (412, "switchover is not possible: no good candidates have been found"),
            "no_good_candidate",
        ),
        ((401, "no auth header received"), "unauthorized"),
        ((400, "Switchover target and source are the same"), "rejected"),
    ],
)
def test_patronis_own_refusals_end_it(answer: tuple[int, str], reason: str) -> None:
    with (
        Play(frames("quorum"), [answer], moves_on=False) as play,
        pytest.raises(RefusedError) as caught,
    ):
        hand_over(play, timeout=30.0)
    assert caught.value.reason == reason
    assert answer[1] in caught.value.message


def test_nothing_happens_until_the_time_is_up() -> None:
    play = Play(frames("quorum"), [(503, "Switchover status unknown")], moves_on=False)
    with play, pytest.raises(FailedError) as caught:
        hand_over(play, timeout=0.3)
    assert caught.value.reason == "no_new_leader"
    assert "db-3 holds the leader lock" in caught.value.message
    assert "changed" not in caught.value.result


def test_another_one_than_the_candidate_took_over() -> None:
    with Play(frames("switchover")) as play, pytest.raises(FailedError) as caught:
        hand_over(play, "db-2")
    assert caught.value.reason == "another_leader"
    assert caught.value.result["changed"] is True
