# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL: it answers, has the role, does not lag, and a query has the expected value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health import rules
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    REFUSED,
    TIMEOUT,
    TLS,
    UNREACHABLE,
)
from ansible_collections.groundwork.platform.plugins.module_utils.probe.link import (
    Link,
    LinkError,
)

#: Whether it is a standby, and how many seconds it is behind. One that is linked and has replayed all it got is not
#: behind, however long ago the last transaction was; one without a link cannot know, and its last transaction counts.
STATE = """
SELECT pg_is_in_recovery(), CASE
  WHEN NOT pg_is_in_recovery() THEN 0
  WHEN EXISTS (SELECT FROM pg_stat_wal_receiver)
    AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
  ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END"""
#: Codes of libpq's failures (module probe) and SQLSTATEs, as reasons.
REASONS = {
    "authentication": "authentication",
    "certificate": TLS,
    "refused": REFUSED,
    "timeout": TIMEOUT,
    "unreachable": UNREACHABLE,
    "gaierror": "name",
    "57P03": "starting_up",
}


@dataclass(frozen=True)
class Postgresql:
    """A server, or a balancer before some. ``maximum_lag`` is seconds."""

    parameters: Mapping[str, Any] = field(repr=False)
    role: str = "any"
    maximum_lag: float | None = None
    query: str | None = None
    expect: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Postgresql:
        """Read the options. Raises ``ValueError``."""
        tls = rules.tls(given, defaults)
        if given["maximum_lag"] is not None and given["maximum_lag"] < 0:
            raise ValueError(f"maximum_lag {given['maximum_lag']:g} is below 0 seconds")
        if given["expect"] is not None and not given["query"]:
            raise ValueError("expect needs a query")
        parameters = {
            "host": rules.host(given["host"]),
            "port": str(rules.port(given["port"])),
            "user": given["user"],
            "password": given["password"],
            "dbname": given["database"],
            # Not validating is a decision for all of TLS; prefer still encrypts where it can.
            "sslmode": given["ssl_mode"] if tls.validate_certs else "prefer",
            "sslrootcert": tls.ca_cert,
            "sslcert": tls.client_cert,
            "sslkey": tls.client_key,
            "application_name": "groundwork_health",
        }
        if parameters["sslmode"] == "verify-full" and not tls.ca_cert:
            # The system's CAs, as everywhere else; libpq would look into a person's home instead.
            parameters["sslrootcert"] = "system"
        return cls(parameters, given["role"], given["maximum_lag"], given["query"], given["expect"])

    @property
    def target(self) -> str:
        """Host, port and database."""
        where = rules.place(self.parameters["host"], int(self.parameters["port"]))
        return f"postgresql {where}/{self.parameters['dbname']}"

    async def ask(self, world: World, timeout: float, /) -> Facts:
        """Ask in a thread: libpq's own deadlines end it, whatever happens."""
        return await world.in_thread(self._look, timeout)

    def _look(self, timeout: float) -> Facts:
        begun = time.monotonic()
        parameters = {name: value for name, value in self.parameters.items() if value is not None}
        link = Link(parameters, timeout, timeout)
        try:
            link.open()
            # In all no longer than one attempt may take.
            link.patience(max(0.01, timeout - (time.monotonic() - begun)))
            facts = judge_state(link.execute(STATE)[0], self.role, self.maximum_lag)
            if self.query:
                link.execute("BEGIN READ ONLY")
                facts["value"] = judge_value(link.execute(self.query), self.expect)
            return facts
        except LinkError as error:
            reason = REASONS.get(error.code, "query" if error.phase == "statement" else "failed")
            raise FailedError(reason, str(error)) from error
        finally:
            link.close()


def judge_state(
    row: tuple[str | None, ...], role: str, maximum_lag: float | None
) -> dict[str, Any]:
    """What ``STATE`` says. Raises ``FailedError`` for another role or a longer lag."""
    found = "standby" if row[0] == "t" else "primary"
    lag = None if row[1] is None else round(float(row[1]), 3)
    if role not in ("any", found):
        raise FailedError("role", f"it is a {found}, expected a {role}")
    if maximum_lag is not None and lag is None:
        raise FailedError(
            "lag", "how far it is behind is not known: it has replayed no transaction"
        )
    if maximum_lag is not None and lag is not None and lag > maximum_lag:
        raise FailedError("lag", f"it is {lag:g} s behind, more than {maximum_lag:g} s")
    return {"role": found, "lag": lag}


def judge_value(rows: list[tuple[str | None, ...]], expect: str | None) -> str | None:
    """The first value of a query. Raises ``FailedError`` where there is none or another one is expected."""
    if not rows or not rows[0]:
        raise FailedError("query", "the query returns no row")
    value = rows[0][0]
    if expect is not None and value != expect:
        raise FailedError("query", f"the query returns {value!r}, expected {expect!r}")
    return value
