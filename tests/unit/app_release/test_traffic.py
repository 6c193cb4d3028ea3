"""What pods say they answered: real pages of metrics, counters that begin anew, percentiles, and verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import traffic
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Metrics,
    Soak,
    Traffic,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.traffic import (
    Meter,
    Sample,
    quantile,
    together,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Share
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from tests.unit.app_release.samples import pod

METRICS = Metrics("3000")
BUCKETS = (0.01, 0.1, 0.5, 1.0)


def page(answers: Iterable[tuple[str, float]] = (), label: str = "status") -> str:
    """A page of metrics as a pod serves it that gave these answers (status, seconds)."""
    registry = CollectorRegistry()
    requests = Counter("http_requests", "Requests", ["path", label], registry=registry)
    seconds = Histogram(
        "http_request_duration_seconds", "Time", ["path"], registry=registry, buckets=BUCKETS
    )
    Counter("other_requests", "Others", [label], registry=registry).labels("500").inc(9)
    for number, (status, took) in enumerate(answers):
        path = f"/{number % 3}"
        requests.labels(path, status).inc()
        seconds.labels(path).observe(took)
    return generate_latest(registry).decode()


def test_a_page_is_read_across_all_labels() -> None:
    text = page([("200", 0.05)] * 7 + [("503", 0.7)] * 2 + [("404", 0.005)])
    sample = traffic.read(text, METRICS)
    assert (sample.requests, sample.failed) == (10, 2)
    assert sample.buckets == {0.01: 1, 0.1: 8, 0.5: 8, 1.0: 10, inf: 10}


def test_who_has_answered_nothing_yet_has_a_counter_all_the_same() -> None:
    assert traffic.read(page(), METRICS) == Sample()


def test_names_of_metrics_and_labels_are_the_services_own() -> None:
    own = Metrics("1", requests="other_requests_total", status="code", duration="none")
    sample = traffic.read(page([("200", 0.1)], label="code"), own)
    assert (sample.requests, sample.failed, sample.buckets) == (9, 9, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><body>login</body></html>",
        "{'a': 1}",
        "other_requests_total 3\n",
        "http_requests_total NaN\n",
        "http_requests_total 1\nhttp_request_duration_seconds_bucket 3\n",
    ],
)
def test_what_is_no_page_of_metrics_is_told_and_nothing_breaks(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        traffic.read(text, METRICS)


@pytest.mark.parametrize(
    "share, seconds",
    [
        # 100 observations: 20 up to 0.01, 60 up to 0.1, 10 up to 0.5, 6 up to 1, 4 beyond.
        (0.0, 0.0),
        (0.1, 0.005),
        (0.2, 0.01),
        (0.5, 0.01 + 0.09 * 30 / 60),
        (0.8, 0.1),
        (0.85, 0.1 + 0.4 * 5 / 10),
        (0.95, 0.5 + 0.5 * 5 / 6),
        (0.96, 1.0),
        # Beyond the last bound nobody knows: it is told as that.
        (0.99, 1.0),
        (1.0, 1.0),
    ],
)
def test_a_percentile_is_what_prometheus_says_of_the_same_buckets(
    share: float, seconds: float
) -> None:
    buckets = {0.01: 20.0, 0.1: 80.0, 0.5: 90.0, 1.0: 96.0, inf: 100.0}
    assert quantile(buckets, share) == pytest.approx(seconds)


def test_without_observations_there_is_no_percentile() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({0.1: 0.0, inf: 0.0}, 0.5) is None


def test_all_pods_count_as_one() -> None:
    found = together(
        [
            Sample(10, 1, {0.1: 10, 0.5: 10, inf: 10}),
            Sample(30, 2, {0.1: 0, 0.5: 30, inf: 30}),
        ]
    )
    assert (found.requests, found.failed) == (40, 3)
    assert found.latency["p50"] == pytest.approx(1000 * (0.1 + 0.4 * 10 / 30), abs=0.1)
    assert found.latency["max"] == 500
    assert together([]).latency == {}


ONE_PERCENT, THREE = Share(1, percent=True), Share(3)


@pytest.mark.parametrize(
    "requests, failed, share, least, reason",
    [
        (1000, 10, ONE_PERCENT, 20, None),
        (1000, 11, ONE_PERCENT, 20, "failed_requests"),
        # A share of few says nothing; a number counts at once.
        (19, 19, ONE_PERCENT, 20, None),
        (20, 1, ONE_PERCENT, 20, "failed_requests"),
        (4, 3, THREE, 20, None),
        (4, 4, THREE, 20, "failed_requests"),
        (1, 1, Share(0), 20, "failed_requests"),
        (0, 0, Share(0), 0, None),
    ],
)
def test_when_failed_requests_are_too_many(
    requests: int, failed: int, share: Share, least: int, reason: str | None
) -> None:
    soak = Soak(failed_requests=share, minimum_requests=least)
    found = traffic.breach("sale", Traffic(requests, failed), soak)
    assert (found.reason if found else None) == reason


def test_at_the_end_of_the_window_few_requests_are_all_there_is() -> None:
    few, some = Traffic(8, 1), Traffic(8, 0, {"p95": 900})
    assert traffic.breach("sale", few, Soak()) is None
    assert traffic.breach("sale", few, Soak(), ended=True)
    # How fast it is cannot be told of so few.
    assert traffic.breach("sale", some, Soak(latency={"p95": 500}), ended=True) is None


def test_a_share_of_few_counts_at_the_windows_end() -> None:
    assert traffic.breach("sale", Traffic(5, 1), Soak(), ended=True)
    assert traffic.breach("sale", Traffic(5, 0), Soak(), ended=True) is None


def test_failed_requests_are_told_in_numbers() -> None:
    found = traffic.breach("sale", Traffic(240, 31), Soak())
    assert found
    assert found.message == "31 of 240 requests failed with status 5xx (12.9%), and 1% may"


@pytest.mark.parametrize(
    "requests, measured, limits, slow",
    [
        (100, {"p95": 500.1}, {"p95": 500}, True),
        (100, {"p95": 500}, {"p95": 500}, False),
        (100, {"p50": 900}, {"p95": 500}, False),
        (19, {"p95": 900}, {"p95": 500}, False),
        (100, {"p50": 10, "p99": 900}, {"p50": 20, "p99": 500}, True),
    ],
)
def test_when_answers_are_too_slow(
    requests: int, measured: dict[str, float], limits: dict[str, float], slow: bool
) -> None:
    found = traffic.breach("sale", Traffic(requests, 0, measured), Soak(latency=limits))
    assert (found.reason if found else "") == ("slow" if slow else "")


class Pods:
    """Pods whose pages are told by name, through the API server."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.asked: list[str] = []

    async def send(self, _method: str, path: str, **_more: Any) -> Answer:
        self.asked.append(path)
        found = self.pages[path.split("/")[6].partition(":")[0]]
        if isinstance(found, Exception):
            raise found
        return Answer(200, found) if isinstance(found, str) else Answer(found, "no answer")


