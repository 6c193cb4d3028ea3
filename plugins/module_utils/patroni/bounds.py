# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The longest time without acknowledged writes that follows from the presets, term by term.

A bound reaches up to the first acknowledged write, the client's reconnection included. It adds
the worst case of every term, so a typical run is well below it. All figures are seconds.

Sources of the terms:

- *Patroni*: 4.1.5, ``ha.py``, ``dcs/etcd3.py``, ``dcs/etcd.py``, ``postgresql/sync.py``; each
  term names the function it was read from.
- *etcd*: 3.5 ``lease/lessor.go`` (expired leases are looked for every 500 ms; a newly elected
  leader restarts each lease with its full time plus one election timeout) and ``raft`` (a
  follower stands for election after one to two election timeouts).
- *HAProxy*: configuration manual, ``inter``, ``fastinter``, ``downinter``, ``rise``.
- *PostgreSQL*: documentation of ``wal_sender_timeout`` and ``wal_retrieve_retry_interval``.
- *allowance*: no setting limits it; chosen above what three lab hosts with PostgreSQL 17 on two
  busy cores showed.
"""

from __future__ import annotations

from typing import Callable

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.bound_model import (
    Bound,
    Situation,
    Term,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.durability import (
    DURABILITY_PRESETS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import RtoPreset

LEASE_SCAN = 0.5
MEMBER_STATUS_TIMEOUT = 2.0
FOLLOW_PAUSE = 2.0
PROMOTION = 2.0
SHUTDOWN = 2.0
ORDERLY_RACE = 1.0
CHECK_ANSWER = 0.5
SYNC_PASS = 1.0
FREE_KEY = 0.5
OLD_PRIMARY_RETURNS = 5.0
PROBE_NOISE = 1.0


def _loop(preset: RtoPreset, situation: Situation) -> Term:
    """A replica's watch wakes it at once; a watch held by a lost etcd member leaves its loop."""
    if situation.etcd_shares_hosts:
        return Term(
            "a replica acts",
            float(preset.loop_wait),
            "Patroni: loop_wait, the watch is lost with its etcd member",
        )
    return Term(
        "a replica acts",
        min(1.0, preset.loop_wait),
        "allowance; Patroni: KVCache wakes the loop when the key goes",
    )


def _promotion() -> list[Term]:
    return [
        Term(
            "members are asked for their position",
            MEMBER_STATUS_TIMEOUT,
            "Patroni: ha.fetch_node_status, timeout=2",
        ),
        Term("promotion", PROMOTION, "allowance; 0 to 2 s, 1.4 s measured with the shutdown"),
    ]


def _follow(preset: RtoPreset, situation: Situation) -> list[Term]:
    """The wait for a standby after a promotion.

    Quorum commit keeps the set of names it had (``process_sync_replication_prepromote``). Where
    that needs every replica, it needs the lost primary too, until the first pass that may change
    it: later than loop_wait after the promotion, so at the second loop (``process_sync_replication``).
    """
    if not situation.synchronous:
        return []
    terms = [_standby_follows(preset)]
    if situation.needs_every_replica:
        terms.append(
            Term(
                "the lost primary is dropped from the synchronous names",
                2.0 * preset.loop_wait,
                "Patroni: ha.process_sync_replication waits loop_wait after a promotion",
            )
        )
    return terms


def _standby_follows(preset: RtoPreset, pause: float = FOLLOW_PAUSE) -> Term:
    seconds = pause + preset.postgresql.wal_retrieve_retry_interval_ms / 1000
    return Term(
        "a standby follows the new primary",
        seconds,
        "Patroni: time.sleep(2) in ha.py; wal_retrieve_retry_interval",
    )


def _route(preset: RtoPreset) -> list[Term]:
    checks = preset.primary_checks
    seen = (checks.downinter_ms + (checks.rise - 1) * checks.fastinter_ms) / 1000 + CHECK_ANSWER
    return [
        Term(
            "the balancer sees the new primary",
            seen,
            "HAProxy: downinter + (rise - 1) * fastinter; 0.5 s to answer",
        ),
        Term(
            "the client reconnects",
            preset.client_reconnect_ms / 1000,
            "preset: client_reconnect_ms",
        ),
    ]


def _primary_host_lost(preset: RtoPreset, situation: Situation) -> list[Term]:
    """The host is gone at once, at worst right after it renewed its lease."""
    terms = []
    if situation.etcd_shares_hosts:
        terms.append(
            Term(
                "etcd elects a leader and restarts the lease",
                3 * situation.etcd_election,
                "etcd: election after 1 to 2 timeouts; lessor.Promote adds one",
            )
        )
    terms.append(
        Term("the leader's lease ends", float(preset.ttl), "Patroni: ttl, at worst just renewed")
    )
    terms.append(Term("etcd notices that it ended", LEASE_SCAN, "etcd: lessor scans every 500 ms"))
    terms.append(_loop(preset, situation))
    return terms + _promotion() + _follow(preset, situation) + _route(preset)


