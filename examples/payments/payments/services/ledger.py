"""Double entry: a posting's entries and the balances of its accounts in one transaction.

A key is posted once. What was voided stays so: a posting that comes after its void is refused.
"""

from __future__ import annotations

from typing import Any

import asyncpg
from aiohttp import web

from payments.errors import RefusedError
from payments.store import Connection
from payments.web import Runtime, answer, body_of, runtime_of

Balances = list[tuple[str, int, int]]


async def _enter(connection: Connection, key: str, entries: list[tuple[str, int]]) -> Balances:
    """Write entries and balances; accounts in one order everywhere, so that nobody waits in a circle."""
    balances = []
    for account, amount in sorted(entries):
        found = await connection.fetchrow(
            """UPDATE finance.account SET balance = balance + $2, version = version + 1
               WHERE id = $1 RETURNING balance, version""",
            *(account, amount),
        )
        if not found:
            raise RefusedError(409, "no_account", f"There is no account {account}.")
        balances.append((account, found["balance"], found["version"]))
    await connection.executemany(
        "INSERT INTO finance.entry (posting, account, amount) VALUES ($1, $2, $3)",
        [(key, account, amount) for account, amount in entries],
    )
    return balances


async def _claim(connection: Connection, key: str, kind: str) -> bool:
    """Whether a key was free; waits for whoever is about to take it."""
    taken = await connection.fetchval(
        "INSERT INTO finance.posting (key, kind) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING key",
        *(key, kind),
    )
    return taken is not None


async def _entries_of(connection: Connection, key: str) -> list[tuple[str, int]]:
    found = await connection.fetch(
        "SELECT account, amount FROM finance.entry WHERE posting = $1", key
    )
    return sorted((row["account"], row["amount"]) for row in found)


def _read(given: list[Any]) -> list[tuple[str, int]]:
    try:
        entries = sorted((str(entry["account"]), entry["amount"]) for entry in given)
    except (KeyError, TypeError) as error:
        raise RefusedError(400, "bad_field", "Each entry has account and amount.") from error
    if not all(type(amount) is int and amount for _account, amount in entries):
        raise RefusedError(400, "bad_field", "An amount is a number of cents, and not 0.")
    if len({account for account, _amount in entries}) < len(entries):
        raise RefusedError(400, "bad_field", "An account has one entry in a posting.")
    if not entries or sum(amount for _account, amount in entries):
        raise RefusedError(422, "unbalanced", "The sum of a posting's entries is 0.")
    return entries


async def _post(request: web.Request) -> web.StreamResponse:
    asked = await body_of(request, key=str, kind=str, entries=list)
    key, entries, balances = asked["key"], _read(asked["entries"]), []
    try:
        async with runtime_of(request).store.transaction() as connection:
            if fresh := await _claim(connection, key, asked["kind"]):
                balances = await _enter(connection, key, entries)
            elif await _entries_of(connection, key) != entries:
                # A void's mark has no entries.
                raise RefusedError(409, "key_taken", f"{key} has been voided or posted otherwise.")
    except asyncpg.CheckViolationError as error:
        raise RefusedError(402, "no_funds", "The account has not got as much.") from error
    await _write_through(request, balances)
    return answer({"key": key, "fresh": fresh}, 201 if fresh else 200)


async def _void(request: web.Request) -> web.StreamResponse:
    key, balances = request.match_info["key"], []
    async with runtime_of(request).store.transaction() as connection:
        if not await _claim(connection, key, "void"):
            entries = await _entries_of(connection, key)
            if entries and await _claim(connection, f"{key}:void", "void"):
                back = [(account, -amount) for account, amount in entries]
                balances = await _enter(connection, f"{key}:void", back)
    await _write_through(request, balances)
    return answer({"key": key, "returned": bool(balances)})


async def _write_through(request: web.Request, balances: Balances) -> None:
    for account, balance, version in balances:
        await runtime_of(request).cache.write_balance(account, balance, version)


async def _balance(request: web.Request) -> web.StreamResponse:
    runtime, account = runtime_of(request), request.match_info["account"]
    if cached := await runtime.cache.balance(account):
        return answer({"account": account, "balance": cached["balance"], "cached": True})
    found = await runtime.store.row(
        "SELECT balance, version FROM finance.account WHERE id = $1", account
    )
    if not found:
        raise RefusedError(404, "no_account", f"There is no account {account}.")
    await runtime.cache.write_balance(account, found["balance"], found["version"])
    return answer({"account": account, "balance": found["balance"], "cached": False})


async def _check(request: web.Request) -> web.StreamResponse:
    """What an auditor asks: is the sum 0, is each posting's, are the balances what the entries say."""
    found = await runtime_of(request).store.row(
        """SELECT (SELECT count(*) FROM finance.posting) AS postings,
                  (SELECT coalesce(sum(amount), 0)::bigint FROM finance.entry) AS sum,
                  (SELECT count(*) FROM (SELECT 1 FROM finance.entry GROUP BY posting
                                         HAVING sum(amount) <> 0) AS one) AS unbalanced,
                  (SELECT count(*) FROM finance.account AS a WHERE balance <>
                     (SELECT coalesce(sum(amount), 0) FROM finance.entry WHERE account = a.id)) AS drifted"""
    )
    assert found
    return answer(dict(found))


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    base = "/v1/api/ledger"
    app.router.add_post(f"{base}/postings", _post)
    app.router.add_post(f"{base}/postings/{{key}}/void", _void)
    app.router.add_get(f"{base}/balances/{{account}}", _balance)
    app.router.add_get(f"{base}/check", _check)
