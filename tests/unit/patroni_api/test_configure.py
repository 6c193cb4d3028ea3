from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.configure import (
    change,
    configure,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import FailedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError

from tests.unit.patroni_api.play import Play, frames
from tests.unit.patroni_api.support import client_of

CURRENT = {"ttl": 20, "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 50}}}


@pytest.mark.parametrize(
    "desired,replace,patch",
    [
        ({}, False, {}),
        ({"ttl": 20}, False, {}),
        ({"ttl": "20"}, False, {}),
        ({"ttl": 30}, False, {"ttl": 30}),
        ({"ttl": None}, False, {"ttl": None}),
        ({"absent": None}, False, {}),
        ({"postgresql": {"parameters": {"max_connections": 50}}}, False, {}),
        (
            {"postgresql": {"parameters": {"max_connections": 60}}},
            False,
            {"postgresql": {"parameters": {"max_connections": 60}}},
        ),
        (
            {"slots": {"a": {"type": "physical", "x": None}}},
            False,
            {"slots": {"a": {"type": "physical"}}},
        ),
        ({"slots": {"a": None}}, False, {"slots": {}}),
        ({"ttl": 20}, True, {"postgresql": None}),
        (
            {"ttl": 20, "postgresql": {"use_pg_rewind": True}},
            True,
            {"postgresql": {"parameters": None}},
        ),
        ({"ttl": 20, "postgresql": CURRENT["postgresql"]}, True, {}),
        ({"postgresql": "x"}, False, {"postgresql": "x"}),
    ],
)
def test_only_what_differs_is_sent(
    desired: dict[str, Any], replace: bool, patch: dict[str, Any]
) -> None:
    assert change(CURRENT, desired, replace).patch == patch


def test_a_maintenance_is_not_ended_by_its_absence() -> None:
    states = {"pause": True, "standby_cluster": {"host": "10.0.0.9"}}
    assert change({**CURRENT, **states}, CURRENT, replace=True).patch == {}
    assert change({**CURRENT, **states}, {"pause": None}).patch == {"pause": None}


def test_the_difference_shows_nothing_else() -> None:
    found = change(
        CURRENT, {"postgresql": {"parameters": {"max_connections": 60, "x": 1}}, "ttl": None}
    )
    assert found.before == {"ttl": 20, "postgresql": {"parameters": {"max_connections": 50}}}
    assert found.after == {"postgresql": {"parameters": {"max_connections": 60, "x": 1}}}


def configured(play: Play, desired: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
    return configure(client_of(play), desired, False, 1.0, 0.01, check_mode)


def test_a_change_arrives_and_a_second_run_changes_nothing() -> None:
    with Play(frames("quorum")) as play:
        first = configured(play, {"ttl": 30})
        second = configured(play, {"ttl": 30})
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["config"]["ttl"] == 30
    assert first["diff"] == {"before": {"ttl": 20}, "after": {"ttl": 30}}
    assert [call[:3] for call in play.calls] == [("PATCH", "/db-3/config", {"ttl": 30})]


def test_check_mode_sends_nothing() -> None:
    with Play(frames("quorum")) as play:
        result = configured(play, {"ttl": 30}, check_mode=True)
    assert result["changed"]
    assert result["patch"] == {"ttl": 30}
    assert play.calls == []


def test_a_conflict_is_tried_again() -> None:
    with Play(frames("quorum"), [(409, ""), (200, "")], moves_on=False) as play:
        assert configured(play, {"ttl": 30})["config"]["ttl"] == 30
    assert len(play.calls) == 2


def test_wrong_credentials() -> None:
    play = Play(frames("quorum"), [(401, "no auth header received")], moves_on=False)
    with play, pytest.raises(RefusedError) as caught:
        configured(play, {"ttl": 30})
    assert caught.value.reason == "unauthorized"


def test_an_answer_without_effect_is_a_failure() -> None:
    with (
        Play(frames("quorum"), [(202, "")], moves_on=False) as play,
        pytest.raises(FailedError) as caught,
    ):
        configured(play, {"ttl": 30})
    assert caught.value.reason == "not_taken_over"


def test_who_waits_for_a_restart_is_told() -> None:
    with Play(frames("pending_restart")) as play:
        result = configured(play, {"ttl": 20})
    assert (result["changed"], result["pending_restart"]) == (False, ["db-1", "db-2", "db-3"])
