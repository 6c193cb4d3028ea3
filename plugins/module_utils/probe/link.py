# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection to PostgreSQL with a deadline on everything.

The deadlines are kept here, on libpq's asynchronous interface: libpq's own connect_timeout cannot
be below two seconds, and nothing else ends a statement whose packets are dropped behind a balancer
that still lives. Used by the module and, copied beside it, by the program on the client host.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from typing import Any, Optional

Row = tuple[Optional[str], ...]


class LinkError(Exception):
    """A failed connection or statement.

    `phase` says which of the two, `code` is short and countable (SQLSTATE or a word).
    """

    def __init__(self, phase: str, code: str, message: str) -> None:
        super().__init__(message)
        self.phase = phase
        self.code = code


def connection_string(parameters: dict[str, Any], patience: float) -> str:
    """Parameters of libpq with names resolved now, where it holds up no other thread."""
    from psycopg.conninfo import make_conninfo

    settings = {name: value for name, value in parameters.items() if value is not None}
    milliseconds = max(100, int(patience * 1000))
    settings.update(
        keepalives=1,
        keepalives_idle=1,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=milliseconds,
        gssencmode="disable",
    )
    settings.setdefault("application_name", "groundwork_probe")
    hosts = str(settings.get("host", "")).split(",")
    if not any(host == "" or host.startswith("/") for host in hosts):
        settings["hostaddr"] = ",".join(
            str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]) for host in hosts
        )
    return make_conninfo(**settings)


class Link:
    """One connection. Nothing done with it outlives its deadline (seconds)."""

    def __init__(
        self, parameters: dict[str, Any], connect_timeout: float, statement_timeout: float
    ) -> None:
        from psycopg import pq

        self._pq = pq
        self._parameters = parameters
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._connection: Any = None
        self._warnings: list[str] = []

    def patience(self, seconds: float) -> None:
        """Give each further statement so long."""
        self._statement_timeout = seconds

    def is_open(self) -> bool:
        """Whether a connection was made and not given up since."""
        return self._connection is not None

    def open(self, share: float = 1.0) -> None:
        """Connect in that share of the time allowed; raises LinkError of phase `connect`."""
        deadline = time.monotonic() + self._connect_timeout * share
        try:
            target = connection_string(self._parameters, self._statement_timeout)
            self._connection = self._pq.PGconn.connect_start(target.encode())
            self._poll(deadline)
            self._connection.nonblocking = 1
            self._connection.notice_handler = self._on_notice
        except LinkError:
            self.close()
            raise
        except Exception as error:  # name resolution, psycopg's own errors: all mean no connection
            self.close()
            raise LinkError("connect", type(error).__name__, one_line(str(error))) from error

    def _poll(self, deadline: float) -> None:
        polling = self._pq.PollingStatus
        state = polling.WRITING
        while state != polling.OK:
            if self._connection.status == self._pq.ConnStatus.BAD or state == polling.FAILED:
                message = one_line(self._connection.error_message.decode(errors="replace"))
                raise LinkError("connect", connect_code(message), message)
            self._wait("connect", deadline, writing=state == polling.WRITING)
            state = self._connection.connect_poll()

    def _wait(self, phase: str, deadline: float, writing: bool) -> None:
        poller = select.poll()
        poller.register(self._connection.socket, select.POLLIN | (select.POLLOUT if writing else 0))
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise LinkError(phase, "timeout", "no answer before the deadline")

    def execute(self, statement: str, values: Sequence[str] = ()) -> list[Row]:
        """Run one statement; raises LinkError of phase `statement`.

        A warning of the server counts as failure: a cancelled wait for the standbys answers with
        success and says only there that the row is on the primary alone.
        """
        deadline = time.monotonic() + self._statement_timeout
        self._warnings.clear()
        try:
            self._connection.send_query_params(
                statement.encode(), [value.encode() for value in values]
            )
            while self._connection.flush():
                self._wait("statement", deadline, writing=True)
                self._connection.consume_input()
            rows = self._results(deadline)
        except LinkError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise LinkError("statement", "closed", one_line(str(error))) from error
        if self._warnings:
            raise LinkError("statement", "warning", self._warnings[0])
        return rows

    def _results(self, deadline: float) -> list[Row]:
        rows: list[Row] = []
        failure: LinkError | None = None
        while True:
            while self._connection.is_busy():
                self._wait("statement", deadline, writing=False)
                self._connection.consume_input()
            result = self._connection.get_result()
            if result is None:
                break
            failure = failure or self._failure(result)
            rows += [
                tuple(text(result.get_value(row, column)) for column in range(result.nfields))
                for row in range(result.ntuples)
            ]
        if failure is not None:
            raise failure
        return rows

    def _failure(self, result: Any) -> LinkError | None:
        if result.status in (self._pq.ExecStatus.TUPLES_OK, self._pq.ExecStatus.COMMAND_OK):
            return None
        code = text(result.error_field(self._pq.DiagnosticField.SQLSTATE)) or "closed"
        return LinkError("statement", code, one_line(result.error_message.decode(errors="replace")))

    def _on_notice(self, result: Any) -> None:
        field = self._pq.DiagnosticField
        if result.error_field(field.SEVERITY_NONLOCALIZED) == b"WARNING":
            self._warnings.append(text(result.error_field(field.MESSAGE_PRIMARY)) or "warning")

    def close(self) -> None:
        """Give the connection up; never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish()


def text(value: bytes | None) -> str | None:
    """A field of libpq as text."""
    return None if value is None else bytes(value).decode(errors="replace")


def one_line(message: str) -> str:
    """A message of libpq on one short line."""
    return " ".join(message.split())[:300]


def connect_code(message: str) -> str:
    """A countable word for libpq's message, which carries no SQLSTATE when a connection fails."""
    words = {
        "refused": "refused",
        "closed the connection": "closed",
        "reset by peer": "closed",
        "authentication failed": "authentication",
        "certificate": "certificate",
        "starting up": "starting_up",
        "shutting down": "shutting_down",
        "No route": "unreachable",
        "unreachable": "unreachable",
    }
    return next((code for part, code in words.items() if part in message), "failed")
