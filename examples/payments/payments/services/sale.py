"""Orders, one a payment. What was cancelled stays so, even if the order comes late."""

from __future__ import annotations

from aiohttp import web

from payments.errors import RefusedError
from payments.web import Runtime, answer, body_of, id_of, runtime_of

#: An order moves on from "open" once; asking for the state that it has changes nothing.
_MOVES = {"paid": "open", "cancelled": "open"}


async def _order(request: web.Request) -> web.StreamResponse:
    asked = await body_of(request, payment=str, person=str, sku=str, quantity=int, amount=int)
    async with runtime_of(request).store.transaction() as connection:
        payment = id_of(asked["payment"])
        await connection.execute(
            """INSERT INTO sale.purchase (payment, person, sku, quantity, amount, state)
               VALUES ($1, $2, $3, $4, $5, 'open') ON CONFLICT (payment) DO NOTHING""",
            *(payment, asked["person"], asked["sku"], asked["quantity"], asked["amount"]),
        )
        state = await connection.fetchval(
            "SELECT state FROM sale.purchase WHERE payment = $1", payment
        )
    if state == "cancelled":
        raise RefusedError(409, "cancelled", "This order has been cancelled.")
    return answer({"payment": asked["payment"], "state": state}, 201)


async def _move(request: web.Request) -> web.StreamResponse:
    payment, state = id_of(request.match_info["payment"]), request.match_info["state"]
    async with runtime_of(request).store.transaction() as connection:
        if state == "cancelled":
            # The mark that an order which is still on its way comes too late.
            await connection.execute(
                """INSERT INTO sale.purchase (payment, state) VALUES ($1, 'cancelled')
                   ON CONFLICT (payment) DO NOTHING""",
                payment,
            )
        found = await connection.fetchval(
            """UPDATE sale.purchase SET state = $2 WHERE payment = $1 AND state IN ($2, $3)
               RETURNING state""",
            *(payment, state, _MOVES[state]),
        )
    if not found:
        raise RefusedError(409, "order_state", f"The order of {payment} cannot become {state}.")
    return answer({"payment": str(payment), "state": state})


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    app.router.add_post("/v1/api/sale/orders", _order)
    app.router.add_post("/v1/api/sale/orders/{payment}/{state:paid|cancelled}", _move)
