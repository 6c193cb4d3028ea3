"""Stock, and what is reserved of it. What was released stays so, even if the reservation comes late."""

from __future__ import annotations

import asyncpg
from aiohttp import web

from payments.errors import RefusedError
from payments.web import Runtime, answer, body_of, id_of, runtime_of


async def _reserve(request: web.Request) -> web.StreamResponse:
    asked = await body_of(request, payment=str, sku=str, quantity=int)
    payment, sku, quantity = id_of(asked["payment"]), asked["sku"], asked["quantity"]
    try:
        async with runtime_of(request).store.transaction() as connection:
            fresh = await connection.fetchval(
                """INSERT INTO inventory.reservation (payment, sku, quantity, state)
                   VALUES ($1, $2, $3, 'held') ON CONFLICT (payment) DO NOTHING RETURNING state""",
                *(payment, sku, quantity),
            )
            if fresh:
                await connection.execute(
                    "UPDATE inventory.stock SET available = available - $2 WHERE sku = $1",
                    *(sku, quantity),
                )
            state = await connection.fetchval(
                "SELECT state FROM inventory.reservation WHERE payment = $1", payment
            )
    except (asyncpg.CheckViolationError, asyncpg.ForeignKeyViolationError) as error:
        raise RefusedError(409, "out_of_stock", f"There are not {quantity} of {sku}.") from error
    if state == "released":
        raise RefusedError(409, "released", "This reservation has been released.")
    return answer({"payment": str(payment), "state": state}, 201)


async def _sell(request: web.Request) -> web.StreamResponse:
    payment = id_of(request.match_info["payment"])
    found = await runtime_of(request).store.row(
        """UPDATE inventory.reservation SET state = 'sold'
           WHERE payment = $1 AND state IN ('held', 'sold') RETURNING state""",
        payment,
    )
    if not found:
        raise RefusedError(409, "reservation_state", f"{payment} has nothing that can be sold.")
    return answer({"payment": str(payment), "state": "sold"})


async def _release(request: web.Request) -> web.StreamResponse:
    payment = id_of(request.match_info["payment"])
    async with runtime_of(request).store.transaction() as connection:
        # The mark that a reservation which is still on its way comes too late.
        await connection.execute(
            """INSERT INTO inventory.reservation (payment, state) VALUES ($1, 'released')
               ON CONFLICT (payment) DO NOTHING""",
            payment,
        )
        freed = await connection.fetchrow(
            """UPDATE inventory.reservation SET state = 'released'
               WHERE payment = $1 AND state = 'held' RETURNING sku, quantity""",
            payment,
        )
        if freed:
            await connection.execute(
                "UPDATE inventory.stock SET available = available + $2 WHERE sku = $1",
                *(freed["sku"], freed["quantity"]),
            )
        state = await connection.fetchval(
            "SELECT state FROM inventory.reservation WHERE payment = $1", payment
        )
    if state != "released":
        raise RefusedError(409, "reservation_state", f"What {payment} reserved is sold.")
    return answer({"payment": str(payment), "state": state})


async def _stock(request: web.Request) -> web.StreamResponse:
    found = await runtime_of(request).store.row(
        "SELECT sku, available FROM inventory.stock WHERE sku = $1", request.match_info["sku"]
    )
    if not found:
        raise RefusedError(404, "no_product", "There is no such stock.")
    return answer(dict(found))


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    base = "/v1/api/inventory"
    app.router.add_get(f"{base}/stock/{{sku}}", _stock)
    app.router.add_post(f"{base}/reservations", _reserve)
    app.router.add_post(f"{base}/reservations/{{payment}}/sold", _sell)
    app.router.add_post(f"{base}/reservations/{{payment}}/released", _release)