def _switchover(preset: RtoPreset, situation: Situation) -> list[Term]:
    """The primary hands over; all members live.

    With a named candidate the other standby idles 2 s before it follows
    (``ha.process_unhealthy_cluster``); without one, it follows at once. Where commits need every
    replica, the old primary has to come back as one.
    """
    terms = [
        Term(
            "the old primary shuts down",
            SHUTDOWN,
            "allowance; Patroni: checkpoint first, then a fast stop",
        ),
        Term(
            "the race for the key",
            ORDERLY_RACE,
            "allowance; Patroni: the freed key wakes the members",
        ),
        Term("promotion", PROMOTION, "allowance; 0 to 2 s, 1.4 s measured with the shutdown"),
    ]
    if situation.needs_every_replica:
        retry = preset.postgresql.wal_retrieve_retry_interval_ms / 1000
        terms.append(
            Term(
                "the old primary returns as standby",
                OLD_PRIMARY_RETURNS + retry,
                "allowance; Patroni: time.sleep(2) in ha.demote, then a start; wal_retrieve_retry_interval",
            )
        )
    elif situation.synchronous:
        terms.append(_standby_follows(preset, FOLLOW_PAUSE if situation.candidate_named else 0.0))
    return terms + _route(preset)


def _fenced_failover(preset: RtoPreset, situation: Situation) -> list[Term]:
    """The old primary is fenced and its key freed, so nothing waits for the lease."""
    terms = [
        Term("the old primary is fenced", situation.fence, "the fence's own limit"),
        Term("its leader key is freed", FREE_KEY, "allowance; one request to etcd"),
        _loop(preset, situation),
    ]
    return terms + _promotion() + _follow(preset, situation) + _route(preset)


def _postgresql_dead(preset: RtoPreset, situation: Situation) -> list[Term]:
    """PostgreSQL does not come back although its Patroni lives and holds the key."""
    terms = [
        Term("Patroni sees PostgreSQL dead", float(preset.loop_wait), "Patroni: loop_wait"),
        Term(
            "Patroni tries to start it",
            float(preset.primary_start_timeout),
            "Patroni: primary_start_timeout",
        ),
        Term(
            "Patroni gives up and frees the key",
            float(preset.loop_wait),
            "Patroni: ha.handle_starting_instance, next loop",
        ),
        Term(
            "the race for the key",
            ORDERLY_RACE,
            "allowance; Patroni: the freed key wakes the members",
        ),
    ]
    return terms + _promotion() + _follow(preset, situation) + _route(preset)


def _replica_lost(preset: RtoPreset, situation: Situation, silent: bool) -> list[Term]:
    """One replica goes; clients stay connected, commits stand still if they need that replica."""
    noise = Term("spread of the measure", PROBE_NOISE, "allowance; a busy host, the probe's pace")
    if not situation.needs_every_replica:
        return [noise]
    terms = []
    if silent:
        patience = min(preset.postgresql.wal_sender_timeout_ms / 1000, float(preset.ttl))
        terms.append(
            Term(
                "its WAL sender ends",
                patience,
                "PostgreSQL: wal_sender_timeout; Patroni: its member key ends at ttl",
            )
        )
    if situation.etcd_shares_hosts:
        other = 2 * situation.etcd_election + max(1.0, preset.retry_timeout / 3)
        terms.append(
            Term(
                "etcd elects a leader, Patroni turns to another member",
                other,
                "etcd: 2 election timeouts; Patroni: etcd._calculate_timeouts, retry_timeout / 3",
            )
        )
    terms.append(
        Term("Patroni looks at the replicas", float(preset.loop_wait), "Patroni: loop_wait")
    )
    terms.append(
        Term(
            "the lost replica is dropped from the synchronous names",
            SYNC_PASS,
            "allowance; Patroni: ha._process_quorum_replication, two writes and a reload",
        )
    )
    return [*terms, noise]


def _replica_lost_silent(preset: RtoPreset, situation: Situation) -> list[Term]:
    return _replica_lost(preset, situation, silent=True)


def _replica_lost_killed(preset: RtoPreset, situation: Situation) -> list[Term]:
    return _replica_lost(preset, situation, silent=False)


EVENTS: dict[str, Callable[[RtoPreset, Situation], list[Term]]] = {
    "switchover": _switchover,
    "primary_host_lost": _primary_host_lost,
    "fenced_failover": _fenced_failover,
    "postgresql_dead": _postgresql_dead,
    "replica_lost_silent": _replica_lost_silent,
    "replica_lost_killed": _replica_lost_killed,
}


def failover_bound(event: str, preset: RtoPreset, situation: Situation) -> Bound:
    """Return the bound of an event.

    :raises ValueError: for an unknown event or durability preset.
    """
    if event not in EVENTS:
        raise ValueError("unknown event {!r}; choose one of {}".format(event, ", ".join(EVENTS)))
    if situation.durability not in DURABILITY_PRESETS:
        raise ValueError(
            f"unknown durability preset {situation.durability!r};"
            f" choose one of {', '.join(DURABILITY_PRESETS)}"
        )
    return Bound(event, preset.name, situation.durability, tuple(EVENTS[event](preset, situation)))
