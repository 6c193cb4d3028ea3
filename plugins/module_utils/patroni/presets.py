# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Named sets of timings: how soon a failover comes (RTO).

One preset sets Patroni, PostgreSQL and the load balancer together, because a failover is as
slow as the slowest of the three. The seconds that follow from a preset are in ``bounds``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

# Patroni's Config._validate_and_adjust_timeouts raises smaller values to these minimums and
# shortens loop_wait or retry_timeout until the rule holds, with no more than a log line.
# What was asked for would not be what runs, so here such values are refused.
TTL_MIN = 20
LOOP_WAIT_MIN = 1
RETRY_TIMEOUT_MIN = 3


@dataclass(frozen=True)
class BalancerChecks:
    """How a load balancer asks Patroni's REST API (milliseconds, and counts of answers).

    ``inter`` applies to a settled server that is up, ``downinter`` to one that is down,
    ``fastinter`` between the answers that change its state (HAProxy configuration manual, 5.2).
    """

    inter_ms: int
    fastinter_ms: int
    downinter_ms: int
    rise: int
    fall: int
    timeout_ms: int

    def to_dict(self) -> dict[str, int]:
        """Return the checks under the names that templates use."""
        return {
            "check_inter_ms": self.inter_ms,
            "check_fastinter_ms": self.fastinter_ms,
            "check_downinter_ms": self.downinter_ms,
            "check_rise": self.rise,
            "check_fall": self.fall,
            "check_timeout_ms": self.timeout_ms,
        }


@dataclass(frozen=True)
class PostgresqlTimeouts:
    """When PostgreSQL gives up on a peer that went silent (milliseconds, but idle and interval in s).

    ``wal_sender_timeout`` decides how long a commit that needs a silently lost replica stands
    still; with PostgreSQL's 60 s Patroni's ttl decides instead (20.3 s measured).
    ``wal_retrieve_retry_interval`` (PostgreSQL: 5 s) delays a replica that follows a new primary.
    """

    wal_sender_timeout_ms: int
    wal_receiver_timeout_ms: int
    wal_receiver_status_interval_s: int
    wal_retrieve_retry_interval_ms: int
    tcp_keepalives_idle_s: int
    tcp_keepalives_interval_s: int
    tcp_keepalives_count: int
    tcp_user_timeout_ms: int

    def to_parameters(self) -> dict[str, str]:
        """Return PostgreSQL parameters as strings with the units PostgreSQL takes."""
        return {
            "wal_sender_timeout": f"{self.wal_sender_timeout_ms}ms",
            "wal_receiver_timeout": f"{self.wal_receiver_timeout_ms}ms",
            "wal_receiver_status_interval": f"{self.wal_receiver_status_interval_s}s",
            "wal_retrieve_retry_interval": f"{self.wal_retrieve_retry_interval_ms}ms",
            "tcp_keepalives_idle": f"{self.tcp_keepalives_idle_s}s",
            "tcp_keepalives_interval": f"{self.tcp_keepalives_interval_s}s",
            "tcp_keepalives_count": str(self.tcp_keepalives_count),
            "tcp_user_timeout": f"{self.tcp_user_timeout_ms}ms",
        }


@dataclass(frozen=True)
class RtoPreset:
    """Timings of one environment (seconds unless the name says otherwise)."""

    name: str
    ttl: int
    loop_wait: int
    retry_timeout: int
    primary_start_timeout: int
    postgresql: PostgresqlTimeouts
    primary_checks: BalancerChecks
    replica_checks: BalancerChecks
    client_reconnect_ms: int

    def to_dict(self) -> dict[str, Any]:
        """Return the preset as plain values for templates and assertions."""
        return {
            "name": self.name,
            "patroni": {
                "ttl": self.ttl,
                "loop_wait": self.loop_wait,
                "retry_timeout": self.retry_timeout,
                "primary_start_timeout": self.primary_start_timeout,
            },
            "postgresql_parameters": self.postgresql.to_parameters(),
            "load_balancer": {
                "primary": self.primary_checks.to_dict(),
                "replicas": self.replica_checks.to_dict(),
            },
            "client_reconnect_ms": self.client_reconnect_ms,
        }


# rise is 1 on the primary's side of `fast`: Patroni answers 200 on /primary only while it holds
# the leader lock, so a second answer would prove nothing. fall is 3: with marked-down sessions
# shut down, one late answer of a busy host must not cut the payments of a living primary.
_CHECKS = {
    "fast": (
        BalancerChecks(500, 200, 200, 1, 3, 1500),
        BalancerChecks(2000, 500, 1000, 1, 3, 2000),
    ),
    "normal": (
        BalancerChecks(1000, 500, 500, 2, 3, 2000),
        BalancerChecks(2000, 1000, 2000, 2, 3, 2000),
    ),
    "safe": (
        BalancerChecks(2000, 1000, 1000, 2, 3, 3000),
        BalancerChecks(3000, 1000, 3000, 2, 3, 3000),
    ),
    "wide": (
        BalancerChecks(3000, 1000, 2000, 2, 3, 5000),
        BalancerChecks(5000, 2000, 5000, 2, 3, 5000),
    ),
}

