"""payment-api: one request carries a payment through all services.

Each step may be done twice, as it goes by the payment's id. Where a service is away the caller is told
503 and nothing is acknowledged: the same key carries on where it stopped, and if nobody comes back
the worker takes everything back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Any

import prometheus_client
from aiohttp import web

from payments.errors import RefusedError, UnavailableError
from payments.services import worker
from payments.services.book import Book, Payment
from payments.web import Runtime, answer, body_of, id_of, runtime_of, within

#: Seconds for all steps together.
BUDGET = 8.0
#: Seconds that a repeated request waits for the answer of the first one.
_PATIENCE = 5.0
_LONGEST_KEY = 128
PAYMENTS = prometheus_client.Counter("payments_total", "Payments by their answer", ["answer"])
BOOK = web.AppKey("book", Book)


async def _person(request: web.Request) -> str:
    headers = {"Authorization": request.headers.get("Authorization", "")}
    found = await runtime_of(request).peers.get("identity", "/me", headers=headers)
    return str(found["person"])


def _replay(kept: dict[str, Any], fingerprint: str) -> web.Response:
    """The first answer once more. Raises RefusedError (422) where something else was asked for."""
    if kept["fingerprint"] != fingerprint:
        raise RefusedError(422, "key_reused", "This Idempotency-Key belongs to another request.")
    return answer(kept["body"], kept["status"], Idempotency_Replayed="true")


async def _pay(request: web.Request) -> web.StreamResponse:
    runtime, book = runtime_of(request), request.app[BOOK]
    person = await _person(request)
    key = request.headers.get("Idempotency-Key", "")
    if not 0 < len(key) <= _LONGEST_KEY:
        raise RefusedError(
            400, "no_key", f"Idempotency-Key of 1 to {_LONGEST_KEY} characters is missing."
        )
    asked = await body_of(request, sku=str, quantity=int)
    if not 0 < asked["quantity"] <= 1000:
        raise RefusedError(400, "bad_field", "quantity is a number from 1 to 1000.")
    text = json.dumps([asked["sku"], asked["quantity"]])
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    if kept := await runtime.cache.answer(person, key):
        return _replay(kept, fingerprint)
    payment, ours = await _begin(book, person, key, fingerprint, asked)
    if ours:
        payment = await _carry_on(runtime, book, payment)
    kept = {"fingerprint": payment.fingerprint, "status": payment.status, "body": payment.answer}
    await runtime.cache.keep_answer(person, key, kept)
    if not ours:
        return _replay(kept, fingerprint)
    PAYMENTS.labels("accepted" if payment.status == 201 else "refused").inc()
    return answer(payment.answer, payment.status)


async def _begin(
    book: Book, person: str, key: str, fingerprint: str, asked: dict[str, Any]
) -> tuple[Payment, bool]:
    """As Book.begin, but waits for somebody else's request of the same key."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = await book.begin(person, key, fingerprint, asked["sku"], asked["quantity"])
        if found[1] or found[0].status or found[0].fingerprint != fingerprint:
            return found
        if time.monotonic() > deadline:
            raise UnavailableError("this payment", "another request with its key is being served")
        await asyncio.sleep(0.05)


async def _carry_on(runtime: Runtime, book: Book, payment: Payment) -> Payment:
    """All steps; the payment with its answer. Raises UnavailableError where it may be tried again."""
    try:
        async with within(BUDGET, "the payment"):
            said = await _steps(runtime, payment)
        first = {"payment": str(payment.id), "state": "accepted", **said}
        numbers = (said["merchant"], said["amount"], said["fee"])
        kept = await book.accept(payment, *numbers, answer=first)
    except UnavailableError:
        PAYMENTS.labels("unavailable").inc()
        await asyncio.shield(book.let_go(payment))
        raise
    except RefusedError as no:
        kept = await book.refuse(payment, no.status, no.body())
    if not kept:
        raise UnavailableError("this payment", "it took too long and was taken back")
    found = await book.find(payment.person, payment.id)
    assert found
    return found


async def _steps(runtime: Runtime, payment: Payment) -> dict[str, Any]:
    """Product, price, order, stock, and the money last."""
    peers, sku = runtime.peers, payment.sku
    product = await peers.get("commerce", f"/products/{sku}")
    wanted = {"sku": sku, "amount": product["price"] * payment.quantity}
    quote = await peers.get("pricing", "/quote", params=wanted)
    order = {"payment": str(payment.id), "sku": sku, "quantity": payment.quantity}
    whose = {"person": payment.person, "amount": quote["amount"]}
    await peers.post("sale", "/orders", order | whose)
    await peers.post("inventory", "/reservations", order)
    money = {"merchant": product["merchant"], "fee": quote["fee"]}
    await peers.post("finance", "/transfers/hold", {"payment": str(payment.id), **whose, **money})
    return {"amount": quote["amount"], **money}


async def _state(request: web.Request) -> web.StreamResponse:
    person, payment = await _person(request), id_of(request.match_info["payment"])
    found = await request.app[BOOK].find(person, payment)
    if not found:
        raise RefusedError(404, "no_payment", "You have no such payment.")
    return answer(found.public())


def set_up(app: web.Application, runtime: Runtime) -> None:
    """Add the routes, or the worker's loop."""
    book = Book(runtime.store)
    app[BOOK] = book
    if runtime.settings.mode == "worker":
        worker.set_up(runtime, book)
        return
    base = "/v1/api/payment/payments"
    app.router.add_post(base, _pay)
    app.router.add_get(f"{base}/{{payment}}", _state)
