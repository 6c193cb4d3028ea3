"""What an order costs: promotions of products, and the fee."""

from __future__ import annotations

from aiohttp import web

from payments.errors import RefusedError
from payments.web import Runtime, answer, runtime_of


def price(amount: int, percent: int, basis_points: int, least: int) -> tuple[int, int]:
    """What is paid and the fee in it, in cents; both are rounded down."""
    paid = amount * (100 - percent) // 100
    return paid, min(paid, max(least, paid * basis_points // 10_000))


async def _quote(request: web.Request) -> web.StreamResponse:
    sku, text = request.query.get("sku", ""), request.query.get("amount", "")
    if not text.isdecimal() or not 0 < int(text) < 10**12:
        raise RefusedError(400, "bad_field", "amount has to be a positive number of cents.")
    found = await runtime_of(request).store.row(
        """SELECT basis_points, least,
                  coalesce((SELECT percent FROM pricing.promotion WHERE sku = $1), 0) AS percent
           FROM pricing.fare WHERE kind = 'payment'""",
        sku,
    )
    if not found:
        raise RefusedError(409, "no_fare", "There is no fare for payments.")
    amount, fee = price(int(text), found["percent"], found["basis_points"], found["least"])
    return answer({"amount": amount, "fee": fee})


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    app.router.add_get("/v1/api/pricing/quote", _quote)
