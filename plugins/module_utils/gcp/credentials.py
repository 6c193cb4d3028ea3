# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who calls: an access token, or google-auth's credentials with one renewal at a time."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError

APPLICATION, SERVICE_ACCOUNT, MACHINE, TOKEN = (
    "application",
    "serviceaccount",
    "machineaccount",
    "accesstoken",
)
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
#: What Google wants before the address of an account on the way to another.
_ACCOUNTS = "projects/-/serviceAccounts/"
#: Seconds for which an impersonated token holds.
_LIFETIME = 3600
#: Tries to get a token, and seconds of the first pause, which doubles.
_TRIES = 4
_PAUSE = 0.5
#: Statuses in what google-auth says of an answer that may be another one a moment later.
_BUSY = re.compile(r"\b(?:429|500|502|503|504|UNAVAILABLE)\b")


@dataclass(frozen=True)
class Account:
    """How the module was told to call."""

    kind: str = APPLICATION
    file: str | None = None
    contents: Any = None
    email: str | None = None
    token: str | None = None
    impersonate: Sequence[str] = ()
    scopes: Sequence[str] = SCOPES
    quota_project: str | None = None

    def __repr__(self) -> str:
        return f"Account({self.kind})"


class Tokens:
    """The token of the moment. Blocking calls of google-auth run in a thread, so that requests go on."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._credentials: Any = None
        self._lock: asyncio.Lock | None = None
        self._fixed = account.token if account.kind == TOKEN and not account.impersonate else None
        self.headers: Mapping[str, str] = {}
        if account.quota_project:
            self.headers = {"x-goog-user-project": account.quota_project}

    async def get(self) -> str:
        """The token. Raises ``GcpError`` (``no_credentials``, ``unauthorized``)."""
        if self._fixed is not None:
            return self._fixed
        if self._credentials is None or not self._credentials.valid:
            async with self._locked():
                if self._credentials is None or not self._credentials.valid:
                    await self._refresh()
        return str(self._credentials.token)

    async def renew(self, old: str) -> bool:
        """Get another token than one that was refused; of many who ask at once only the first calls."""
        if self._fixed is not None:
            return False
        async with self._locked():
            if str(self._credentials.token) == old:
                await self._refresh()
        return str(self._credentials.token) != old

    def _locked(self) -> asyncio.Lock:
        if self._lock is None:  # made where a loop runs, as Python 3.9 wants it
            self._lock = asyncio.Lock()
        return self._lock

    async def _refresh(self) -> None:
        """Get a token; again where Google could not be reached or was busy, as requests are sent again."""
        loop = asyncio.get_running_loop()
        for attempt in range(1, _TRIES + 1):
            try:
                await loop.run_in_executor(None, self._refreshed)
                return
            except GcpError as error:
                if attempt == _TRIES or not _passes(error.__cause__):
                    raise
            await asyncio.sleep(_PAUSE * 2 ** (attempt - 1))

    def _refreshed(self) -> None:
        try:
            from google.auth import exceptions
            from google.auth.transport.requests import Request
        except ImportError as error:
            raise GcpError(
                "missing_library",
                f"google-auth is not there ({error}); install it (pip install google-auth requests).",
            ) from error
        try:
            if self._credentials is None:
                self._credentials = _load(self._account)
            self._credentials.refresh(Request())
        except exceptions.DefaultCredentialsError as error:
            raise GcpError("no_credentials", _no_credentials(self._account, error)) from error
        except exceptions.GoogleAuthError as error:
            raise GcpError("unauthorized", _refused(self._account, error)) from error
        except (OSError, ValueError) as error:
            raise GcpError("no_credentials", _no_credentials(self._account, error)) from error
        quota = getattr(self._credentials, "quota_project_id", None)
        if quota and not self.headers:
            self.headers = {"x-goog-user-project": quota}


def _load(account: Account) -> Any:
    """The credentials of google-auth for an account, impersonation included."""
    source = _source(account)
    if not account.impersonate:
        return source
    from google.auth import impersonated_credentials

    *delegates, target = account.impersonate
    return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=source,
        target_principal=target,
        target_scopes=list(account.scopes),
        delegates=[each if "/" in each else f"{_ACCOUNTS}{each}" for each in delegates],
        lifetime=_LIFETIME,
        quota_project_id=account.quota_project,
    )


def _source(account: Account) -> Any:
    scopes = list(account.scopes)
    if account.kind == TOKEN:
        from google.oauth2.credentials import Credentials

        return Credentials(account.token)  # type: ignore[no-untyped-call]
    if account.kind == SERVICE_ACCOUNT:
        from google.oauth2 import service_account

        if account.file:
            return service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                account.file, scopes=scopes
            )
        contents = account.contents
        info = json.loads(contents) if isinstance(contents, str) else contents
        return service_account.Credentials.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]
    if account.kind == MACHINE:
        from google.auth import compute_engine

        return compute_engine.Credentials(account.email or "default", scopes=scopes)  # type: ignore[no-untyped-call]
    import google.auth

    return google.auth.default(scopes=scopes)[0]


def _passes(error: BaseException | None) -> bool:
    """Whether what google-auth says may be otherwise a moment later."""
    if getattr(error, "retryable", False):
        return True
    return error is not None and _BUSY.search(str(error)) is not None


def _no_credentials(account: Account, error: BaseException) -> str:
    ways = {
        APPLICATION: "Log in (gcloud auth application-default login), or set GOOGLE_APPLICATION_CREDENTIALS to a file "
        "of a service account or of workload identity.",
        SERVICE_ACCOUNT: "Give service_account_file or service_account_contents, JSON with client_email, private_key "
        "and token_uri.",
        MACHINE: "The module has to run on a machine of Google Cloud that has a service account.",
    }
    return f"There are no credentials ({account.kind}): {_bare(error)} {ways.get(account.kind, '')}".strip()


def _refused(account: Account, error: BaseException) -> str:
    way = "Log in again, or look at the account's state and keys."
    if account.impersonate:
        target = account.impersonate[-1]
        way = (
            f"To act as {target}, the calling account needs roles/iam.serviceAccountTokenCreator on it, and the API "
            "iamcredentials.googleapis.com has to be enabled."
        )
    return f"Google gives no token ({account.kind}): {_bare(error)} {way}"


def _bare(error: BaseException) -> str:
    """An error's words; the answer's body stands in a second part and may be long."""
    text = str(error.args[0] if error.args else error)[:500].rstrip()
    return text if text.endswith(".") else f"{text}."
