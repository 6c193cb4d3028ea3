"""What operators get: metrics, logs, traces, and releases that are broken on purpose."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from payments.faults import parse
from payments.services.finance import legs
from payments.services.pricing import price
from payments.settings import SettingsError, read

from tests.integration.local_postgresql import wait_until
from tests.unit.payments.platform import Platform, ask


class Collector(ThreadingHTTPServer):
    """Takes spans, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Spans)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Spans(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in sent["resourceSpans"]:
            (name,) = [
                entry["value"]["stringValue"]
                for entry in resource["resource"]["attributes"]
                if entry["key"] == "service.name"
            ]
            for scope in resource["scopeSpans"]:
                self.server.spans += [{**span, "service": name} for span in scope["spans"]]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def metric(running: Platform, name: str, pattern: str) -> float:
    text = ask(f"http://127.0.0.1:{running.ports[name]}/metrics").body
    return sum(float(found) for found in re.findall(rf"^{pattern} (\S+)$", text, re.M))


def test_metrics_count_requests_payments_and_what_waits(running: Platform) -> None:
    pattern = r'payments_total\{answer="accepted"\}'
    before = metric(running, "payment-api", pattern)
    running.pay(running.token())
    assert metric(running, "payment-api", pattern) == before + 1
    route = r'http_requests_total\{method="POST",route="/v1/api/payment/payments",service="payment-api",status="201"\}'
    assert metric(running, "payment-api", route) >= 1
    assert metric(running, "identity", r'app_info\{service="identity",version="1"\}') == 1
    settled = r'payments_waiting\{state="settled"\}'
    wait_until(lambda: metric(running, "payment-worker", settled) >= 1, 10, "the worker counts")


def test_spans_of_one_payment_hang_together(running: Platform, collector: Collector) -> None:
    chain = ("payment-api", "finance", "ledger")
    running.stop(*chain)
    running.start(*chain, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    try:
        trace = running.pay(running.token()).headers["X-Trace-Id"]

        def spans(service: str) -> list[dict[str, Any]]:
            return [
                span
                for span in list(collector.spans)
                if (span["traceId"], span["service"]) == (trace, service)
            ]

        wait_until(lambda: all(spans(name) for name in chain), 10, "the spans come")
        # Each service's span hangs below the call of the one before it.
        for caller, called in (("payment-api", "finance"), ("finance", "ledger")):
            (served,) = [span for span in spans(called) if span["kind"] == 2]
            assert served["parentSpanId"] in {
                span["spanId"] for span in spans(caller) if span["kind"] == 3
            }
    finally:
        running.stop(*chain)
        running.start(*chain)


def test_a_version_that_breaks_after_a_while_is_the_same_program(running: Platform) -> None:
    token = running.token()
    running.stop("payment-api")
    running.start("payment-api", APP_VERSION="3", FAULTS="errors:after=3;unhealthy:after=3")
    try:
        first = running.pay(token)
        assert (first.status, first.headers["X-App-Version"]) == (201, "3")
        wait_until(lambda: running.pay(token).status == 500, 10, "it breaks")
        health = ask(running.url("payment-api", "/health"))
        assert (health.status, health.body["version"]) == (503, "3")
        # Its probes do not see it; only who watches its answers does.
        assert running.ready("payment-api")
    finally:
        running.stop("payment-api")
        running.start("payment-api")
    running.audit()


def test_unready_and_dead_are_told_apart(running: Platform) -> None:
    running.stop("pricing")
    running.start("pricing", FAULTS="unready:after=3")
    wait_until(lambda: not running.ready("pricing"), 10, "it is not ready")
    assert ask(running.url("pricing", "/live")).status == 200
    running.stop("pricing")
    running.start("pricing", FAULTS="dead:after=1")
    wait_until(lambda: ask(running.url("pricing", "/live")).status == 503, 10, "it is dead")
    assert running.ready("pricing")
    running.stop("pricing")
    running.start("pricing")


def test_no_password_and_no_token_is_in_a_log(running: Platform) -> None:
    token = running.token()
    running.pay(token)
    text = "".join(path.read_text() for path in running.logs.iterdir())
    assert token not in text
    assert running.environment["IDENTITY_PASSWORD"] not in text
    assert running.environment["JWT_SECRET"] not in text


@pytest.mark.parametrize(
    "text, said",
    [
        ("error", "'error' is none of dead, errors"),
        ("errors:status=often", "invalid literal"),
        ("errors:chance=1", "errors has no chance"),
    ],
)
def test_faults_that_nobody_knows_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_settings_that_cannot_be_are_refused(running: Platform) -> None:
    with pytest.raises(SettingsError, match="APP_SERVICE is 'bank': give one of identity"):
        read({"APP_SERVICE": "bank"})
    done = running.payments("serve", APP_SERVICE="identity", PORT="many")
    assert done.returncode == 2
    assert "a value that cannot be" in done.stderr


@pytest.mark.parametrize("amount, expected", [(100, (100, 2)), (90000, (90000, 1350)), (1, (1, 1))])
def test_a_fee_is_never_more_than_what_is_paid(amount: int, expected: tuple[int, int]) -> None:
    assert price(amount, 0, 150, 2) == expected


@pytest.mark.parametrize("amount, fee", [(100, 2), (100, 0), (1, 1)])
def test_each_step_of_a_payment_balances(amount: int, fee: int) -> None:
    for kind in ("hold", "settle"):
        entries = legs(kind, "alice", "cafe", amount, fee)
        assert sum(int(str(entry["amount"])) for entry in entries) == 0
        assert all(entry["amount"] for entry in entries)