def test_pods_are_asked_through_the_api_server_and_what_went_stays_counted() -> None:
    pods = Pods()
    meter = Meter(cast(Client, pods), METRICS)
    assert not meter.measured
    pods.pages = {"pod-a": page([("200", 0.1)] * 5), "pod-b": page([("500", 0.1)] * 4)}
    asyncio.run(meter.look([pod("a"), pod("b")]))
    assert pods.asked[0] == "/api/v1/namespaces/nx/pods/pod-a:3000/proxy/metrics"
    assert (meter.traffic.requests, meter.traffic.failed) == (9, 4)
    # One is replaced by another, whose counters begin at nothing.
    pods.pages = {"pod-a": page([("200", 0.1)] * 6), "pod-c": page([("200", 0.1)])}
    found = asyncio.run(meter.look([pod("a"), pod("c")]))
    assert (found.requests, found.failed) == (6 + 4 + 1, 4)


def test_a_pod_that_is_ready_and_has_told_nothing_is_named() -> None:
    pods = Pods()
    meter = Meter(cast(Client, pods), METRICS)
    pods.pages = {"pod-a": page([("200", 0.1)]), "pod-b": 503, "pod-c": 503}
    every = [pod("a"), pod("b"), pod("c", ready=False)]
    asyncio.run(meter.look(every))
    assert meter.measured
    # One that is not ready yet has no requests either.
    assert meter.unread(every) == ["pod-b"]


def test_a_container_that_is_begun_anew_keeps_what_it_had_answered() -> None:
    pods = Pods()
    meter = Meter(cast(Client, pods), METRICS)
    for answers in ([("500", 0.1)] * 8, [("200", 0.1)] * 2, [("200", 0.1)] * 3):
        pods.pages = {"pod-a": page(answers)}
        asyncio.run(meter.look([pod("a")]))
    assert (meter.traffic.requests, meter.traffic.failed) == (11, 8)


@pytest.mark.parametrize(
    "said, trouble",
    [
        (503, "status 503: no answer"),
        (KubeError("unreachable", "no route"), "no route"),
        ("<html>", "invalid metric name"),
    ],
)
def test_what_cannot_be_read_is_kept_as_trouble(said: Any, trouble: str) -> None:
    pods = Pods()
    pods.pages = {"pod-a": said}
    meter = Meter(cast(Client, pods), METRICS)
    asyncio.run(meter.look([pod("a")]))
    assert not meter.measured
    assert trouble in meter.trouble
