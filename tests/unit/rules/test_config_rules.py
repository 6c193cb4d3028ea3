"""Patroni's configuration: what its own validation lets through is caught, and the reverse."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.config_rules import (
    config_problems,
    dynamic_config_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.parameter_rules import (
    parameter_problems,
)

GOOD: dict[str, Any] = {
    "scope": "payments",
    "namespace": "/service/",
    "name": "pay-main-1",
    "log": {"type": "plain", "level": "INFO"},
    "restapi": {
        "listen": "10.0.0.1:8008",
        "connect_address": "10.0.0.1:8008",
        "certfile": "/tls/host.crt",
        "keyfile": "/tls/host.key",
        "cafile": "/tls/ca.crt",
        "verify_client": "none",
        "authentication": {"username": "patroni", "password": "s3cret-value"},
    },
    "ctl": {"cacert": "/tls/ca.crt"},
    "etcd3": {
        "hosts": "10.0.0.1:2379,10.0.0.2:2379",
        "protocol": "https",
        "cacert": "/tls/ca.crt",
        "username": "patroni",
        "password": "s3cret-value",
    },
    "bootstrap": {
        "dcs": {
            "ttl": 20,
            "loop_wait": 5,
            "retry_timeout": 5,
            "primary_start_timeout": 15,
            "synchronous_mode": "quorum",
            "synchronous_mode_strict": False,
            "synchronous_node_count": 1,
            "maximum_lag_on_failover": 16777216,
            "failsafe_mode": True,
            "check_timeline": True,
            "slots": {"audit": {"type": "physical"}},
            "postgresql": {
                "use_pg_rewind": True,
                "use_slots": True,
                "parameters": {
                    "max_connections": "200",
                    "wal_level": "replica",
                    "hot_standby": "on",
                },
            },
        },
        "initdb": [{"encoding": "UTF8"}, "data-checksums"],
    },
    "postgresql": {
        "listen": "10.0.0.1,127.0.0.1:5432",
        "connect_address": "10.0.0.1:5432",
        "data_dir": "/var/lib/postgresql/17/payments",
        "bin_dir": "/usr/lib/postgresql/17/bin",
        "create_replica_methods": ["backup", "basebackup"],
        "backup": {"command": "restore"},
        "basebackup": [{"checkpoint": "fast"}],
        "authentication": {
            "superuser": {"username": "postgres", "password": "s3cret-value"},
            "replication": {"username": "replicator", "password": "s3cret-value"},
            "rewind": {"username": "rewind", "password": "s3cret-value"},
        },
        "parameters": {
            "cluster_name": "payments",
            "ssl": "on",
            "shared_buffers": "2GB",
            "pg_stat_statements.max": 1000,
        },
        "pg_hba": [
            "local all all peer",
            "hostssl replication replicator 10.0.0.2/32 scram-sha-256",
            "hostssl all postgres,replicator all reject",
            "hostssl all all 10.0.0.0/8 scram-sha-256",
        ],
    },
    "watchdog": {"mode": "automatic", "device": "/dev/watchdog", "safety_margin": 5},
    "tags": {"nofailover": True, "clonefrom": True, "nosync": True, "datacenter": "a"},
}


def changed(path: str, value: object) -> dict[str, Any]:
    config = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    level = config
    for key in parents:
        level = level.setdefault(key, {})
    if value is None:
        level.pop(last, None)
    else:
        level[last] = value
    return config


def found(
    config: dict[str, Any], major: int = 17, replicas: int | None = 2
) -> list[tuple[str, str]]:
    return [(p.reason, p.where) for p in config_problems(config, major, replicas)]


def test_a_right_file_passes_also_with_what_patronis_validation_refuses() -> None:
    assert found(GOOD) == []
    assert config_problems(GOOD, None) == []


@pytest.mark.parametrize(
    "path, value, reason, where",
    [
        # what `patroni --validate-config` lets through
        ("bootstrap/dcs/loop_wait", 50, "timing_rule", "bootstrap.dcs"),
        ("bootstrap/dcs/lop_wait", 5, "unknown_key", ""),
        ("postgrseql", {}, "unknown_key", ""),
        ("postgresql/pghba", [], "unknown_key", ""),
        ("restapi/certfiel", "x", "unknown_key", ""),
        ("postgresql/authentication/superuser/passwd", "x", "unknown_key", ""),
        ("postgresql/parameters/shared_bufers", "1GB", "unknown_parameter", ""),
        ("bootstrap/dcs/postgresql/parameters/work_memm", "1MB", "unknown_parameter", ""),
        ("postgresql/pg_hba", ["hostssl replication r 10.0.0.300/32 md5"], "pg_hba", "postgresql.pg_hba[0]"),
        # values
        ("bootstrap/dcs/ttl", 10, "timing_rule", "bootstrap.dcs"),
        ("bootstrap/dcs/ttl", "soon", "not_a_number", ""),
        ("bootstrap/dcs/maximum_lag_on_failover", -1, "value_too_small", ""),
        ("bootstrap/dcs/failsafe_mode", "yess", "not_a_switch", ""),
        ("bootstrap/dcs/synchronous_mode", "quorums", "synchronous_mode", ""),
        ("bootstrap/dcs/synchronous_node_count", 3, "sync_count_impossible", ""),
        ("bootstrap/dcs/synchronous_node_count", 0, "value_too_small", ""),
        ("bootstrap/dcs/standby_cluster", {"primary_slot_name": "x"}, "standby_without_source", ""),
        ("bootstrap/dcs/standby_cluster/hots", "x", "unknown_key", ""),
        ("bootstrap/dcs", [], "not_a_mapping", ""),
        # places
        ("ttl", 20, "dynamic_key_in_local_part", ""),
        ("consul", {"host": "x"}, "unsupported_store", ""),
        ("bootstrap/dcs/postgresql/listen", "x", "local_key_in_dynamic_part", ""),
        ("postgresql/parameters/max_connections", 100, "parameter_is_cluster_wide", ""),
        ("postgresql/parameters/cluster_name", "other", "parameter_of_patroni", ""),
        ("postgresql/parameters/primary_conninfo", "x", "parameter_of_patroni", ""),
        ("bootstrap/dcs/postgresql/parameters/max_connections", 10, "parameter_value", ""),
        ("bootstrap/dcs/postgresql/parameters/wal_level", "minimal", "parameter_value", ""),
        ("postgresql/parameters/work_mem", ["4MB"], "parameter_value", ""),
        # identity, authentication, encryption
        ("name", None, "missing", ""),
        ("scope", "", "missing", ""),
        ("name", "pay main", "bad_name", ""),
        ("restapi/authentication", None, "missing", "restapi.authentication.password"),
        ("restapi/certfile", None, "missing", ""),
        ("etcd3/protocol", "http", "not_encrypted", ""),
        ("etcd3/protocol", None, "missing", ""),
        ("etcd3/hosts", None, "missing", ""),
        ("ctl/insecure", True, "not_verified", ""),
        ("restapi/connect_address", "10.0.0.1", "bad_address", ""),
        ("restapi/listen", "10.0.0.1:80080", "bad_address", ""),
        ("watchdog/mode", "on", "watchdog_mode", ""),
        ("postgresql/pg_hba", ["local all all peer"], "pg_hba_replication", "pg_hba"),
        ("postgresql/parameters/ssl", "off", "ssl_off", ""),
        ("tags/failover_priority", 2, "conflicting_tags", ""),
    ],
)  # fmt: skip
def test_mistakes_are_found_where_they_are(
    path: str, value: object, reason: str, where: str
) -> None:
    assert (reason, where or path.replace("/", ".")) in found(changed(path, value))


def test_a_mistyped_name_gets_a_hint_and_no_secret_is_told() -> None:
    config = changed("postgresql/parameters/shared_bufers", "1GB")
    config["restapi"]["authentication"]["pasword"] = "s3cret-value"
    problems = config_problems(config, 17)
    assert any("did you mean shared_buffers?" in problem.way_out for problem in problems)
    assert "s3cret-value" not in str(problems)


def test_the_replica_count_is_judged_only_where_it_is_known() -> None:
    config = changed("bootstrap/dcs/synchronous_node_count", 3)
    assert found(config, replicas=None) == []
    config["bootstrap"]["dcs"]["standby_cluster"] = {"host": "10.1.0.1", "port": 5432}
    assert found(config, replicas=0) == []


@pytest.mark.parametrize(
    "config, reasons",
    [
        ({"ttl": 20, "loop_wait": 5, "retry_timeout": 5}, []),
        ({"ttl": 20, "loop_wait": 50, "retry_timeout": 5}, ["timing_rule"]),
        ({"ttl": 20}, ["timing_rule"]),  # Patroni's defaults 10/10 take part
        ({"synchronous_mode": "quorum"}, []),
        ({"synchronous_mode": True}, []),
        ({"synchronous_mode": "on"}, ["synchronous_mode"]),
        ({"synchronous_mode_strict": True}, ["strict_without_synchronous"]),
        ({"slots": None, "pause": None, "postgresql": {"parameters": {"work_mem": None}}}, []),
        ({"bootstrap": {}}, ["unknown_key"]),
        ({"postgresql": {"pg_hba": ["host all all 0.0.0.0/0 trust"]}}, ["pg_hba_trust"]),
    ],
)
def test_dynamic_configuration(config: dict[str, Any], reasons: list[str]) -> None:
    assert [problem.reason for problem in dynamic_config_problems(config, 17, 2)] == reasons


@pytest.mark.parametrize(
    "name, major, reason",
    [
        ("summarize_wal", 16, "PostgreSQL 17 brings it"),
        ("summarize_wal", 17, None),
        ("io_method", 17, "PostgreSQL 18 brings it"),
        ("io_method", 18, None),
        ("promote_trigger_file", 15, "remove it"),
        ("old_snapshot_threshold", 16, None),
        ("old_snapshot_threshold", 17, "PostgreSQL 17 removed it"),
        ("TimeZone", 17, None),
        ("DateStyle", 17, None),
        ("auto_explain.log_min_duration", 17, None),
        ("stats_temp_directory", 15, "Remove it"),
    ],
)
def test_parameters_by_major_version(name: str, major: int, reason: str | None) -> None:
    problems = parameter_problems({name: "x"}, "parameters", major, local=True)
    if reason is None:
        assert problems == []
    else:
        assert reason in problems[0].way_out


def test_an_unknown_major_version_is_refused() -> None:
    with pytest.raises(ValueError, match="PostgreSQL 14"):
        parameter_problems({}, "parameters", 14, local=True)
