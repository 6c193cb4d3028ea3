"""How much may fail."""

from __future__ import annotations

import random

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    Share,
    fails,
    judge,
    milliseconds,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import percentile

from tests.unit.health.samples import result


@pytest.mark.parametrize(
    "text, total, allowed",
    [
        ("0", 10, 0),
        ("3", 10, 3),
        ("5%", 1000, 50),
        ("5%", 10, 0),
        ("29%", 100, 29),
        ("7%", 100, 7),
        ("0.5%", 600, 3),
        ("100%", 7, 7),
    ],
)
def test_a_share_is_a_number_or_a_part(text: str, total: int, allowed: int) -> None:
    assert Share.of(text).allowed(total) == allowed


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "5 percent", "%", "nan", "1e3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"5%|more than all"):
        Share.of(text)


def test_a_percentage_never_allows_more_than_it_says() -> None:
    rng = random.Random(1)
    for _round in range(2000):
        total, percent = rng.randint(1, 5000), rng.randint(0, 1000) / 10
        allowed = Share.of(f"{percent:g}%").allowed(total)
        assert allowed * 1000 <= round(percent * 10) * total < (allowed + 1) * 1000


def test_percentiles_are_values_that_were_measured() -> None:
    rng = random.Random(2)
    for _round in range(300):
        values = tuple(rng.random() for _value in range(rng.randint(1, 50)))
        for percent in (1, 50, 90, 95, 99, 100):
            found = percentile(values, percent)
            assert found in values
            share = sum(value <= found for value in values) / len(values)
            assert share >= percent / 100 - 1e-9
            below = [value for value in values if value < found]
            assert len(below) / len(values) < percent / 100
    assert percentile((), 50) is None
    assert milliseconds((0.1,)) == {"p50": 100, "p90": 100, "p95": 100, "p99": 100, "max": 100}


def test_checks_fail_by_what_came_before_the_window_and_in_it() -> None:
    none, one = Budget(), Budget(attempts=Share(1))
    assert not fails(result("a"), none)
    assert not fails(result("a", "xx."), none), "it became healthy at last"
    assert fails(result("a", "xxx"), one)
    assert fails(result("a", ".", "..x."), none)
    assert not fails(result("a", ".", "..x."), one)
    assert fails(result("a", ".", "x.x."), one)


def test_a_window_that_was_cut_short_is_judged_as_the_whole_one() -> None:
    ten_percent = Budget(attempts=Share(10, percent=True))
    cut = result("a", ".", "xx")
    planned = type(cut)(cut.name, first=cut.first, watched=cut.watched, planned=20)
    assert not fails(planned, ten_percent)
    assert fails(cut, ten_percent)


def test_the_verdict_counts_checks_and_slow_answers() -> None:
    results = [result("a"), result("b", "x"), result("c", ".", "x")]
    assert judge(results, Budget()).failing == ("b", "c")
    assert not judge(results, Budget(Share(1))).healthy
    assert judge(results, Budget(Share(2))).healthy
    slow = [result(str(number), seconds=0.1 if number < 95 else 0.5) for number in range(100)]
    assert judge(slow, Budget(latency={"p95": 100, "p50": 100})).healthy
    verdict = judge(slow, Budget(latency={"p99": 400.0, "p95": 100.0}))
    assert [*verdict.slow] == [("p99", 500.0, 400.0)]
    assert not verdict.healthy


def test_one_more_failure_never_makes_it_better() -> None:
    rng = random.Random(3)
    for _round in range(300):
        size = rng.randint(1, 12)
        budget = Budget(Share(rng.randint(0, size)), Share(rng.choice([0, 10, 50]), percent=True))
        texts = ["".join(rng.choice("..x") for _n in range(8)) for _check in range(size)]
        before = judge([result(str(n), ".", text) for n, text in enumerate(texts)], budget)
        worse = [text.replace(".", "x", 1) for text in texts]
        after = judge([result(str(n), ".", text) for n, text in enumerate(worse)], budget)
        assert set(before.failing) <= set(after.failing)
        assert before.healthy or not after.healthy
