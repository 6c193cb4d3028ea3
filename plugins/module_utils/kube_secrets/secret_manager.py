# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values out of Google Secret Manager: one request a version, all of them at once.

google.cloud's own lookup is not used: with ``-vvv`` it prints token and value, and it takes neither an
endpoint nor more than one secret at a time.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    HttpClient,
    HttpError,
    Outcome,
    Request,
    Response,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    MissingError,
)

IMPORT_ERROR: Exception | None = None
try:
    import google.auth
    import google.auth.exceptions
    import google.auth.transport.requests
    from google.oauth2 import service_account
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ENDPOINT = "https://secretmanager.googleapis.com"
#: Answers after which the same request may succeed, tries in all, and seconds before the second.
_RETRIED = frozenset((429, 500, 502, 503, 504))
_TRIES = 3
_PAUSE = 0.5
#: Requests in flight.
_AT_ONCE = 32

Fetched = Mapping[str, Union[bytes, MissingError]]


@dataclass(frozen=True)
class Access:
    """Who asks, and where. Without ``token`` it is a service account's key file, or what google-auth finds."""

    endpoint: str = ""
    credentials: str | None = None
    token: str | None = field(default=None, repr=False)
    timeout: float = 30.0


def fetch(resources: Collection[str], access: Access) -> Fetched:
    """Ask for versions by their full names; each is a value or what is missing.

    Raises ``MissingError`` (``no_google_credentials``) where nobody is there to ask.
    """
    if not resources:
        return {}
    token = access.token or _token(access)
    client = HttpClient(
        headers={"Authorization": f"Bearer {token}"}, timeout=access.timeout, use_proxy=True
    )
    found: dict[str, bytes | MissingError] = {}
    waiting = sorted(set(resources))
    for attempt in range(1, _TRIES + 1):
        answers = _ask(client, [Request(_url(name, access.endpoint)) for name in waiting])
        again = []
        for name, answer in zip(waiting, answers):
            if attempt < _TRIES and _may_pass(answer):
                again.append(name)
            else:
                found[name] = _content(name, answer)
        if not again:
            break
        waiting = again
        time.sleep(_PAUSE * 2 ** (attempt - 1))
    return found


def _ask(client: HttpClient, requests: list[Request]) -> list[Outcome]:
    """Send all requests, some at a time."""
    return [
        answer
        for start in range(0, len(requests), _AT_ONCE)
        for answer in client.gather(requests[start : start + _AT_ONCE])
    ]


def _url(name: str, endpoint: str) -> str:
    """Secrets of one region are served by that region."""
    parts = name.split("/")
    if not endpoint and parts[2] == "locations":
        endpoint = f"https://secretmanager.{parts[3]}.rep.googleapis.com"
    return f"{(endpoint or ENDPOINT).rstrip('/')}/v1/{name}:access"


def _token(access: Access) -> str:
    try:
        if access.credentials:
            credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                access.credentials, scopes=[SCOPE]
            )
        else:
            credentials, _project = google.auth.default(scopes=[SCOPE])
        credentials.refresh(google.auth.transport.requests.Request())
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
        place = access.credentials or "the default credentials of Google Cloud"
        raise MissingError(
            "no_google_credentials",
            f"Secret Manager cannot be asked with {place}: {error}",
            "Name a service account's key file, log in with gcloud auth application-default login, or give a token",
        ) from error
    return str(credentials.token)


def _may_pass(answer: Outcome) -> bool:
    return isinstance(answer, HttpError) or answer.status in _RETRIED


def _content(name: str, answer: Outcome) -> bytes | MissingError:
    if isinstance(answer, HttpError):
        return MissingError(
            "unreachable",
            f"Secret Manager does not answer: {answer}",
            "Look at the network between here and Google, and at the proxy's variables",
        )
    if not answer.ok:
        return _refusal(name, answer)
    payload = (answer.json or {}).get("payload") if isinstance(answer.json, dict) else None
    try:
        return base64.b64decode((payload or {})["data"], validate=True)
    except (KeyError, TypeError, ValueError):
        return MissingError(
            "unreachable",
            f"{answer.url} answered what is no version of a secret",
            "Is this the endpoint of Secret Manager?",
        )


def _refusal(name: str, answer: Response) -> MissingError:
    body: Any = answer.json
    said = (body.get("error") or {}).get("message") if isinstance(body, dict) else None
    what = f"Secret Manager's answer for {name} is {answer.status}: {said or answer.text[:200]}"
    ways = {
        401: "Log in again, or name other credentials",
        403: "Give who asks the role roles/secretmanager.secretAccessor on this secret",
        404: "Create the secret and a version of it, or correct the name",
    }
    reason = {401: "unauthorized", 403: "forbidden"}.get(answer.status, "missing_value")
    return MissingError(
        reason, what, ways.get(answer.status, "Enable the version, or name another one")
    )
