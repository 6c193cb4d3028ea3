"""Which accounts a payment moves money between. The ledger does it."""

from __future__ import annotations

from aiohttp import web

from payments.errors import RefusedError
from payments.web import Runtime, answer, body_of, id_of, runtime_of

#: Money that has left the payer and not yet reached anybody.
CLEARING, FEES = "clearing", "fees"


def legs(kind: str, person: str, merchant: str, amount: int, fee: int) -> list[dict[str, object]]:
    """The entries of one step; each step's sum is 0.

    hold: from the payer to clearing. settle: from clearing to the merchant, less the fee.
    """
    moves = {
        "hold": {person: -amount, CLEARING: amount},
        "settle": {CLEARING: -amount, merchant: amount - fee, FEES: fee},
    }[kind]
    return [{"account": account, "amount": part} for account, part in moves.items() if part]


async def _transfer(request: web.Request) -> web.StreamResponse:
    runtime = runtime_of(request)
    kind = request.match_info["kind"]
    texts, numbers = ("payment", "person", "merchant"), ("amount", "fee")
    asked = await body_of(request, **dict.fromkeys(texts, str), **dict.fromkeys(numbers, int))
    payment, amount, fee = id_of(asked["payment"]), asked["amount"], asked["fee"]
    if not 0 <= fee <= amount or amount <= 0 or asked["person"] == asked["merchant"]:
        raise RefusedError(400, "bad_field", "0 <= fee <= amount, from one account to another.")
    closed = await runtime.store.rows(
        """SELECT wanted FROM unnest($1::text[]) AS wanted
           LEFT JOIN finance.account ON id = wanted AND NOT closed WHERE id IS NULL""",
        [asked["person"], asked["merchant"]],
    )
    if closed:
        names = ", ".join(found["wanted"] for found in closed)
        raise RefusedError(409, "no_account", f"No open account: {names}.")
    entries = legs(kind, asked["person"], asked["merchant"], amount, fee)
    posting = {"key": f"{payment}:{kind}", "kind": kind, "entries": entries}
    return answer(await runtime.peers.post("ledger", "/postings", posting), 201)


async def _void(request: web.Request) -> web.StreamResponse:
    payment = id_of(request.match_info["payment"])
    path = f"/postings/{payment}:hold/void"
    return answer(await runtime_of(request).peers.post("ledger", path, {}))


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    app.router.add_post("/v1/api/finance/transfers/{kind:hold|settle}", _transfer)
    app.router.add_post("/v1/api/finance/transfers/{payment}/void", _void)
