"""Who has to follow a new leader before a handover counts as done."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import followers

from tests.unit.patroni_api.play import frames
from tests.unit.patroni_api.support import recorded, state_of


def test_all_who_run_but_the_lost_one_have_to_follow() -> None:
    assert followers(recorded("quorum"), None) == ["db-1", "db-2", "db-3"]
    assert followers(recorded("quorum"), "db-3") == ["db-1", "db-2"]


def test_who_is_silent_or_already_behind_a_timeline_is_not_waited_for() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-1"] = None
    frame["patroni"]["db-2"]["body"]["timeline"] -= 1
    assert followers(state_of(frame), None) == ["db-2", "db-3"], "it streams"
    frame["patroni"]["db-2"]["body"]["replication_state"] = "in archive recovery"
    frame["patroni"]["db-3"]["body"]["replication"] = []
    assert followers(state_of(frame), None) == ["db-3"]


def test_the_lost_ones_timeline_does_not_count() -> None:
    frame = frames("quorum")[0]
    frame["patroni"]["db-3"]["body"]["timeline"] += 1
    assert followers(state_of(frame), "db-3") == ["db-1", "db-2"]
