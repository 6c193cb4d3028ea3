"""How checks are asked: retries, successes in a row, the window, and how many at a time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    Share,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import (
    Course,
    Plan,
    rounds,
    run,
    settled,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Check,
    Pace,
)

from tests.unit.health.samples import Told, attempts


def course(questions: list[Told], plan: Plan | None = None, **pace: Any) -> Course:
    checks = [
        Check(str(number), "told", question, Pace(**{"timeout": 0.2, "interval": 0.05, **pace}))
        for number, question in enumerate(questions)
    ]
    nothing: Any = None
    return asyncio.run(run(checks, nothing, plan or Plan()))


@pytest.mark.parametrize(
    "outcomes, retries, successes, healthy",
    [
        ("", 0, 1, None),
        (".", 0, 1, True),
        ("x", 0, 1, False),
        ("x", 1, 1, None),
        ("x.", 1, 1, True),
        ("..", 0, 3, None),
        (".x.", 1, 2, None),
        (".x..", 1, 2, True),
        (".x.x", 1, 2, False),
    ],
)
def test_when_a_check_is_settled(
    outcomes: str, retries: int, successes: int, healthy: bool | None
) -> None:
    assert settled(attempts(outcomes), Pace(retries=retries, successes=successes)) is healthy


def test_every_check_settles_and_healthy_ones_end_in_successes() -> None:
    rng = random.Random(4)
    for _round in range(500):
        pace = Pace(retries=rng.randint(0, 5), successes=rng.randint(1, 4))
        seen = ""
        while settled(attempts(seen), pace) is None:
            seen += rng.choice(".x")
            assert len(seen) <= (pace.retries + 1) * pace.successes
        if settled(attempts(seen), pace):
            assert seen.endswith("." * pace.successes)
        else:
            assert seen.count("x") == pace.retries + 1


def test_it_is_asked_until_it_is_well_or_given_up() -> None:
    late, never = Told(["refused", "refused", 0]), Told(["refused"])
    done = course([late, never], retries=2)
    assert [len(late.asked), len(never.asked)] == [3, 3]
    assert [one.became_healthy for one in done.results] == [True, False]
    assert done.results[0].attempts[-1].facts == {"asked": 3}
    assert late.asked[1] - late.asked[0] >= 0.045
    assert done.watched is None


def test_what_does_not_answer_is_a_time_out_and_holds_up_nobody() -> None:
    done = course([Told([60]), Told([0])], timeout=0.1)
    assert done.results[0].first[0].reason == "timeout"
    assert "0.1 s" in done.results[0].first[0].message
    assert done.results[1].became_healthy
    assert done.seconds < 1


def test_no_more_at_a_time_than_allowed() -> None:
    shared = Told([0.02])
    course([shared] * 20, Plan(concurrency=4), timeout=5)
    assert shared.most == 4
    assert len(shared.asked) == 20


def test_whatever_a_library_raises_is_the_failure_of_its_check() -> None:
    class Broken(Told):
        async def ask(self, _world: Any, _timeout: float, /) -> dict[str, Any]:
            raise RuntimeError("a bug in a library")

    done = course([Broken([]), Told([0])])
    assert (done.results[0].first[0].reason, done.results[0].first[0].message) == (
        "other",
        "a bug in a library",
    )
    assert done.results[1].became_healthy


def test_a_window_has_an_attempt_for_each_interval() -> None:
    assert [rounds(*pair) for pair in ((0, 1), (10, 1), (0.3, 0.1), (1, 5))] == [0, 10, 3, 1]
    told = Told([0])
    done = course([told], Plan(window=0.3), interval=0.1)
    assert len(done.results[0].watched) == 3
    assert len(told.asked) == 4
    assert done.watched is not None
    assert 0.29 <= done.watched < 0.6


def test_who_becomes_slow_is_asked_as_often() -> None:
    """Each attempt takes four intervals: all of them are made, and each is a failure of its own."""
    done = course([Told([0, 60])], Plan(window=0.4, budget=Budget(attempts=Share(99))), timeout=0.2)
    assert len(done.results[0].failures) == 8


def test_a_window_tells_what_failed_and_goes_on_within_the_budget() -> None:
    done = course(
        [Told([0, 0, "status", 0]), Told([0])],
        Plan(window=0.5, budget=Budget(attempts=Share(1))),
        interval=0.1,
    )
    [failure] = done.results[0].failures
    assert failure.reason == "status"
    assert 0.15 < failure.after < 0.4
    assert len(done.results[0].watched) == len(done.results[1].watched) == 5


def test_a_window_ends_with_the_budget() -> None:
    done = course([Told([0, "status"]), Told([0])], Plan(window=30), interval=0.1)
    assert done.seconds < 2
    assert len(done.results[1].watched) < 5


def test_a_broken_budget_has_no_window_and_an_allowed_failure_is_not_watched() -> None:
    failing = Told(["refused"])
    assert course([failing, Told([0])], Plan(window=30)).watched is None
    done = course([failing, Told([0])], Plan(window=0.2, budget=Budget(Share(1))))
    assert done.watched is not None
    assert len(done.results[0].attempts) == 1
    assert len(done.results[1].watched) == 4
