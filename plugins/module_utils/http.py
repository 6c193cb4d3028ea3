# pylint: disable=unused-import
# Of this file's name, pylint also lends it the imports that it makes up for Python's own module http.
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The HTTP client of the collection.

Requests run in threads, side by side. ``ansible.module_utils.urls.open_url``
installs each call's handlers as the process's one opener, so that two threads
can send each other's credentials; this client therefore keeps openers of its
own, made of the standard library.
"""

from __future__ import annotations

import base64
import errno
import http.client
import json
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

#: Kinds of failure. The first three mean that nothing listens at the address.
REFUSED = "refused"
TIMEOUT = "timeout"
UNREACHABLE = "unreachable"
NAME = "name"
TLS = "tls"
OTHER = "other"

SILENT_KINDS = frozenset((REFUSED, TIMEOUT, UNREACHABLE))

_UNREACHABLE_ERRNOS = frozenset(
    (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
)


class HttpError(Exception):
    """No HTTP answer came: connection, TLS, name or time-out problem.

    ``kind`` is one of the constants of this module, ``cause`` the system's own words.
    """

    def __init__(self, method: str, url: str, cause: str, kind: str = OTHER) -> None:
        super().__init__(f"{method} {url}: {cause}")
        self.method = method
        self.url = url
        self.cause = cause
        self.kind = kind


@dataclass(frozen=True)
class Request:
    """One request; ``timeout`` (seconds) overrides the client's."""

    url: str
    method: str = "GET"
    body: Any = None
    timeout: float | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status. ``elapsed`` is in seconds."""

    method: str
    url: str
    status: int
    text: str
    elapsed: float

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The parsed body, or ``None`` where it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


Outcome = Union[Response, HttpError]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An API that redirects is misconfigured: hand the answer to the caller."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def classify(error: BaseException) -> str:
    """Return which kind of failure ``error`` is."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return classify(error.reason)
    if isinstance(error, socket.timeout):  # an alias of TimeoutError since Python 3.10
        return TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, socket.gaierror):
        return NAME
    if isinstance(error, ssl.SSLError):
        return TLS
    if isinstance(error, OSError):
        if error.errno == errno.ETIMEDOUT:
            return TIMEOUT
        if error.errno in _UNREACHABLE_ERRNOS:
            return UNREACHABLE
    return OTHER


