from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import FailedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import Expectation
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.info import cluster_info
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError

from tests.unit.patroni_api.play import Play, frames
from tests.unit.patroni_api.support import client_of


def test_a_store_without_a_leader_is_waited_for() -> None:
    with Play(frames("switchover"), hesitates=5) as play:
        result = cluster_info(client_of(play), Expectation(), 1.0, 0.01, check_mode=False)
    assert result["leader"]


def test_one_url_is_enough() -> None:
    with Play(frames("quorum")) as play:
        state = client_of(play, "db-2").observe()
    assert [item.reachable for item in state.members] == [True, True, True]
    assert state.config["ttl"] == 20


def test_any_reachable_url_serves() -> None:
    with Play(frames("quorum"), silent=("db-1",)) as play:
        state = client_of(play, "db-1", "db-2").observe()
    assert {item.name: item.reachable for item in state.members} == {
        "db-1": False,
        "db-2": True,
        "db-3": True,
    }


def test_a_teller_that_goes_away_is_replaced() -> None:
    with Play(frames("quorum")) as play:
        client = client_of(play, "db-1")
        client.observe()
        play.frames[0]["patroni"]["db-1"] = None
        state = client.observe(refresh_config=False)
    assert state.leader is not None


def test_skipped_members_are_not_asked() -> None:
    with Play(frames("quorum")) as play:
        client = client_of(play, "db-1")
        client.observe()
        state = client.observe(skip=(play.url("db-3"),))
    leader = state.leader
    assert leader is not None
    assert (leader.reachable, leader.unreachable_reason) == (False, "not asked")


def test_nobody_answers() -> None:
    with Play(frames("quorum"), silent=("db-1",)) as play, pytest.raises(RefusedError) as caught:
        client_of(play, "db-1").observe()
    assert caught.value.reason == "unreachable"
    assert "refused" in caught.value.message


def test_urls_that_answer_nothing_and_belong_to_nobody_are_told() -> None:
    with Play(frames("quorum"), silent=("gone",)) as play:
        client = client_of(play, "db-1", "gone")
        result = cluster_info(client, Expectation(), 1.0, 0.01, check_mode=False)
    assert list(result["unknown_urls"]) == [play.url("gone")]
    assert result["healthy"]
    assert result["leader"] == "db-3"
    assert result["sync_standbys"] == ["db-1", "db-2"]
    assert "unreachable" not in result, "Ansible takes this key for itself"


def test_waiting_ends_when_the_expectation_holds() -> None:
    with Play(frames("switchover")) as play:
        client = client_of(play)
        play.move_on()
        expected = Expectation(("all_streaming", "same_timeline"), leader_is="db-1")
        result = cluster_info(client, expected, 10.0, 0.01, check_mode=False)
    assert (result["leader"], result["timeline"], result["unmet"]) == ("db-1", 7, [])
    assert play.asked > 10


def test_waiting_in_vain_says_what_does_not_hold() -> None:
    with Play(frames("quorum")) as play, pytest.raises(FailedError) as caught:
        cluster_info(client_of(play), Expectation(leader_is="db-1"), 0.1, 0.02, check_mode=False)
    assert caught.value.reason == "wait_timeout"
    assert "db-1 does not lead yet" in caught.value.message
    assert caught.value.result["leader"] == "db-3"


def test_check_mode_looks_once() -> None:
    with Play(frames("quorum")) as play:
        result = cluster_info(
            client_of(play), Expectation(leader_is="db-1"), 60.0, 5.0, check_mode=True
        )
    assert result["unmet"] == ["leader_is: db-1 does not lead yet"]
    assert result["waited"] < 5.0
