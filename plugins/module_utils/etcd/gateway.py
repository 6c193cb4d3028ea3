# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""etcd v3 through its JSON gateway (``/v3``, etcd 3.4 and later).

Keys and values travel as base64, as the gateway's mapping of bytes demands.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    HttpClient,
    HttpError,
    Outcome,
    Request,
    Response,
)


class EtcdError(Exception):
    """etcd did not do what was asked. The message names the call and etcd's own words.

    ``passing``: no answer, or that of a server without a leader; another try may hold.
    """

    def __init__(self, message: str, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


@dataclass(frozen=True)
class Comparison:
    """Holds where the key's value equals ``value``; a missing key equals nothing."""

    key: str
    value: str


@dataclass(frozen=True)
class Transaction:
    """All comparisons hold: delete and put; else read ``otherwise``. Atomic."""

    compare: tuple[Comparison, ...]
    delete: tuple[str, ...] = ()
    put: tuple[tuple[str, str], ...] = ()
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransactionResult:
    """Whether the comparisons held, and what the keys of ``otherwise`` hold where they did not."""

    succeeded: bool
    values: Mapping[str, str] = field(default_factory=dict)


def encode(text: str) -> str:
    """Text as the gateway wants bytes."""
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def decode(text: str) -> str:
    """The gateway's bytes as text."""
    return base64.b64decode(text).decode("utf-8", "replace")


def transaction_body(transaction: Transaction) -> dict[str, Any]:
    """The body of ``/v3/kv/txn``."""
    deletes = [{"requestDeleteRange": {"key": encode(key)}} for key in transaction.delete]
    puts = [
        {"requestPut": {"key": encode(key), "value": encode(value)}}
        for key, value in transaction.put
    ]
    return {
        "compare": [
            {
                "key": encode(item.key),
                "target": "VALUE",
                "result": "EQUAL",
                "value": encode(item.value),
            }
            for item in transaction.compare
        ],
        "success": deletes + puts,
        "failure": [{"requestRange": {"key": encode(key)}} for key in transaction.otherwise],
    }


def parse_transaction(document: Mapping[str, Any]) -> TransactionResult:
    """The gateway's answer; it leaves out what is false or empty."""
    values: dict[str, str] = {}
    for part in document.get("responses") or []:
        values.update(parse_range(part.get("response_range") or part.get("responseRange") or {}))
    return TransactionResult(bool(document.get("succeeded")), values)


def parse_range(document: Mapping[str, Any]) -> dict[str, str]:
    """Keys and values of a range answer."""
    return {
        decode(str(item["key"])): decode(str(item.get("value") or ""))
        for item in document.get("kvs") or []
    }


class EtcdGateway:
    """A cluster known by its client URLs; all are tried at once and the first to answer serves.

    ``http`` carries CA and client certificate; user and password become a token. Every
    method raises ``EtcdError``.
    """

    def __init__(
        self,
        http: HttpClient,
        endpoints: Sequence[str],
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        if not endpoints:
            raise EtcdError("No endpoint of etcd was given.")
        self._http = http
        self._endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self._username = username
        self._password = password
        self._token: str | None = None

    def connect(self) -> None:
        """Find an endpoint that serves, and authenticate where a user is given."""
        if self._username is None:
            self._ask("/v3/maintenance/status", {}, "status")
            return
        body = {"name": self._username, "password": self._password or ""}
        document = self._ask("/v3/auth/authenticate", body, "authenticate")
        self._token = str(document.get("token") or "")

    def get(self, key: str) -> str | None:
        """The key's value, linearizable; ``None`` where there is no key."""
        return parse_range(self._ask("/v3/kv/range", {"key": encode(key)}, "range")).get(key)

    def commit(self, transaction: Transaction) -> TransactionResult:
        """Run a transaction."""
        return parse_transaction(self._ask("/v3/kv/txn", transaction_body(transaction), "txn"))

    def _ask(self, path: str, body: Mapping[str, Any], verb: str) -> Mapping[str, Any]:
        headers = (("Authorization", self._token),) if self._token else ()
        requests = [
            Request(endpoint + path, "POST", dict(body), headers=headers)
            for endpoint in self._endpoints
        ]
        outcome = self._http.first(requests) if len(requests) > 1 else self._one(requests[0])
        if isinstance(outcome, HttpError):
            raise EtcdError(f"etcd {verb}: {outcome}", passing=True)
        document = outcome.json
        if not outcome.ok or not isinstance(document, dict):
            raise EtcdError(
                f"etcd {verb} at {outcome.url}: status {outcome.status}: {words(outcome)}",
                passing=outcome.status >= 500,
            )
        # Stay there: a transaction must not be sent to several members at once.
        self._endpoints = [outcome.url[: -len(path)]]
        return document

    def _one(self, request: Request) -> Outcome:
        try:
            return self._http.send(request)
        except HttpError as error:
            return error


def words(response: Response) -> str:
    """etcd's own words in an answer that refuses."""
    document = response.json
    if isinstance(document, dict):
        return str(document.get("message") or document.get("error") or response.text).strip()
    return response.text.strip()
