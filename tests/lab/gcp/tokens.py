"""Access tokens: who has which, until when; and what mints them."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from tests.lab.gcp.errors import ApiError

Body = dict[str, Any]
DEFAULT_ACCOUNT = "emulator@project-0-devops.iam.gserviceaccount.com"


@dataclass
class _Token:
    email: str
    until: float


class Tokens:
    """Tokens that were issued. Only these open anything."""

    def __init__(self, static: str) -> None:
        self.static = static
        self.static_valid = True
        self.issued: dict[str, _Token] = {}

    def issue(self, email: str, seconds: float = 3600.0) -> str:
        """Make a token for an account."""
        token = "ya29." + secrets.token_urlsafe(24)
        self.issued[token] = _Token(email, time.time() + seconds)
        return token

    def expire(self) -> None:
        """Let all tokens be expired, also the one of the environment; new ones are good."""
        self.static_valid = False
        for token in self.issued.values():
            token.until = 0.0

    def renew(self) -> None:
        """Let the environment's token be good again."""
        self.static_valid = True

    def user(self, authorization: str) -> str:
        """Give the account of a request; refuse one without a good token."""
        kind, _, token = authorization.partition(" ")
        if not token or kind.lower() != "bearer":
            words = "Request is missing required authentication credential. Expected OAuth 2 access"
            words += " token, login cookie or other valid authentication credential."
            raise ApiError(401, "required", words, "UNAUTHENTICATED")
        if token == self.static and self.static_valid:
            return DEFAULT_ACCOUNT
        known = self.issued.get(token)
        if known is None or known.until <= time.time():
            words = "Request had invalid authentication credentials. Expected OAuth 2 access token,"
            words += " login cookie or other valid authentication credential."
            raise ApiError(401, "authError", words, "UNAUTHENTICATED")
        return known.email

    def grant(self, form: dict[str, str], expired: bool = False) -> tuple[int, Body]:
        """Answer oauth2.googleapis.com/token: (status, body)."""
        email = _email_of(form)
        if email is None:
            words = f"Unsupported grant type: {form.get('grant_type')}"
            return 400, {"error": "unsupported_grant_type", "error_description": words}
        lifetime = 0 if expired else 3599
        return 200, {
            "access_token": self.issue(email, 3600.0),
            "token_type": "Bearer",
            "expires_in": lifetime or 3599,
        }

    def exchange(self, form: dict[str, str]) -> tuple[int, Body]:
        """Answer sts.googleapis.com/v1/token: workload identity federation."""
        if not form.get("subject_token") and not form.get("subjectToken"):
            return 400, {"error": "invalid_request", "error_description": "Missing subject_token"}
        audience = form.get("audience", "pool")
        return 200, {
            "access_token": self.issue(f"principal:{audience}"),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 3599,
        }


def _email_of(form: dict[str, str]) -> str | None:
    kind = form.get("grant_type", "")
    if kind == "urn:ietf:params:oauth:grant-type:jwt-bearer":
        claims = _claims(form.get("assertion", ""))
        return str(claims.get("iss", "")) or None
    if kind == "refresh_token" and form.get("refresh_token"):
        return "user@example.com"
    return None


def _claims(token: str) -> Body:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
