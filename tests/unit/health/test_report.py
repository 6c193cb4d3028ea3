"""What is told of a run: the failing ones first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    Share,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import Course
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.report import report
from ansible_collections.groundwork.platform.plugins.module_utils.health.stores import (
    judge_patroni,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.table import (
    health_table,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import (
    Expectation,
)

from tests.unit.health.samples import result
from tests.unit.patroni_api.support import recorded


def test_failing_checks_come_first_in_result_and_message() -> None:
    course = Course((result("good"), result("bad", "xx"), result("late", "x.")), 1.5)
    found = report(course, Budget())
    assert [entry["name"] for entry in found["checks"]] == ["bad", "good", "late"]
    assert found["changed"] is False
    assert found["reason"] == "unhealthy"
    assert found["counts"] == {"healthy": 2, "failed": 1, "allowed": 0}
    assert found["msg"].splitlines() == [
        "1 of 3 checks failed, none may:",
        "1. bad (GET http://bad): status 503 instead of 2xx, 2 of 2 attempts failed. The log of the service says why.",
    ]
    bad = found["checks"][0]
    assert (bad["state"], bad["reason"], bad["attempts"], bad["latency"]) == (
        "failed",
        "status",
        2,
        {},
    )
    assert found["checks"][2]["failed_attempts"] == 1
    assert found["checks"][2]["reason"] == ""


def test_within_the_budget_nothing_fails_and_all_is_told() -> None:
    found = report(
        Course((result("good"), result("bad", "x")), 1.0), Budget(Share(50, percent=True))
    )
    assert found["healthy"]
    assert "msg" not in found
    assert "reason" not in found
    assert found["failing"] == ["bad"]


def test_a_window_is_told_with_its_times() -> None:
    course = Course((replace(result("web", ".", ".x.x"), planned=60),), 9.0, 4.0)
    found = report(course, Budget())
    assert "1.0 s after the begin; 2 of 60 attempts of the window failed" in found["msg"]
    entry = found["checks"][0]
    assert [failure["after"] for failure in entry["failures"]] == [1.0, 3.0]
    assert (entry["failures_in_window"], entry["attempts_in_window"]) == (2, 4)
    assert found["watched"] == 4.0


def test_slow_answers_are_named_with_who_is_slowest() -> None:
    course = Course((result("quick"), result("slow", seconds=0.4)), 1.0)
    found = report(course, Budget(latency={"p95": 100}))
    assert found["reason"] == "slow"
    assert found["msg"].startswith(
        "Answers are too slow: p95 of all attempts is 400 ms, the budget is 100 ms; slowest: slow (400 ms)"
    )


def test_a_long_list_is_cut_and_says_so() -> None:
    found = report(Course(tuple(result(f"c{n}", "x") for n in range(50)), 1.0), Budget())
    lines = found["msg"].splitlines()
    assert len(lines) == 22
    assert lines[-1].startswith("and 30 more: c20, c21")
    assert len(found["checks"]) == 50


def test_the_table_shows_what_failed_first_and_counts_the_rest() -> None:
    results = (*(result(f"c{n:02}") for n in range(50)), result("bad", "x"))
    lines = health_table(report(Course(results, 1.0), Budget()))
    assert lines[0].split() == ["check", "kind", "state", "attempts", "p95", "target", "note"]
    assert lines[1].split()[:3] == ["bad", "http", "failed"]
    assert "... and 10 more that are healthy" in lines
    assert any(line.startswith("50 healthy, 1 failed (0 may); p50 10 ms") for line in lines)
    assert lines[-1] == "! bad: status 503 instead of 2xx. The log of the service says why."
    assert health_table({"msg": "a: url has no host."}) == ["a: url has no host."]


def test_a_patroni_cluster_fails_with_its_first_problem() -> None:
    assert judge_patroni(recorded("quorum"), Expectation(("healthy",)))["leader"]
    with pytest.raises(FailedError) as paused:
        judge_patroni(recorded("paused"), Expectation(("healthy",)))
    assert paused.value.reason == "paused"
    with pytest.raises(FailedError, match="leader") as other:
        judge_patroni(recorded("quorum"), Expectation(leader_is="nobody"))
    assert other.value.reason == "unmet"
