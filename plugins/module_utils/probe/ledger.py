# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the database holds of the probe's payments, against what the probe was told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError
from ansible_collections.groundwork.platform.plugins.module_utils.probe.link import (
    Link,
    LinkError,
    Row,
)

CREATE = """CREATE TABLE {table} (
    idempotency_key text PRIMARY KEY,
    probe text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    attempt integer NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT clock_timestamp())"""

MOST_KEYS = 1000  # named in a result; the counts are always complete
RETRY_SECONDS = 0.25
T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """Acknowledged keys against rows. `missing` are the rows of the recovery point: told "done", gone."""

    acknowledged: int
    rows: int
    missing: tuple[str, ...]
    unacknowledged_present: tuple[str, ...]
    duplicates: tuple[str, ...]

    def as_result(self) -> dict[str, Any]:
        """Counts, and the first keys by name."""
        return {
            "acknowledged": self.acknowledged,
            "rows": self.rows,
            "missing": len(self.missing),
            "missing_keys": list(self.missing[:MOST_KEYS]),
            "unacknowledged_present": len(self.unacknowledged_present),
            "unacknowledged_keys": list(self.unacknowledged_present[:MOST_KEYS]),
            "duplicates": len(self.duplicates),
            "duplicate_keys": list(self.duplicates[:MOST_KEYS]),
        }


def compare(acknowledged: Iterable[str], rows: Sequence[str]) -> Comparison:
    """A row that is there but was never acknowledged is no loss, and is counted apart."""
    told, held = set(acknowledged), Counter(rows)
    return Comparison(
        acknowledged=len(told),
        rows=len(rows),
        missing=tuple(sorted(told - held.keys())),
        unacknowledged_present=tuple(sorted(held.keys() - told)),
        duplicates=tuple(sorted(key for key, count in held.items() if count > 1)),
    )


def persist(action: Callable[[], T], patience: float, what: str, reason: str) -> T:
    """Repeat until it works or `patience` seconds are over: a failover may be going on.

    What waiting does not heal (a wrong password, a missing right) ends it at once. Raises
    ProbeError(reason) with the server's own last words.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return action()
        except LinkError as error:
            if is_permanent(error) or time.monotonic() + RETRY_SECONDS > deadline:
                raise ProbeError(
                    reason,
                    f"Failed to {what} within {patience:g} s: {error} ({error.phase}: {error.code})",
                ) from error
        time.sleep(RETRY_SECONDS)


def is_permanent(error: LinkError) -> bool:
    """Refusals of a server that is well: classes 28 (authorization) and 42 (access, syntax)."""
    return error.code in ("authentication", "certificate") or (
        len(error.code) == 5 and error.code[:2] in ("28", "42")
    )


class Ledger:
    """The probe's table. Every method takes one connection, and tries again for `patience` seconds."""

    def __init__(
        self, parameters: dict[str, Any], table: str, connect_timeout: float, patience: float
    ) -> None:
        # A third each, so that one connection that hangs leaves time for another.
        self._link = Link(parameters, connect_timeout, max(5.0, patience / 3))
        self._table = table
        self._patience = patience

    def _run(self, statement: str, values: Sequence[str], what: str, reason: str) -> list[Row]:
        def once() -> list[Row]:
            self._link.open()
            try:
                return self._link.execute(statement, values)
            finally:
                self._link.close()

        return persist(once, self._patience, f"{what} {self._table}", reason)

    def exists(self) -> bool:
        """Whether the table is there (asked first: who may not create tables may still use one)."""
        rows = self._run(
            "SELECT to_regclass($1) IS NOT NULL", [self._table], "look for table", "unreachable"
        )
        return rows[0][0] == "t"

    def create(self) -> None:
        """Make the table; raises ProbeError `table_refused`."""
        statement = CREATE.format(table=self._table)
        self._run(statement, [], "create table", "table_refused")

    def keys(self, probe: str, need_primary: bool) -> tuple[list[str], dict[str, Any]]:
        """The keys that the database holds for `probe`, and who said so. Raises ProbeError."""

        def once() -> tuple[list[str], dict[str, Any]]:
            self._link.open()
            try:
                return self._keys(probe, need_primary)
            finally:
                self._link.close()

        return persist(once, self._patience, f"read {self._table}", "verification_failed")

    def _keys(self, probe: str, need_primary: bool) -> tuple[list[str], dict[str, Any]]:
        server, replica, timeline, lsn = self._link.execute(
            "SELECT host(inet_server_addr()), pg_is_in_recovery(),"
            " CASE WHEN pg_is_in_recovery() THEN NULL"
            " ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,"
            " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END"
        )[0]
        if need_primary and replica == "t":
            raise LinkError("statement", "replica", f"{server} is a replica, not the primary")
        rows = self._link.execute(
            f"SELECT idempotency_key FROM {self._table} WHERE probe = $1", [probe]
        )
        source = {
            "server": server,
            "in_recovery": replica == "t",
            "timeline": None if timeline is None else int(timeline, 16),
            "lsn": lsn,
        }
        return [str(row[0]) for row in rows], source

    def remove(self, probe: str, drop_table: bool, check_mode: bool) -> bool:
        """Delete the rows of `probe`, or the whole table; whether anything is (or was) there."""
        if not self.exists():
            return False
        rows = self._run(
            f"SELECT count(*) FROM {self._table} WHERE probe = $1",
            [probe],
            "count rows of",
            "table_refused",
        )
        found = drop_table or rows[0][0] != "0"
        if found and not check_mode:
            if drop_table:
                self._run(f"DROP TABLE IF EXISTS {self._table}", [], "drop", "table_refused")
            else:
                statement = f"DELETE FROM {self._table} WHERE probe = $1"
                self._run(statement, [probe], "delete rows of", "table_refused")
        return found