def _words(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _words(error.reason)
    return str(error) or type(error).__name__


class HttpClient:
    """Sends requests with one set of credentials; safe to share between threads.

    A CA of one's own is ``ca_cert``; without it the system's are used.
    ``timeout`` (seconds) bounds each socket operation of a request.
    Proxies of the environment are used only with ``use_proxy``.
    Raises ``ValueError`` for certificate files that cannot be read.
    """

    def __init__(
        self,
        ca_cert: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: float = 5.0,
        headers: Mapping[str, str] | None = None,
        use_proxy: bool = False,
        validate_certs: bool = True,
    ) -> None:
        self.timeout = timeout
        self._headers = dict(headers or {})
        if username is not None:
            pair = "{}:{}".format(username, password or "").encode("utf-8")
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        context = tls_context(ca_cert, client_cert, client_key, validate_certs)
        proxies = [] if use_proxy else [urllib.request.ProxyHandler({})]
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), _NoRedirect(), *proxies
        )

    def send(self, request: Request) -> Response:
        """Send one request and return the answer, whatever its status. Raises ``HttpError``."""
        headers: dict[str, str] = dict(self._headers)
        data = None
        if request.body is not None:
            data = json.dumps(request.body).encode("utf-8")
            headers["Content-Type"] = "application/json"
        headers.update(request.headers)
        raw = urllib.request.Request(request.url, data=data, headers=headers, method=request.method)
        started = time.monotonic()
        timeout = self.timeout if request.timeout is None else request.timeout
        try:
            status, text = self._open(raw, timeout)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise HttpError(request.method, request.url, _words(error), classify(error)) from error
        return Response(request.method, request.url, status, text, time.monotonic() - started)

    def _open(self, raw: urllib.request.Request, timeout: float) -> tuple[int, str]:
        try:
            answer = self._opener.open(raw, timeout=timeout)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return int(answer.status), answer.read().decode("utf-8", "replace")

    def request(
        self, method: str, url: str, body: Any = None, timeout: float | None = None
    ) -> Response:
        """Send ``body`` as JSON. Raises ``HttpError``."""
        return self.send(Request(url, method, body, timeout))

    def start(self, request: Request) -> Pending:
        """Send ``request`` in the background."""
        return Pending(self, request)

    def gather(self, requests: Sequence[Request], within: float | None = None) -> list[Outcome]:
        """Send all requests at once; return an outcome for each, in their order.

        An answer that has not come ``within`` seconds in all is a time-out.
        The default is the longest of the requests' own time-outs plus a second.
        """
        if within is None:
            within = 1.0 + max(
                [self.timeout if r.timeout is None else r.timeout for r in requests] or [0.0]
            )
        deadline = time.monotonic() + within
        pending = [Pending(self, request) for request in requests]
        return [item.wait(max(0.0, deadline - time.monotonic())) for item in pending]

    def first(self, requests: Sequence[Request], within: float | None = None) -> Outcome:
        """Send all requests at once and return the first 2xx answer.

        Where none comes, the last answer is returned, else the last failure.
        """
        if not requests:
            raise ValueError("no request to send")
        arrivals: queue.Queue[Outcome] = queue.Queue()
        for request in requests:
            Pending(self, request, arrivals)
        deadline = time.monotonic() + (self.timeout + 1.0 if within is None else within)
        best: Outcome = HttpError(requests[0].method, requests[0].url, "no answer in time", TIMEOUT)
        for _count in requests:
            try:
                outcome = arrivals.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if isinstance(outcome, Response) and outcome.ok:
                return outcome
            if isinstance(outcome, Response) or isinstance(best, HttpError):
                best = outcome
        return best


class Pending:
    """A request under way. Its thread never keeps the process alive."""

    def __init__(
        self, client: HttpClient, request: Request, arrivals: queue.Queue[Outcome] | None = None
    ) -> None:
        self.request = request
        self._client = client
        self._arrivals = arrivals
        self._outcome: Outcome | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            outcome: Outcome = self._client.send(self.request)
        except HttpError as error:
            outcome = error
        except Exception as error:  # a thread's traceback would vanish: hand it over
            outcome = HttpError(self.request.method, self.request.url, repr(error))
        self._outcome = outcome
        self._done.set()
        if self._arrivals is not None:
            self._arrivals.put(outcome)

    @property
    def outcome(self) -> Outcome | None:
        """What came, or ``None`` while the request is under way."""
        return self._outcome if self._done.is_set() else None

    def wait(self, seconds: float) -> Outcome:
        """Return the outcome, a time-out after ``seconds``."""
        self._done.wait(seconds)
        if self._outcome is not None:
            return self._outcome
        return HttpError(self.request.method, self.request.url, "no answer in time", TIMEOUT)


def tls_context(
    ca_cert: str | None, client_cert: str | None, client_key: str | None, validate_certs: bool
) -> ssl.SSLContext:
    """How TLS is spoken. Raises ``ValueError`` for certificate files that cannot be read."""
    try:
        context = ssl.create_default_context(cafile=ca_cert)
        if client_cert:
            context.load_cert_chain(client_cert, client_key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(name for name in (ca_cert, client_cert, client_key) if name)
        raise ValueError(f"cannot load the certificates {files}: {error}") from error
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def listens(host: str, port: int, timeout: float) -> tuple[bool, str, str]:
    """Return whether a TCP connection to ``host:port`` opens, with kind and words where not."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True, "", ""
    except OSError as error:
        return False, classify(error), _words(error)
