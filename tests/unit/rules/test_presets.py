"""Presets, durability settings and the bounds that follow."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.bound_model import (
    Bound,
    Situation,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.bounds import (
    EVENTS,
    failover_bound,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.durability import (
    DURABILITY_PRESETS,
    durability_problems,
    durability_settings,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import (
    RTO_PRESETS,
    RtoPreset,
    check_rate,
    rto_preset,
    timing_problems,
)

from tests.unit.rules import doc_tables

FAST = RTO_PRESETS["fast"]


@pytest.mark.parametrize("preset", RTO_PRESETS.values(), ids=lambda preset: preset.name)
def test_every_preset_keeps_patronis_rule(preset: RtoPreset) -> None:
    assert timing_problems(preset.ttl, preset.loop_wait, preset.retry_timeout) == []
    assert preset.postgresql.wal_sender_timeout_ms < preset.ttl * 1000
    # A demoted primary has left the balancer before the next one is promoted (1.4 s measured),
    # or a client could be sent to it.
    if preset.name == "fast":
        checks = preset.primary_checks
        assert checks.inter_ms + (checks.fall - 1) * checks.fastinter_ms < 1400


def test_fast_is_what_was_ordered() -> None:
    assert FAST.to_dict()["patroni"] == {
        "ttl": 20,
        "loop_wait": 5,
        "retry_timeout": 5,
        "primary_start_timeout": 15,
    }


def test_checks_do_not_drown_a_small_machine() -> None:
    assert check_rate(FAST, 3) / 3 <= 6


@pytest.mark.parametrize(
    "ttl, loop_wait, retry_timeout, said",
    [
        (20, 5, 5, None),
        (20, 10, 5, None),
        (20, 11, 5, "exceeds ttl"),
        (19, 5, 5, "ttl is 19 s"),
        (20, 0, 5, "loop_wait is 0 s"),
        (20, 5, 2, "retry_timeout is 2 s"),
        (20, 50, 5, "50 + 2 * 5 = 60 s exceeds ttl = 20 s"),
    ],
)
def test_timing_rule(ttl: int, loop_wait: int, retry_timeout: int, said: str | None) -> None:
    found = "; ".join(timing_problems(ttl, loop_wait, retry_timeout))
    assert found == "" if said is None else said in found


def test_overrides_are_checked_and_none_keeps_the_preset() -> None:
    assert rto_preset("fast", ttl=40, loop_wait=None).ttl == 40
    assert rto_preset("fast", ttl=40, loop_wait=None).loop_wait == 5
    with pytest.raises(ValueError, match="exceeds ttl"):
        rto_preset("fast", loop_wait=50)
    with pytest.raises(ValueError, match="unknown RTO preset 'fats'"):
        rto_preset("fats")
    with pytest.raises(ValueError, match="cannot override tlt"):
        rto_preset("fast", tlt=40)
    with pytest.raises(ValueError, match="negative"):
        rto_preset("fast", primary_start_timeout=-1)


@pytest.mark.parametrize(
    "preset, members, strict, mode, count",
    [
        ("sync", 3, False, "quorum", 1),
        ("sync", 5, False, "quorum", 1),
        ("sync_all", 3, False, "quorum", 2),
        ("sync_all", 3, True, "quorum", 2),
        ("sync_all", 1, False, "quorum", 1),
        ("async", 3, False, False, None),
    ],
)
def test_durability_settings(
    preset: str, members: int, strict: bool, mode: object, count: int | None
) -> None:
    settings = durability_settings(preset, members, strict)
    assert settings["synchronous_mode"] == mode
    assert settings["synchronous_mode_strict"] is strict
    assert settings.get("synchronous_node_count") == count
    assert settings["failsafe_mode"] is True
    assert settings["check_timeline"] is True


@pytest.mark.parametrize(
    "preset, strict, replicas, said",
    [
        ("sync", False, 1, None),
        ("sync", False, 0, "needs at least 1"),
        ("sync_all", False, 0, "needs at least 1"),
        ("sync", True, 1, "stops all writes"),
        ("sync_all", True, 2, None),
        ("async", False, 0, None),
        ("async", True, 2, "no meaning"),
        ("synk", False, 2, "unknown durability"),
    ],
)
def test_durability_that_a_topology_cannot_hold(
    preset: str, strict: bool, replicas: int, said: str | None
) -> None:
    found = "; ".join(durability_problems(preset, strict, replicas))
    assert found == "" if said is None else said in found


def test_settings_refuse_strict_without_a_second_replica() -> None:
    with pytest.raises(ValueError, match="stops all writes"):
        durability_settings("sync", 2, strict=True)
    with pytest.raises(ValueError, match="unknown durability"):
        durability_settings("synk", 3)


def bound(event: str, durability: str = "sync", preset: RtoPreset = FAST, **more: Any) -> Bound:
    return failover_bound(event, preset, Situation(durability=durability, **more))


# Seconds measured in the lab with the timings of `fast`.
MEASURED = [
    ("switchover", "async", 1.5),
    ("switchover", "sync", 3.4),
    ("switchover", "sync_all", 4.3),
    ("primary_host_lost", "sync", 25.4),
    ("primary_host_lost", "sync_all", 28.5),
    ("replica_lost_killed", "sync_all", 4.4),
]


@pytest.mark.parametrize("event, durability, seconds", MEASURED)
def test_what_was_measured_lies_inside_the_bound(
    event: str, durability: str, seconds: float
) -> None:
    assert seconds < bound(event, durability).total


def test_a_lost_primary_is_back_in_30_s_with_etcd_on_hosts_of_its_own() -> None:
    assert bound("primary_host_lost", etcd_shares_hosts=False).total < 30


def test_a_silent_replica_under_sync_all_does_not_stall_20_s() -> None:
    assert bound("replica_lost_silent", "sync_all").total < 20


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("preset", RTO_PRESETS.values(), ids=lambda preset: preset.name)
def test_terms_add_up_and_waiting_for_more_is_never_shorter(event: str, preset: RtoPreset) -> None:
    totals: dict[str, float] = {}
    for durability in DURABILITY_PRESETS:
        found = bound(event, durability, preset)
        assert found.total == pytest.approx(sum(term.seconds for term in found.terms), abs=0.01)
        assert all(term.seconds >= 0 and term.source for term in found.terms)
        totals[durability] = found.total
    assert totals["async"] <= totals["sync"] <= totals["sync_all"]
    assert bound(event, "sync", preset, etcd_shares_hosts=False).total <= totals["sync"]


def test_presets_are_ordered_by_their_bounds() -> None:
    for event, durability in itertools.product(EVENTS, DURABILITY_PRESETS):
        totals = [bound(event, durability, preset).total for preset in RTO_PRESETS.values()]
        assert totals == sorted(totals), (event, durability)


def test_one_replica_makes_sync_wait_like_sync_all() -> None:
    assert bound("replica_lost_killed", "sync", eligible_replicas=1).total > 1
    assert bound("replica_lost_killed", "sync", eligible_replicas=2).total == 1


def test_a_switchover_without_a_named_candidate_saves_the_pause() -> None:
    named, free = bound("switchover"), bound("switchover", candidate_named=False)
    assert named.total - free.total == pytest.approx(2)


def test_a_fence_replaces_the_lease() -> None:
    terms = [term.term for term in bound("fenced_failover", fence=7.0).terms]
    assert "the leader's lease ends" not in terms
    assert bound("fenced_failover", fence=7.0).terms[0].seconds == 7.0


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown event"):
        bound("earthquake")
    with pytest.raises(ValueError, match="unknown durability"):
        bound("switchover", "synk")


def test_the_document_holds_the_figures_of_the_code() -> None:
    text = doc_tables.DOCUMENT.read_text()
    assert text == doc_tables.rendered(text), "run python -m tests.unit.rules.doc_tables"
