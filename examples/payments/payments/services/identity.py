"""Who somebody is: tokens (JWT, HS256) for persons of its table.

All persons of the example share one password, which the environment gives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from aiohttp import web

from payments.errors import RefusedError
from payments.web import Runtime, answer, body_of, runtime_of

_LIFE = 3600


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _sign(text: str, secret: str) -> str:
    return _encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def issue(person: str, role: str, secret: str) -> str:
    """A token that holds for an hour."""
    head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = {"sub": person, "role": role, "exp": int(time.time()) + _LIFE}
    text = f"{head}.{_encode(json.dumps(claims).encode())}"
    return f"{text}.{_sign(text, secret)}"


def verify(token: str, secret: str) -> dict[str, Any]:
    """The claims of a token. Raises RefusedError (401)."""
    text, _, signature = token.rpartition(".")
    if not text or not hmac.compare_digest(signature, _sign(text, secret)):
        raise RefusedError(401, "bad_token", "The token is not one of identity's.")
    claims: dict[str, Any] = json.loads(_decode(text.split(".")[1]))
    if claims["exp"] < time.time():
        raise RefusedError(401, "expired_token", "The token has expired.")
    return claims


async def _tokens(request: web.Request) -> web.StreamResponse:
    runtime = runtime_of(request)
    asked = await body_of(request, person=str, password=str)
    settings = runtime.settings
    found = await runtime.store.row(
        "SELECT role FROM identity.person WHERE id = $1", asked["person"]
    )
    known = hmac.compare_digest(asked["password"].encode(), settings.password.encode())
    if not found or not known or not settings.password:
        raise RefusedError(401, "who", "No such person with this password.")
    return answer({"token": issue(asked["person"], found["role"], settings.secret)})


async def _me(request: web.Request) -> web.StreamResponse:
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not runtime.settings.secret:
        raise RefusedError(401, "no_token", "Authorization: Bearer is missing.")
    person = verify(token.strip(), runtime.settings.secret)["sub"]
    found = await runtime.store.row("SELECT role FROM identity.person WHERE id = $1", person)
    if not found:
        raise RefusedError(401, "who", "This person is not known any more.")
    return answer({"person": person, "role": found["role"]})


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    app.router.add_post("/v1/api/identity/tokens", _tokens)
    app.router.add_get("/v1/api/identity/me", _me)