# ttl/loop_wait/retry_timeout/primary_start_timeout are the sets that Pigsty ships under the same
# names (fast, norm, safe, wide); the silence a WAL sender bears stays below ttl in each.
RTO_PRESETS: dict[str, RtoPreset] = {
    "fast": RtoPreset(
        "fast",
        20,
        5,
        5,
        15,
        PostgresqlTimeouts(5000, 5000, 1, 500, 5, 1, 5, 10000),
        *_CHECKS["fast"],
        client_reconnect_ms=1000,
    ),
    "normal": RtoPreset(
        "normal",
        30,
        5,
        10,
        25,
        PostgresqlTimeouts(10000, 10000, 2, 1000, 10, 2, 5, 20000),
        *_CHECKS["normal"],
        client_reconnect_ms=1000,
    ),
    "safe": RtoPreset(
        "safe",
        60,
        10,
        20,
        45,
        PostgresqlTimeouts(20000, 20000, 5, 2000, 20, 5, 4, 40000),
        *_CHECKS["safe"],
        client_reconnect_ms=2000,
    ),
    "wide": RtoPreset(
        "wide",
        120,
        20,
        30,
        95,
        PostgresqlTimeouts(30000, 30000, 10, 5000, 30, 10, 3, 60000),
        *_CHECKS["wide"],
        client_reconnect_ms=5000,
    ),
}


def timing_problems(ttl: int, loop_wait: int, retry_timeout: int) -> list[str]:
    """Return what is wrong with Patroni's three timings (seconds), a sentence each.

    Source: ``Config._validate_and_adjust_timeouts`` in Patroni 4.1.5 (``patroni/config.py``).
    """
    found = []
    for name, value, least in (
        ("ttl", ttl, TTL_MIN),
        ("loop_wait", loop_wait, LOOP_WAIT_MIN),
        ("retry_timeout", retry_timeout, RETRY_TIMEOUT_MIN),
    ):
        if value < least:
            found.append(f"{name} is {value} s, Patroni's minimum is {least} s")
    needed = loop_wait + 2 * retry_timeout
    if needed > ttl:
        found.append(
            f"loop_wait + 2 * retry_timeout = {loop_wait} + 2 * {retry_timeout} = {needed} s"
            f" exceeds ttl = {ttl} s"
        )
    return found


def rto_preset(name: str, **overrides: int | None) -> RtoPreset:
    """Return a preset, with some of Patroni's timings replaced.

    :param name: ``fast``, ``normal``, ``safe`` or ``wide``.
    :param overrides: ``ttl``, ``loop_wait``, ``retry_timeout``, ``primary_start_timeout`` in
        seconds, or ``client_reconnect_ms``; None keeps the preset's value.
    :raises ValueError: for an unknown preset or setting, or timings that break Patroni's rule.
    """
    if name not in RTO_PRESETS:
        raise ValueError(
            "unknown RTO preset {!r}; choose one of {}".format(name, ", ".join(RTO_PRESETS))
        )
    allowed = ("ttl", "loop_wait", "retry_timeout", "primary_start_timeout", "client_reconnect_ms")
    unknown = sorted(set(overrides) - set(allowed))
    if unknown:
        raise ValueError(
            "cannot override {}; these can be: {}".format(", ".join(unknown), ", ".join(allowed))
        )
    changes: dict[str, Any] = {
        key: int(value) for key, value in overrides.items() if value is not None
    }
    chosen = replace(RTO_PRESETS[name], **changes)
    problems = timing_problems(chosen.ttl, chosen.loop_wait, chosen.retry_timeout)
    if chosen.primary_start_timeout < 0:
        problems.append("primary_start_timeout is negative")
    if problems:
        raise ValueError("timings of preset {}: {}".format(name, "; ".join(problems)))
    return chosen


def check_rate(preset: RtoPreset, members: int) -> float:
    """Return the TLS handshakes per second that one balancer causes on a settled cluster.

    Primary's side: one server up, the others down; replicas' side: the primary down, the others up.
    """
    primary, replicas = preset.primary_checks, preset.replica_checks
    up_and_down = 1000 / primary.inter_ms + (members - 1) * 1000 / primary.downinter_ms
    return up_and_down + (members - 1) * 1000 / replicas.inter_ms + 1000 / replicas.downinter_ms
