"""Each alert fires on what it is for, and keeps silent on what looks like it: by promtool, on Debian's Prometheus."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://watcher"]
RULES = "/etc/prometheus/groundwork/prometheus"
GIB = 1024**3
DAY = 86400


@dataclass(frozen=True)
class Case:
    """Series (a value a minute, in promtool's notation) and the minute at which is looked."""

    fires: dict[str, str]
    silent: dict[str, str]
    minute: int = 20


def _both(name: str, first: str, second: str) -> dict[str, str]:
    return {
        f'{name}{{scope="s",host="a",name="a"}}': first,
        f'{name}{{scope="s",host="b",name="b"}}': second,
    }


def _etcd_up(*up: int) -> dict[str, str]:
    return {f'up{{job="etcd",cluster="e",host="{n}"}}': f"{value}x30" for n, value in enumerate(up)}


def _filesystem(available: str, size: str, name: str = "node_filesystem") -> dict[str, str]:
    where = '{host="a",mountpoint="/d",fstype="xfs"}'
    return {f"{name}_avail_bytes{where}": available, f"{name}_size_bytes{where}": size}


def _fsync(bucket: str) -> dict[str, str]:
    name = 'etcd_disk_wal_fsync_duration_seconds_bucket{host="a",cluster="e",le='
    return {f'{name}"0.001"}}': bucket, f'{name}"1"}}': "0+60x40", f'{name}"+Inf"}}': "0+60x40"}


PRIMARY = {'patroni_primary{host="a",scope="s"}': "1x40"}
REPLICA = {'patroni_primary{host="a",scope="s"}': "0x40"}
SLOT = '{host="a",slot_name="b"}'
CASES = {
    "PostgresqlDown": Case({'pg_up{host="a"}': "0x30"}, {'pg_up{host="a"}': "1x19 0 1x5"}),
    "PostgresqlConnectionsNearLimit": Case(
        {
            'pg_stat_activity_count{host="a",state="idle"}': "80x30",
            'pg_stat_activity_count{host="a",state="active"}': "10x30",
            'pg_settings_max_connections{host="a"}': "100x30",
        },
        {
            'pg_stat_activity_count{host="a",state="idle"}': "80x30",
            'pg_settings_max_connections{host="a"}': "100x30",
        },
    ),
    "PostgresqlTransactionIdle": Case(
        {'pg_stat_activity_max_tx_duration{host="a",state="idle in transaction"}': "1000x30"},
        {'pg_stat_activity_max_tx_duration{host="a",state="active"}': "1000x30"},
    ),
    "PostgresqlDeadlocks": Case(
        {'pg_stat_database_deadlocks{host="a",datname="d"}': "0+1x30"},
        {'pg_stat_database_deadlocks{host="a",datname="d"}': "7x30"},
    ),
    "PostgresqlTransactionIdsNearLimit": Case(
        {'pg_database_wraparound_age_datfrozenxid_seconds{host="a",datname="d"}': "1100000000x30"},
        {'pg_database_wraparound_age_datfrozenxid_seconds{host="a",datname="d"}': "200000000x30"},
    ),
    "PostgresqlArchivingFails": Case(
        {'pg_stat_archiver_failed_count{host="a"}': "0+1x40", **PRIMARY},
        {'pg_stat_archiver_failed_count{host="a"}': "9x40", **PRIMARY},
        30,
    ),
    "ReplicaLags": Case(
        _both("patroni_xlog_location", f"{GIB}x30", "0x30")
        | _both("patroni_xlog_replayed_location", "0x30", f"{GIB // 2}x30")
        | _both("patroni_replica", "0x30", "1x30"),
        # The primary's own replayed position stands still and is not a lag.
        _both("patroni_xlog_location", f"{GIB}x30", "0x30")
        | _both("patroni_xlog_replayed_location", "0x30", f"{GIB - 1000}x30")
        | _both("patroni_replica", "0x30", "1x30"),
    ),
    "ReplicaDoesNotStream": Case(
        _both("patroni_replica", "0x30", "1x30")
        | _both("patroni_postgres_streaming", "0x30", "0x30"),
        _both("patroni_replica", "0x30", "1x30")
        | _both("patroni_postgres_streaming", "0x30", "1x30"),
    ),
    "NoSynchronousStandby": Case(
        {
            'patroni_sync_standby{scope="s",host="a",durability="sync"}': "0x30",
            'patroni_quorum_standby{scope="s",host="a",durability="sync"}': "0x30",
        },
        {
            'patroni_sync_standby{scope="s",host="a",durability="sync"}': "0x30",
            'patroni_quorum_standby{scope="s",host="a",durability="sync"}': "1x30",
            'patroni_sync_standby{scope="t",host="b",durability="async"}': "0x30",
            'patroni_quorum_standby{scope="t",host="b",durability="async"}': "0x30",
        },
    ),
    "ReplicationSlotInactive": Case(
        {f"pg_replication_slots_active{SLOT}": "0x30", **PRIMARY},
        # Replicas keep the slots of the others, which nobody reads.
        {f"pg_replication_slots_active{SLOT}": "0x30", **REPLICA},
    ),
    "ReplicationSlotLosesWal": Case(
        {'pg_replication_slot_wal_status{host="a",slot_name="b",wal_status="lost"}': "1x30"},
        {'pg_replication_slot_wal_status{host="a",slot_name="b",wal_status="reserved"}': "1x30"},
    ),
    "TimelinesDiverge": Case(
        _both("patroni_postgres_timeline", "3x30", "2x30"),
        # A member that is being made has no timeline; one that follows late is not lost.
        _both("patroni_postgres_timeline", "2x18 3x5", "2x20 3x5")
        | {'patroni_postgres_timeline{scope="s",host="c"}': "0x30"},
    ),
    "SeveralPrimaries": Case(
        _both("patroni_primary", "1x30", "1x30"), _both("patroni_primary", "1x30", "0x30")
    ),
    "PatroniNoLeader": Case(
        _both("patroni_primary", "0x30", "0x30") | _both("patroni_standby_leader", "0x30", "0x30"),
        _both("patroni_primary", "0x30", "0x30") | _both("patroni_standby_leader", "1x30", "0x30"),
    ),
    "PatroniFailoverHappened": Case(
        _both("patroni_postgres_timeline", "2x15 3x15", "2x15 3x15"),
        _both("patroni_postgres_timeline", "3x30", "3x30"),
    ),
    "PatroniPostgresqlNotRunning": Case(
        {'patroni_postgres_running{host="a"}': "0x30"},
        {'patroni_postgres_running{host="a"}': "1x19 0 1x9"},
    ),
    "PatroniPaused": Case(
        {'patroni_is_paused{scope="s"}': "1x90"}, {'patroni_is_paused{scope="s"}': "0x50 1x40"}, 80
    ),
    "PatroniFailsafeActive": Case(
        {'patroni_failsafe_mode_is_active{scope="s"}': "1x30"},
        {'patroni_failsafe_mode_is_active{scope="s"}': "0x30"},
    ),
    "PatroniPendingRestart": Case(
        {'patroni_pending_restart{host="a"}': "1x90"},
        {'patroni_pending_restart{host="a"}': "0x50 1x40"},
        80,
    ),
    "PatroniLostEtcd": Case(
        {'patroni_dcs_last_seen{host="a"}': "0x30"}, {'patroni_dcs_last_seen{host="a"}': "0+60x30"}
    ),
    "PatroniAllSilent": Case(
        {
            'up{job="patroni",cluster="s",host="a"}': "0x30",
            'up{job="patroni",cluster="s",host="b"}': "0x30",
        },
        {
            'up{job="patroni",cluster="s",host="a"}': "0x30",
            'up{job="patroni",cluster="s",host="b"}': "1x30",
        },
    ),
    "EtcdNoLeader": Case(
        {'etcd_server_has_leader{host="a"}': "0x30"}, {'etcd_server_has_leader{host="a"}': "1x30"}
    ),
    "EtcdQuorumLost": Case(_etcd_up(1, 0, 0), _etcd_up(1, 1, 0)),
    "EtcdMemberDown": Case(_etcd_up(1, 1, 0), _etcd_up(1, 1, 1)),
    "EtcdFsyncSlow": Case(_fsync("0x40"), _fsync("0+60x40"), 30),
    "EtcdLeaderChanges": Case(
        {'etcd_server_leader_changes_seen_total{cluster="e",host="a"}': "1x10 2 3 4 5x20"},
        {'etcd_server_leader_changes_seen_total{cluster="e",host="a"}': "1x10 2x20"},
    ),
    "EtcdDatabaseNearQuota": Case(
        {
            'etcd_mvcc_db_total_size_in_bytes{host="a"}': "90x30",
            'etcd_server_quota_backend_bytes{host="a"}': "100x30",
        },
        {
            'etcd_mvcc_db_total_size_in_bytes{host="a"}': "70x30",
            'etcd_server_quota_backend_bytes{host="a"}': "100x30",
        },
    ),
    "EtcdProposalsFail": Case(
        {'etcd_server_proposals_failed_total{host="a",cluster="e"}': "0+1x30"},
        {'etcd_server_proposals_failed_total{host="a",cluster="e"}': "9x30"},
    ),
    "TargetDown": Case(
        {'up{job="node",host="a"}': "0x30"}, {'up{job="node",host="a"}': "1x18 0 0 1x9"}
    ),
    "DiskNearlyFull": Case(_filesystem("5x30", "100x30"), _filesystem("50x30", "100x30")),
    "DiskFillsSoon": Case(_filesystem("60-0.5x90", "100x90"), _filesystem("30x90", "100x90"), 85),
    "DiskInodesNearlyUsed": Case(
        {
            'node_filesystem_files_free{host="a",fstype="ext4"}': "5x30",
            'node_filesystem_files{host="a",fstype="ext4"}': "100x30",
        },
        {
            'node_filesystem_files_free{host="a",fstype="ext4"}': "50x30",
            'node_filesystem_files{host="a",fstype="ext4"}': "100x30",
        },
    ),
    "DiskReadOnly": Case(
        {'node_filesystem_readonly{host="a",mountpoint="/d",fstype="xfs"}': "0x60 1x30"},
        {'node_filesystem_readonly{host="a",mountpoint="/d",fstype="xfs"}': "1x90"},
        80,
    ),
    "MemoryKillsProcesses": Case(
        {'node_vmstat_oom_kill{host="a"}': "0x10 1x20"}, {'node_vmstat_oom_kill{host="a"}': "1x30"}
    ),
    "ClockNotSynchronised": Case(
        {
            'node_timex_sync_status{host="a"}': "0x30",
            'node_timex_maxerror_seconds{host="a"}': "16x30",
        },
        {
            'node_timex_sync_status{host="a"}': "1x30",
            'node_timex_maxerror_seconds{host="a"}': "0.1x30",
        },
    ),
    "CertificateEndsSoon": Case(
        {'groundwork_certificate_not_after_seconds{host="a"}': f"{10 * DAY}x90"},
        {'groundwork_certificate_not_after_seconds{host="a"}': f"{30 * DAY}x90"},
        80,
    ),
    "BalancerSeesNoPrimary": Case(
        {'haproxy_backend_active_servers{host="a",proxy="primary"}': "0x30"},
        {'haproxy_backend_active_servers{host="a",proxy="primary"}': "1x30"},
    ),
    "BalancerSeesSeveralPrimaries": Case(
        {'haproxy_backend_active_servers{host="a",proxy="primary"}': "2x30"},
        {
            'haproxy_backend_active_servers{host="a",proxy="primary"}': "1x30",
            'haproxy_backend_active_servers{host="a",proxy="replicas"}': "2x30",
        },
    ),
    "BalancerSeesNoReplica": Case(
        {'haproxy_backend_active_servers{host="a",proxy="replicas"}': "0x30"},
        {'haproxy_backend_active_servers{host="a",proxy="replicas"}': "1x18 0 1x9"},
    ),
    "BalancerConnectionsNearLimit": Case(
        {
            'haproxy_process_current_connections{host="a"}': "90x30",
            'haproxy_process_max_connections{host="a"}': "100x30",
        },
        {
            'haproxy_process_current_connections{host="a"}': "50x30",
            'haproxy_process_max_connections{host="a"}': "100x30",
        },
    ),
}


def _group(alert: str, series: dict[str, str], minute: int, firing: bool) -> dict[str, object]:
    return {
        "interval": "1m",
        "name": f"{alert} {'fires' if firing else 'is silent'}",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count by (alertname) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}]
                if firing
                else [],
            }
        ],
    }


def test_every_alert_has_a_case(host: Host) -> None:
    rules = host.check_output(f"cat {RULES}/*.rules.yml")
    alerts = {line.split()[-1] for line in rules.splitlines() if "- alert:" in line}
    assert alerts == set(CASES)


@pytest.mark.parametrize("firing", [True, False], ids=["fires", "silent"])
def test_alerts(host: Host, firing: bool) -> None:
    groups = [
        _group(alert, case.fires if firing else case.silent, case.minute, firing)
        for alert, case in CASES.items()
    ]
    tests = json.dumps(
        {"rule_files": [f"{RULES}/*.rules.yml"], "evaluation_interval": "1m", "tests": groups}
    )
    result = host.run(
        f"cat > /tmp/rules.test.yml <<'END'\n{tests}\nEND\npromtool test rules /tmp/rules.test.yml"
    )
    assert result.succeeded, result.stdout + result.stderr
