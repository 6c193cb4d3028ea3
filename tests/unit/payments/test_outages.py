"""What is away costs a clean 503, never money."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.unit.payments.platform import Platform, ask


@pytest.mark.parametrize(
    "service", ["identity", "commerce", "pricing", "sale", "inventory", "finance", "ledger"]
)
def test_a_service_that_is_down_is_a_clean_503_and_no_half_payment(
    running: Platform, service: str
) -> None:
    token, key, lost = running.token(), str(uuid.uuid4()), str(uuid.uuid4())
    before = running.balance("alice")
    # The worker would take the first one back, too, where a service is slow to start.
    running.stop("payment-worker")
    running.kill(service)
    try:
        for told in (running.pay(token, key), running.pay(token, lost)):
            assert (told.status, told.body["reason"]) == (503, "unavailable")
            assert told.headers["Retry-After"] == "1"
    finally:
        running.start(service)
    # The same key carries on; what nobody comes back for is taken back.
    assert running.pay(token, key).status == 201
    running.start("payment-worker")
    running.audit()
    assert running.balance("alice") == before - 100
    if service != "identity":
        gone = running.pay(token, lost)
        assert (gone.status, gone.body["reason"]) == (410, "given_up")


def test_an_answer_that_is_lost_after_the_money_moved_is_found_again(running: Platform) -> None:
    token, before = running.token(), running.balance("alice")
    keys = [str(uuid.uuid4()) for _ in range(2)]
    # The posting is made and the answer comes after finance's patience. The worker would take it back too soon.
    running.stop("payment-worker", "finance")
    running.start("finance", PEER_TIMEOUT="0.3")
    running.stop("ledger")
    running.start("ledger", FAULTS="late:seconds=1")
    for key in keys:
        assert running.pay(token, key).status == 503
    running.stop("ledger", "finance")
    running.start("ledger", "finance")
    assert running.pay(token, keys[0]).status == 201
    running.start("payment-worker")
    running.audit()
    assert running.pay(token, keys[1]).status == 410
    assert running.balance("alice") == before - 100


def test_without_redis_all_goes_on(running: Platform) -> None:
    token, key = running.token(), str(uuid.uuid4())
    running.redis.stop()
    try:
        first = running.pay(token, key)
        assert first.status == 201
        assert running.pay(token, key).body == first.body
        running.audit()
        health = ask(running.url("payment-api", "/health"))
        assert (health.status, health.body["status"]) == (200, "degraded")
        waited = ask(
            running.url("signal", f"/payments/{first.body['payment']}?wait=10"),
            Authorization=f"Bearer {token}",
        )
        assert waited.body["state"] == "settled"
    finally:
        running.redis.start()
    assert running.pay(token).status == 201


def test_a_database_that_is_away_is_a_503_and_comes_back(running: Platform) -> None:
    token, key = running.token(), str(uuid.uuid4())
    running.postgresql.stop()
    try:
        begun = time.monotonic()
        assert running.pay(token, key).status == 503
        assert time.monotonic() - begun < 10
        health = ask(running.url("ledger", "/health"))
        assert (health.status, health.body["status"]) == (503, "failed")
        # Away for all alike: taking pods out of service would help nobody.
        assert ask(running.url("ledger", "/ready")).status == 200
        assert ask(running.url("ledger", "/live")).status == 200
    finally:
        running.postgresql.start()
    assert running.pay(token, key).status == 201
    running.audit()


def test_a_worker_that_is_killed_leaves_nothing_behind(running: Platform) -> None:
    token = running.token()
    payments = [running.pay(token).body["payment"] for _ in range(5)]
    running.kill("payment-worker")
    payments += [running.pay(token).body["payment"] for _ in range(5)]
    running.start("payment-worker")
    for payment in payments:
        running.await_state(token, payment, "settled")
    running.audit()
