from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import FailedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.restart import (
    Options,
    restart,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.restart_plan import (
    back,
    check,
    plan,
)

from tests.unit.patroni_api.play import Frame, Play, frames
from tests.unit.patroni_api.support import client_of, recorded, state_of, the


def order(
    frame: Frame, leader: str = "restart", pending_only: bool = True, only: tuple[str, ...] = ()
) -> list[str]:
    return [
        f"{step.member} {step.action}" for step in plan(state_of(frame), pending_only, leader, only)
    ]


def pending(frame: Frame, reason: dict[str, Any]) -> Frame:
    for own in frame["patroni"].values():
        own["body"].update(pending_restart=True, pending_restart_reason=reason)
    return frame


def test_replicas_first_then_the_leader() -> None:
    frame = frames("pending_restart")[0]
    assert order(frame) == ["db-2 restart", "db-3 restart", "db-1 restart"]
    assert order(frame, "switchover")[-1] == "db-1 switchover"
    assert order(frame, "skip") == ["db-2 restart", "db-3 restart"]
    assert order(frame, only=("db-3",)) == ["db-3 restart"]


def test_who_is_asynchronous_goes_before_who_is_not() -> None:
    frame = frames("pending_restart")[0]
    for item in frame["cluster"]["members"]:
        if item["name"] == "db-3":
            item["role"] = "replica"
    assert order(frame) == ["db-3 restart", "db-2 restart", "db-1 restart"]


def test_nobody_waits() -> None:
    assert order(frames("quorum")[0]) == []
    assert len(order(frames("quorum")[0], pending_only=False)) == 3


def test_a_parameter_that_shrinks_goes_leader_first() -> None:
    shrinking = {"max_connections": {"old_value": "50", "new_value": "40"}}
    frame = pending(frames("quorum")[0], shrinking)
    assert order(frame) == ["db-3 restart", "db-1 restart", "db-2 restart"]
    with pytest.raises(RefusedError) as caught:
        order(frame, "switchover")
    assert caught.value.reason == "leader_restart_required"


def test_growing_and_shrinking_together_keep_replicas_first() -> None:
    mixed = {
        "max_connections": {"old_value": "50", "new_value": "40"},
        "max_wal_senders": {"old_value": "5", "new_value": "9"},
    }
    assert order(pending(frames("quorum")[0], mixed))[-1] == "db-3 restart"


def test_a_shrinking_parameter_of_another_kind_does_not_matter() -> None:
    other = {"shared_buffers": {"old_value": "64", "new_value": "32"}}
    assert order(pending(frames("quorum")[0], other), "switchover")[-1] == "db-3 switchover"


def test_what_it_must_not_begin_with() -> None:
    cases: list[tuple[Any, tuple[str, ...], str]] = [
        (lambda f: f["cluster"].update(pause=True), (), "paused"),
        (lambda f: f["patroni"].update({"db-1": None}), (), "no_leader"),
        (lambda f: f["patroni"].update({"db-2": None}), (), "unreachable"),
        (lambda f: f["patroni"]["db-2"]["body"].update(state="starting"), (), "not_running"),
        (lambda _f: None, ("db-9",), "not_a_member"),
    ]
    for damage, only, reason in cases:
        frame = frames("pending_restart")[0]
        damage(frame)
        with pytest.raises(RefusedError) as caught:
            check(state_of(frame), only)
        assert caught.value.reason == reason


@pytest.mark.parametrize("silent", ["db-1", "db-2"])
def test_an_api_that_takes_up_a_new_certificate_is_asked_again(silent: str) -> None:
    with Play(frames("quorum")) as play:
        whole, part = play.frames[0], copy.deepcopy(play.frames[0])
        part["patroni"][silent] = None
        looks = iter([part] * 12)
        play.frame = lambda: next(looks, whole)  # type: ignore[method-assign]
        client = client_of(play, "db-1", "db-2", "db-3")
        assert restart(client, Options(poll_interval=0.01))["changed"] is False
        assert next(looks, None) is None
        play.frame = lambda: part  # type: ignore[method-assign]
        with pytest.raises(RefusedError):
            restart(client, Options(poll_interval=0.01, patience=0.1))


def test_a_silent_member_that_is_not_meant_is_no_obstacle() -> None:
    frame = frames("pending_restart")[0]
    frame["patroni"]["db-2"] = None
    check(state_of(frame), ("db-3",))


def restarted(frame: Frame, name: str) -> Frame:
    after = copy.deepcopy(frame)
    body = after["patroni"][name]["body"]
    body["postmaster_start_time"] = "2030-01-01 00:00:00+00:00"
    body.pop("pending_restart", None)
    body.pop("pending_restart_reason", None)
    return after


def test_back_means_a_new_postmaster_that_streams_and_has_caught_up() -> None:
    frame = frames("pending_restart")[0]
    before = the(recorded("pending_restart"), "db-2")
    after = restarted(frame, "db-2")
    assert back(state_of(after), before, 0)
    assert not back(state_of(frame), before, 0)
    starting = copy.deepcopy(after)
    starting["patroni"]["db-2"]["body"].pop("replication_state")
    assert not back(state_of(starting), before, 0)
    late = copy.deepcopy(after)
    late["patroni"]["db-1"]["body"]["xlog"]["location"] += 10
    assert not back(state_of(late), before, 9)
    assert back(state_of(late), before, 10)


def test_one_by_one_and_the_next_only_when_the_last_is_back() -> None:
    start = frames("pending_restart")[0]
    down = copy.deepcopy(start)
    down["patroni"]["db-2"] = None
    second = restarted(start, "db-2")
    third = restarted(second, "db-3")

    class Rolling(Play):
        def unsafe(
            self, method: str, path: str, body: Any, authorization: str | None
        ) -> tuple[int, Any]:
            self.calls.append((method, path, body, authorization))
            here = {"/db-2/restart": [down, down, second], "/db-3/restart": [third]}[path]
            self.frames, self.asked, self.moving = [start, *here], 0, True
            return 503, "restart failed"  # the members' own state counts

    with Rolling([start]) as play:
        options = Options(leader="skip", wait_timeout=10.0, poll_interval=0.01)
        result = restart(client_of(play), options)
    assert [call[1] for call in play.calls] == ["/db-2/restart", "/db-3/restart"]
    assert play.calls[0][2] == {"restart_pending": True}
    assert [item["member"] for item in result["restarted"]] == ["db-2", "db-3"]
    assert result["pending_restart"] == ["db-1"]


def test_one_that_does_not_come_back_stops_it() -> None:
    play = Play(frames("pending_restart"), [(200, "restarted successfully")], moves_on=False)
    with play, pytest.raises(FailedError) as caught:
        restart(client_of(play), Options(wait_timeout=0.2, poll_interval=0.01))
    assert caught.value.reason == "not_back"
    assert [call[1] for call in play.calls] == ["/db-2/restart"]
    assert caught.value.result["restarted"] == []


def test_check_mode_returns_the_plan() -> None:
    with Play(frames("pending_restart")) as play:
        result = restart(client_of(play), Options(check_mode=True))
    assert [item["member"] for item in result["plan"]] == ["db-2", "db-3", "db-1"]
    assert result["changed"]
    assert play.calls == []


def test_nothing_to_do_is_unchanged() -> None:
    with Play(frames("quorum")) as play:
        result = restart(client_of(play), Options())
    assert (result["changed"], result["plan"], play.calls) == (False, [], [])
