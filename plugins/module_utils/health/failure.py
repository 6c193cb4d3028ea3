# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why an attempt failed: a short reason, a message, and what to do about it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    NAME,
    OTHER,
    REFUSED,
    TIMEOUT,
    TLS,
    UNREACHABLE,
    classify,
)

EXPIRED = "certificate_expired"
ENDS = "certificate_ends"
CLOSED = "closed"

#: OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.
_HAS_EXPIRED = 10
#: What a peer that hangs up leaves behind.
_CUT = frozenset((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE))

#: What a person does about it, by reason. A reason that is not here says it in its message.
WAYS_OUT = {
    REFUSED: "Start what should listen there, or correct the port.",
    TIMEOUT: "Look whether it is overloaded or packets are dropped on the way; if it may take longer, raise timeout.",
    UNREACHABLE: "Look at the host and the routes to it.",
    NAME: "Correct the name, or look at the resolver.",
    TLS: "Name the CA that signed the certificate (ca_cert), or use a name that the certificate has.",
    EXPIRED: "Renew the certificate.",
    ENDS: "Renew the certificate, and look at why nobody did.",
    CLOSED: "Look at the log of what listens there, and whether it speaks this protocol (with or without TLS).",
    "authentication": "Correct user and password.",
    "status": "The log of the service says why.",
    "body": "The log of the service says why.",
    "header": "Look at what stands before the service.",
    "role": "Look at who leads, and where the address or the balancer points.",
    "lag": "Look at the standby's replication.",
    "not_found": "Correct the name or the namespace, or apply it.",
    "no_value": "Correct the query, or look at whether the target is scraped.",
    "records": "Correct the zone, or wait for the records' time to live.",
}


class FailedError(Exception):
    """An attempt failed; ``reason`` is a code, the message what was seen and what was expected."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def explain(error: BaseException) -> FailedError:
    """A failure of the network, of TLS or of a library as reason and words."""
    inner = _inner(error)
    if isinstance(inner, FailedError):
        return inner
    if isinstance(inner, ssl.SSLCertVerificationError):
        reason = EXPIRED if inner.verify_code == _HAS_EXPIRED else TLS
        return FailedError(reason, f"its certificate is not accepted: {inner.verify_message}")
    if isinstance(inner, ssl.SSLError):
        return FailedError(TLS, f"TLS failed: {getattr(inner, 'reason', None) or inner}")
    if isinstance(inner, asyncio.IncompleteReadError) or _broke(inner):
        return FailedError(CLOSED, "the connection was closed before an answer came")
    kind = classify(inner)
    if kind == TIMEOUT:
        return FailedError(TIMEOUT, "no connection in time")
    if kind == NAME:
        return FailedError(NAME, "the name is not known")
    return FailedError(kind, _words(inner, kind))


def advice(reason: str) -> str:
    """What to do about a reason; empty where its message says all."""
    return WAYS_OUT.get(reason, "")


def _inner(error: BaseException) -> BaseException:
    """What lies in the exceptions of aiohttp."""
    for name in ("certificate_error", "os_error"):
        inner = getattr(error, name, None)
        if isinstance(inner, BaseException) and inner is not error:
            return _inner(inner)
    return error


def _broke(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _CUT:
        return True
    return type(error).__name__ in ("ServerDisconnectedError", "ClientPayloadError")


def _words(error: BaseException, kind: str) -> str:
    if kind == REFUSED:
        return "nothing listens there (connection refused)"
    number = error.errno if isinstance(error, OSError) else None
    if number in errno.errorcode and not isinstance(error, socket.gaierror):
        return os.strerror(int(number or 0))
    said = " ".join(str(error).split()) or type(error).__name__
    return said[:300] if kind == OTHER else f"{kind}: {said[:300]}"
