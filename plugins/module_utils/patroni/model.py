# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Patroni cluster says of itself, as values.

Shapes are those of Patroni 4.0 and 4.1: ``GET /cluster``, ``GET /patroni``, ``GET /config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LEADER_ROLES = frozenset(("leader", "standby_leader"))
SYNC_ROLES = frozenset(("sync_standby", "quorum_standby"))
PRIMARY_ROLES = frozenset(("primary", "master", "standby_leader"))

#: Patroni's default of ``maximum_lag_on_failover``, bytes.
DEFAULT_MAXIMUM_LAG = 1048576


class RefusedError(Exception):
    """An operation that must not be done now.

    ``reason`` is a stable code, ``message`` a sentence with the way out and
    ``details`` what a caller may want to see beside them.
    """

    def __init__(self, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = details


class PassingError(RefusedError):
    """A refusal that may pass by itself within seconds.

    The loss of a host that also led etcd keeps every member from answering until
    etcd has elected a new leader and Patroni has turned to it.
    """


@dataclass(frozen=True)
class Member:
    """One member. Positions are bytes of WAL; what is not known is ``None``."""

    name: str
    api_url: str
    role: str = "replica"
    state: str = ""
    host: str | None = None
    port: int | None = None
    reachable: bool = False
    unreachable_reason: str | None = None
    running_role: str | None = None
    running_state: str | None = None
    timeline: int | None = None
    location: int | None = None
    receive_lsn: int | None = None
    replay_lsn: int | None = None
    lag: int | None = None
    pending_restart: bool = False
    pending_restart_reason: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None
    server_version: int | None = None
    postmaster_start_time: str | None = None
    watchdog_failed: bool = False
    failsafe_active: bool = False
    sync_connections: int = 0
    streaming_to: tuple[str, ...] = ()
    listed: bool = True

    @property
    def is_leader(self) -> bool:
        """Whether it holds the leader lock."""
        return self.role in LEADER_ROLES

    @property
    def is_synchronous(self) -> bool:
        """Whether commits may count on it, in either synchronous mode."""
        return self.role in SYNC_ROLES

    @property
    def nofailover(self) -> bool:
        """Patroni also reads ``failover_priority`` of 0 or less as "never"."""
        tag = self.tags.get("nofailover")
        if tag is not None:
            return bool(tag)
        priority = self.tags.get("failover_priority")
        return isinstance(priority, int) and priority <= 0

    @property
    def runs_as_primary(self) -> bool:
        """Whether the member itself says that it runs and takes the leader's part."""
        return (
            self.reachable
            and self.running_state == "running"
            and self.running_role in PRIMARY_ROLES
        )

    @property
    def follows(self) -> bool:
        """Whether a replica runs and receives WAL from a connection."""
        return self.reachable and self.running_state == "running" and self.state == "streaming"

    @property
    def wal_position(self) -> int | None:
        """The last byte that the member holds, as Patroni's leader race compares it."""
        known = [
            value
            for value in (self.location, self.receive_lsn, self.replay_lsn)
            if value is not None
        ]
        return max(known) if known else None

    def as_result(self) -> dict[str, Any]:
        """The member as modules return it; LSNs in PostgreSQL's notation."""
        return {
            "name": self.name,
            "api_url": self.api_url,
            "host": self.host,
            "port": self.port,
            "role": self.role,
            "state": self.state,
            "timeline": self.timeline,
            "lag": self.lag,
            "location": format_lsn(self.location),
            "receive_lsn": format_lsn(self.receive_lsn),
            "replay_lsn": format_lsn(self.replay_lsn),
            "pending_restart": self.pending_restart,
            "pending_restart_reason": dict(self.pending_restart_reason),
            "tags": dict(self.tags),
            "version": self.version,
            "server_version": self.server_version,
            "reachable": self.reachable,
            "unreachable_reason": self.unreachable_reason,
        }


@dataclass(frozen=True)
class ClusterState:
    """What was seen in one round of questions; ``observed_at`` is epoch seconds."""

    scope: str
    members: tuple[Member, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    observed_at: float = 0.0

    @property
    def leader(self) -> Member | None:
        """The holder of the leader lock."""
        for item in self.members:
            if item.is_leader:
                return item
        return None

    @property
    def replicas(self) -> list[Member]:
        """Members without the leader lock."""
        return [item for item in self.members if not item.is_leader]

    @property
    def sync_standbys(self) -> list[Member]:
        """Members that commits may count on."""
        return [item for item in self.members if item.is_synchronous]

    def member(self, name: str | None) -> Member | None:
        """The member of that name."""
        for item in self.members:
            if item.name == name:
                return item
        return None

    @property
    def synchronous_mode(self) -> str:
        """``off``, ``on`` or ``quorum``."""
        return parse_synchronous_mode(self.config.get("synchronous_mode"))

    @property
    def commits_wait_after_promotion(self) -> bool:
        """Whether a new primary's commits wait for a standby from its first moment.

        In mode ``on`` Patroni promotes with no synchronous standby unless it is strict.
        """
        strict = parse_synchronous_mode(self.config.get("synchronous_mode_strict")) != "off"
        return self.synchronous_mode == "quorum" or (self.synchronous_mode == "on" and strict)

    @property
    def maximum_lag(self) -> int:
        """``maximum_lag_on_failover``, bytes."""
        value = self.config.get("maximum_lag_on_failover", DEFAULT_MAXIMUM_LAG)
        return value if isinstance(value, int) else DEFAULT_MAXIMUM_LAG

    @property
    def quorum_votes_needed(self) -> int:
        """Votes of other voters that a candidate needs in quorum mode.

        Commits wait for ``synchronous_node_count`` of the voters, so each set of
        (voters - count + 1) holds the last one; Patroni's ``quorum`` is that set
        without the candidate itself.
        """
        count = self.config.get("synchronous_node_count", 1)
        voters = len(self.sync_standbys)
        return max(0, voters - (count if isinstance(count, int) else 1))


def format_lsn(position: int | None) -> str | None:
    """Bytes of WAL as PostgreSQL writes them, e.g. ``0/3000060``."""
    if position is None:
        return None
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def parse_lsn(text: Any) -> int | None:
    """PostgreSQL's notation as bytes; ``None`` for anything else ("unknown")."""
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        return None
    if isinstance(text, int):
        return text
    high, slash, low = text.partition("/")
    try:
        return (int(high, 16) << 32) + int(low, 16) if slash else None
    except ValueError:
        return None


def parse_synchronous_mode(value: Any) -> str:
    """Patroni's boolean-or-word as ``off``, ``on`` or ``quorum``."""
    if isinstance(value, str):
        word = value.lower()
        if word == "quorum":
            return "quorum"
        return "on" if word in ("on", "true", "yes", "1") else "off"
    return "on" if value else "off"


def base_url(url: str) -> str:
    """A member's REST base: without the ``/patroni`` of ``/cluster``'s ``api_url``."""
    trimmed = url.rstrip("/")
    return trimmed[: -len("/patroni")] if trimmed.endswith("/patroni") else trimmed
