"""A payment crosses all services; nothing is lost, doubled or half done."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from tests.unit.payments.platform import LOGIN, SERVICES, Platform, ask


def test_a_payment_crosses_all_services_under_one_trace(running: Platform) -> None:
    trace = uuid.uuid4().hex
    before = running.balance("cafe"), running.balance("fees")
    paid = ask(
        f"http://127.0.0.1:{running.ports['client']}/pay",
        {"person": "alice", "password": LOGIN, "sku": "coffee", "quantity": 2},
        traceparent=f"00-{trace}-{'1' * 16}-01",
    )
    assert paid.status == 201, paid
    assert paid.body["state"] == "settled"
    assert (paid.body["amount"], paid.body["fee"]) == (200, 3)
    assert (running.balance("cafe"), running.balance("fees")) == (before[0] + 197, before[1] + 3)
    crossed = {
        name
        for name in SERVICES
        if any(line.get("trace_id") == trace for line in running.lines(name))
    }
    # The worker finds it in the table, under a trace of its own.
    assert crossed == set(SERVICES) - {"payment-worker"}
    assert [
        line
        for line in running.lines("payment-worker")
        if line.get("payment") == paid.body["payment"]
    ]
    running.audit()


def test_a_repeated_key_gives_the_first_answer(running: Platform) -> None:
    token, key, before = running.token(), str(uuid.uuid4()), running.balance("alice")
    first = running.pay(token, key)
    again = running.pay(token, key)
    running.redis.ask("DEL", f"answer:alice:{key}")
    from_database = running.pay(token, key)
    assert first.status == again.status == from_database.status == 201
    assert first.body == again.body == from_database.body
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = running.pay(token, key, quantity=2)
    assert (other.status, other.body["reason"]) == (422, "key_reused")
    # The same words of another person are another key.
    assert running.pay(running.token("probe"), key).body["payment"] != first.body["payment"]
    assert running.balance("alice") == before - 100
    running.audit()


def test_the_same_key_at_once_pays_once(running: Platform) -> None:
    token, key = running.token(), str(uuid.uuid4())
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: running.pay(token, key), range(8)))
    assert {given.status for given in answers} == {201}
    assert len({given.body["payment"] for given in answers}) == 1
    running.audit()


def test_200_payments_at_once_leave_a_ledger_of_sum_0(running: Platform) -> None:
    token, before = running.token(), running.balance("alice")

    def pay(key: str) -> int:
        # As a caller does: a 503 is no answer, and the key makes it safe to ask again.
        for _ in range(20):
            status = running.pay(token, key).status
            if status != 503:
                return status
        return 503

    keys = [str(uuid.uuid4()) for _ in range(200)]
    with ThreadPoolExecutor(50) as callers:
        assert Counter(callers.map(pay, keys)) == {201: 200}
    running.audit()
    assert running.balance("alice") == before - 200 * 100


def test_a_final_no_takes_everything_back(running: Platform) -> None:
    bob, key = running.token("bob"), str(uuid.uuid4())
    poor = running.pay(bob, key, sku="machine")
    assert (poor.status, poor.body["reason"]) == (402, "no_funds")
    assert running.pay(bob, key, sku="machine").body == poor.body
    scarce = running.pay(running.token(), sku="cake", quantity=6)
    assert (scarce.status, scarce.body["reason"]) == (409, "out_of_stock")
    unknown = running.pay(bob, sku="yacht")
    assert (unknown.status, unknown.body["reason"]) == (404, "no_product")
    running.audit()
    assert running.sql("SELECT balance FROM finance.account WHERE id = 'bob'") == "1000"
    assert running.sql("SELECT available FROM inventory.stock WHERE sku = 'machine'") == "1000"


def test_who_is_nobody_is_refused(running: Platform) -> None:
    wrong = ask(running.url("identity", "/tokens"), {"person": "alice", "password": "guess"})
    assert (wrong.status, wrong.body["reason"]) == (401, "who")
    forged = running.token()[:-4] + "AAAA"
    assert running.pay(forged).body["reason"] == "bad_token"
    wrong_bodies: list[object] = [{"sku": "coffee"}, {"sku": "coffee", "quantity": True}, []]
    for body in wrong_bodies:
        bearer = f"Bearer {running.token()}"
        url = running.url("payment-api", "/payments")
        assert ask(url, body, Authorization=bearer, Idempotency_Key="k").status == 400


def test_the_ledger_refuses_what_does_not_balance(running: Platform) -> None:
    uneven = [{"account": "alice", "amount": -5}, {"account": "fees", "amount": 4}]
    asked = {"key": str(uuid.uuid4()), "kind": "hold", "entries": uneven}
    assert ask(running.url("ledger", "/postings"), asked).body["reason"] == "unbalanced"
    # The tables say so themselves, whoever writes.
    for statement in (
        "INSERT INTO finance.entry VALUES ('opening', 'fees', 1)",
        "UPDATE finance.entry SET amount = amount + 1 WHERE account = 'alice'",
        "DELETE FROM finance.posting",
    ):
        with pytest.raises(RuntimeError, match=r"does not balance|kept as they are"):
            running.sql(statement)


def test_a_void_that_comes_first_keeps_the_posting_out(running: Platform) -> None:
    payment, before = str(uuid.uuid4()), running.balance("alice")
    assert ask(running.url("finance", f"/transfers/{payment}/void"), {}).body["returned"] is False
    hold = {"payment": payment, "person": "alice", "merchant": "cafe", "amount": 100, "fee": 2}
    late = ask(running.url("finance", "/transfers/hold"), hold)
    assert (late.status, late.body["reason"]) == (409, "key_taken")
    assert running.balance("alice") == before


def test_balances_are_written_through(running: Platform) -> None:
    token = running.token()
    running.pay(token)
    kept = json.loads(running.redis.ask("GET", "balance:alice"))
    assert str(kept["balance"]) == running.sql(
        "SELECT balance FROM finance.account WHERE id = 'alice'"
    )
    assert ask(running.url("ledger", "/balances/alice")).body["cached"] is True
    running.audit()


def test_a_websocket_tells_the_settlement(running: Platform) -> None:
    token = running.token()

    async def listen(payment: str, token: str = token) -> list[str]:
        url = running.url("signal", f"/ws?payment={payment}&token={token}")
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            return [json.loads(said.data)["state"] async for said in socket]

    running.stop("payment-worker")
    payment = running.pay(token).body["payment"]

    async def both() -> list[str]:
        listening = asyncio.ensure_future(listen(payment))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(running.start, "payment-worker")
        return await asyncio.wait_for(listening, 20)

    assert asyncio.run(both()) == ["accepted", "settled"]
    # Who comes later is told as well; who has no right is told nothing.
    assert asyncio.run(listen(payment)) == ["settled"]
    for stranger, status in ((running.token("bob"), 404), ("none", 401)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            asyncio.run(listen(payment, stranger))
        assert refused.value.status == status
