"""The table of payments: who may carry one on, and what its first answer is.

    pending -> accepted -> settled          the money is held, then paid out
    pending -> undoing  -> refused          a final no, or nobody came back; what was begun is taken back

A payment is carried on by who holds its lease. A holder that is too late changes nothing: its last
update asks for its own name, and what it does at other services after an undo is refused there.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import asyncpg

from payments.store import Store

#: Seconds; longer than all steps of a payment may take together (flow.BUDGET).
LEASE = 15.0
#: Seconds until somebody else tries again where a peer was away.
_PAUSE = 1.0


@dataclass(frozen=True)
class Payment:
    """A row."""

    id: uuid.UUID
    person: str
    key: str
    fingerprint: str
    sku: str
    quantity: int
    state: str
    merchant: str
    amount: int
    fee: int
    status: int
    answer: dict[str, Any]

    def public(self) -> dict[str, Any]:
        """As its owner sees it."""
        return {
            "payment": str(self.id),
            "state": self.state,
            "amount": self.amount,
            "fee": self.fee,
        }


def _read(row: asyncpg.Record) -> Payment:
    return Payment(
        id=row["id"],
        person=row["person"],
        key=row["key"],
        fingerprint=row["fingerprint"],
        sku=row["sku"],
        quantity=row["quantity"],
        state=row["state"],
        merchant=row["merchant"] or "",
        amount=row["amount"] or 0,
        fee=row["fee"] or 0,
        status=row["status"] or 0,
        answer=json.loads(row["answer"] or "{}"),
    )


class Book:
    """The table, for one holder."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.holder = uuid.uuid4()

    async def begin(
        self, person: str, key: str, fingerprint: str, sku: str, quantity: int
    ) -> tuple[Payment, bool]:
        """The payment of a key, made if it is new; and whether it is ours to carry on."""
        async with self._store.transaction() as connection:
            await connection.execute(
                """INSERT INTO payment.payment (id, person, key, fingerprint, sku, quantity, state)
                   VALUES ($1, $2, $3, $4, $5, $6, 'pending') ON CONFLICT (person, key) DO NOTHING""",
                *(uuid.uuid4(), person, key, fingerprint, sku, quantity),
            )
            leased = await connection.fetchrow(
                """UPDATE payment.payment
                   SET holder = $3, lease = now() + make_interval(secs => $4), touched = now()
                   WHERE person = $1 AND key = $2 AND fingerprint = $5 AND state = 'pending'
                     AND (lease IS NULL OR lease < now()) RETURNING *""",
                *(person, key, self.holder, LEASE, fingerprint),
            )
            if leased:
                return _read(leased), True
            row = await connection.fetchrow(
                "SELECT * FROM payment.payment WHERE person = $1 AND key = $2", *(person, key)
            )
            assert row
            return _read(row), False

    async def accept(
        self, payment: Payment, merchant: str, amount: int, fee: int, answer: dict[str, Any]
    ) -> bool:
        """Write the first answer; False where it was taken from us meanwhile."""
        found = await self._store.row(
            """UPDATE payment.payment
               SET state = 'accepted', lease = NULL, holder = NULL, touched = now(),
                   merchant = $3, amount = $4, fee = $5, status = 201, answer = $6
               WHERE id = $1 AND holder = $2 AND state = 'pending' RETURNING id""",
            *(payment.id, self.holder, merchant, amount, fee, json.dumps(answer)),
        )
        return found is not None

    async def refuse(self, payment: Payment, status: int, answer: dict[str, Any]) -> bool:
        """Write a final no; the worker takes back what was begun. False as for accept."""
        found = await self._store.row(
            """UPDATE payment.payment
               SET state = 'undoing', lease = NULL, holder = NULL, touched = now(),
                   status = $3, answer = $4
               WHERE id = $1 AND holder = $2 AND state = 'pending' RETURNING id""",
            *(payment.id, self.holder, status, json.dumps(answer)),
        )
        return found is not None

    async def let_go(self, payment: Payment, pause: float = 0) -> None:
        """Give the lease back, so that somebody carries on, after a pause."""
        await self._store.row(
            """UPDATE payment.payment
               SET holder = NULL, lease = now() + make_interval(secs => $3), touched = now()
               WHERE id = $1 AND holder = $2""",
            *(payment.id, self.holder, pause),
        )

    async def work(self, most: int, pending_timeout: float) -> list[Payment]:
        """Payments for the worker, leased to it. A pending one that was left alone becomes one to undo."""
        gone = {"reason": "given_up", "message": "Nobody came back for it, so it was taken back."}
        rows = await self._store.rows(
            """UPDATE payment.payment AS p
               SET holder = $1, lease = now() + make_interval(secs => $2),
                   answer = CASE p.state WHEN 'pending' THEN $5 ELSE p.answer END,
                   status = CASE p.state WHEN 'pending' THEN 410 ELSE p.status END,
                   state = CASE p.state WHEN 'pending' THEN 'undoing' ELSE p.state END
               WHERE id IN (
                 SELECT id FROM payment.payment
                 WHERE state IN ('accepted', 'undoing', 'pending') AND (lease IS NULL OR lease < now())
                   AND (state <> 'pending' OR touched < now() - make_interval(secs => $4))
                 ORDER BY touched LIMIT $3 FOR UPDATE SKIP LOCKED)
               RETURNING *""",
            *(self.holder, LEASE, most, pending_timeout, json.dumps(gone)),
        )
        return [_read(row) for row in rows]

    async def close(self, payment: Payment, state: str) -> None:
        """Write the worker's result: settled or refused."""
        await self._store.row(
            """UPDATE payment.payment SET state = $3, lease = NULL, holder = NULL, touched = now()
               WHERE id = $1 AND holder = $2""",
            *(payment.id, self.holder, state),
        )

    async def put_off(self, payment: Payment) -> None:
        """Try again a little later."""
        await self.let_go(payment, _PAUSE)

    async def find(self, person: str, payment: uuid.UUID) -> Payment | None:
        """A person's payment."""
        row = await self._store.row(
            "SELECT * FROM payment.payment WHERE id = $1 AND person = $2", *(payment, person)
        )
        return _read(row) if row else None

    async def counts(self) -> dict[str, int]:
        """How many payments are in which state."""
        rows = await self._store.rows("SELECT state, count(*) FROM payment.payment GROUP BY state")
        return {row["state"]: row["count"] for row in rows}
