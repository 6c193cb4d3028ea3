"""payment-worker: pays out what was accepted, and takes back what was refused or left alone."""

from __future__ import annotations

import asyncio
import logging
import time

import prometheus_client

from payments.errors import RefusedError, UnavailableError
from payments.services.book import LEASE, Book, Payment
from payments.web import Runtime, within

log = logging.getLogger("payments")
WORKED = prometheus_client.Counter(
    "payments_worked_total", "Payments by what became of them", ["state"]
)
WAITING = prometheus_client.Gauge(
    "payments_waiting", "Payments by the state that they are in", ["state"]
)
_AT_ONCE = 10
#: Seconds; a loop that has not come round for that long hangs.
_STUCK = 60.0
#: Seconds for one payment: less than its lease.
_BUDGET = LEASE - 3


class Worker:
    """The loop, and when it last came round."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._turned = time.monotonic()

    def stuck(self) -> list[str]:
        """The loop's name, if it hangs."""
        return ["worker"] if time.monotonic() - self._turned > _STUCK else []

    async def run(self, runtime: Runtime) -> None:
        """Work until cancelled."""
        settings, counted = runtime.settings, 0.0
        while True:
            self._turned = time.monotonic()
            try:
                found = await self._book.work(_AT_ONCE, settings.pending_timeout)
                await asyncio.gather(*(self._one(runtime, payment) for payment in found))
                if time.monotonic() - counted > 5:
                    await self._count()
                    counted = time.monotonic()
            except UnavailableError as error:
                log.warning(error.message)
                found = []
            except Exception:
                # Whatever it was, the next payment is not to blame.
                log.exception("the worker's loop failed")
                found = []
            if len(found) < _AT_ONCE:
                await asyncio.sleep(settings.worker_pause)

    async def _count(self) -> None:
        counts = await self._book.counts()
        for state in ("pending", "accepted", "undoing", "settled", "refused"):
            WAITING.labels(state).set(counts.get(state, 0))

    async def _one(self, runtime: Runtime, payment: Payment) -> None:
        with runtime.tracer.span(f"work {payment.state}"):
            try:
                async with within(_BUDGET, "the payment"):
                    state = await self._finish(runtime, payment)
                    await self._book.close(payment, state)
            except (UnavailableError, RefusedError) as error:
                log.warning(error.message, extra={"payment": str(payment.id)})
                await self._book.put_off(payment)
                return
        WORKED.labels(state).inc()
        log.info("payment closed", extra={"payment": str(payment.id), "state": state})
        await runtime.cache.tell(payment.person, {**payment.public(), "state": state})

    async def _finish(self, runtime: Runtime, payment: Payment) -> str:
        peers, name = runtime.peers, str(payment.id)
        if payment.state == "accepted":
            whose = {"payment": name, "person": payment.person, "merchant": payment.merchant}
            money = {"amount": payment.amount, "fee": payment.fee}
            await peers.post("finance", "/transfers/settle", whose | money)
            await peers.post("inventory", f"/reservations/{name}/sold", {})
            await peers.post("sale", f"/orders/{name}/paid", {})
            return "settled"
        # The money first: what comes late for it is refused from then on.
        await peers.post("finance", f"/transfers/{name}/void", {})
        await peers.post("inventory", f"/reservations/{name}/released", {})
        await peers.post("sale", f"/orders/{name}/cancelled", {})
        return "refused"


def set_up(runtime: Runtime, book: Book) -> None:
    """Add the loop."""
    worker = Worker(book)
    runtime.tasks.append(worker.run)
    runtime.stuck = worker.stuck
