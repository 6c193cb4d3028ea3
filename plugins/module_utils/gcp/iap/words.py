# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the relay's close codes mean, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

NORMAL = 1000


@dataclass(frozen=True)
class Target:
    """Where a tunnel leads: a port of an instance's interface."""

    project: str
    zone: str
    instance: str
    port: int
    interface: str = "nic0"

    def __str__(self) -> str:
        return f"{self.instance}:{self.port} ({self.project}, {self.zone}, {self.interface})"


class TunnelError(Exception):
    """A tunnel that cannot be, or cannot go on: ``reason`` is a code, the message says what, where and the way out."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class _Meaning:
    reason: str
    words: str
    #: Whether the same session can be taken up again.
    transient: bool = False


_UNREACHED = (
    "IAP does not get through to it. Either nothing listens there, or the instance is stopped, or no firewall rule "
    "of its network lets 35.235.240.0/20 in to that port (gcp_network has one for SSH)."
)
_NOT_AUTHORIZED = (
    "The account may not use IAP for it. It needs roles/iap.tunnelResourceAccessor on the instance or the project "
    "(gcp_bastion_members), and a condition of that binding has to hold for this port."
)
_MEANINGS = {
    4000: _Meaning("relay_failed", "The relay has an error that it does not name.", True),
    4001: _Meaning("session_lost", "The relay no longer knows the session. Connect anew."),
    4002: _Meaning("session_in_use", "Another connection uses the session.", True),
    4003: _Meaning("backend_unreachable", _UNREACHED),
    4004: _Meaning(
        "reauthentication", "The organisation wants a new login. Log in again and connect anew."
    ),
    4005: _Meaning(
        "protocol", "The relay did not take a confirmation; this is an error of the client."
    ),
    4006: _Meaning(
        "protocol", "The relay did not take a confirmation; this is an error of the client."
    ),
    4007: _Meaning(
        "protocol", "The relay takes binary messages only; this is an error of the client."
    ),
    4008: _Meaning(
        "protocol", "The relay does not know a frame's tag; this is an error of the client."
    ),
    4009: _Meaning("backend_closed", "The instance takes no more data."),
    4010: _Meaning("backend_closed", "The instance ended the connection."),
    4013: _Meaning(
        "protocol", "The relay did not take a frame's data; this is an error of the client."
    ),
    4033: _Meaning("not_authorized", _NOT_AUTHORIZED),
    4047: _Meaning(
        "instance_not_found",
        "There is no such instance in that project and zone, or it does not run, or it has no such interface.",
    ),
    4051: _Meaning("session_lost", "The instance was not found again. Connect anew."),
    4074: _Meaning(
        "session_lost", "The relay cannot go back to where the connection broke. Connect anew."
    ),
}


def is_transient(code: int | None) -> bool:
    """Whether a connection that ended so may be taken up again: it broke, or the relay says nothing final."""
    meaning = _MEANINGS.get(code or 0)
    return code != NORMAL and (meaning is None or meaning.transient)


def closed(target: Target, code: int | None, words: str = "") -> TunnelError:
    """The error for a connection that the relay ended with a code."""
    meaning = _MEANINGS.get(
        code or 0,
        _Meaning(
            "relay_lost", "The connection to the relay broke and could not be taken up again."
        ),
    )
    said = f" (the relay says: {words})" if words else ""
    number = f" [{code}]" if code else ""
    return TunnelError(meaning.reason, f"{target}: {meaning.words}{said}{number}")


def refused(target: Target, status: int, words: str = "") -> TunnelError:
    """The error for a relay that does not even begin: an HTTP status instead of a WebSocket."""
    said = f" ({words})" if words else ""
    if status == 401:
        way = "The token is not good. Log in again (gcloud auth application-default login), or give another one."
        return TunnelError("unauthorized", f"{target}: {way}{said} [HTTP 401]")
    if status in (400, 403, 404):
        return TunnelError(
            "not_authorized",
            f"{target}: {_NOT_AUTHORIZED} Also see whether iap.googleapis.com is enabled.{said} [HTTP {status}]",
        )
    return TunnelError(
        "relay_failed", f"{target}: The relay refuses the connection{said} [HTTP {status}]."
    )
