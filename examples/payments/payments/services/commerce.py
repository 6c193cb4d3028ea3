"""What is sold, and by whom."""

from __future__ import annotations

from aiohttp import web

from payments.errors import RefusedError
from payments.web import Runtime, answer, runtime_of


async def _product(request: web.Request) -> web.StreamResponse:
    sku = request.match_info["sku"]
    found = await runtime_of(request).store.row(
        "SELECT sku, name, price, merchant FROM commerce.product WHERE sku = $1", sku
    )
    if not found:
        raise RefusedError(404, "no_product", f"There is no product {sku}.")
    return answer(dict(found))


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    app.router.add_get("/v1/api/commerce/products/{sku}", _product)
