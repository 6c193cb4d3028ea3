"""Parameters by the size of a machine."""

from __future__ import annotations

import re

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.parameter_rules import (
    parameter_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.postgresql.tuning import (
    DISK_KINDS,
    Machine,
    postgresql_tuning,
)

SIZES = [(256, 1), (1024, 2), (8192, 4), (65536, 16), (262144, 64)]


def megabytes(text: str) -> float:
    match = re.fullmatch(r"(\d+)(kB|MB)", text)
    assert match
    return int(match[1]) / (1024 if match[2] == "kB" else 1)


@pytest.mark.parametrize("memory_mb, cores", SIZES)
@pytest.mark.parametrize("disk_kind", DISK_KINDS)
@pytest.mark.parametrize("major", [15, 16, 17, 18])
def test_parameters_are_known_and_fit_into_memory(
    memory_mb: int, cores: int, disk_kind: str, major: int
) -> None:
    parts = postgresql_tuning(Machine(memory_mb, cores, disk_kind, 100))
    assert parameter_problems(parts["member"], "member", major, local=True) == []
    assert parameter_problems(parts["cluster"], "cluster", major, local=False) == []
    member = parts["member"]
    assert megabytes(member["shared_buffers"]) == memory_mb // 4
    vacuum = megabytes(member["maintenance_work_mem"]) * int(member["autovacuum_max_workers"])
    assert vacuum <= max(memory_mb / 8, 48)
    assert megabytes(member["wal_buffers"]) <= 16
    assert int(member["max_parallel_workers_per_gather"]) <= cores / 2


def test_a_known_machine() -> None:
    parts = postgresql_tuning(Machine(8192, 4, "ssd", 200))
    assert parts["cluster"] == {"max_connections": "200", "max_worker_processes": "8"}
    assert parts["member"]["effective_cache_size"] == "6144MB"
    assert parts["member"]["work_mem"] == "3495kB"
    assert parts["member"]["random_page_cost"] == "1.1"


def test_a_small_disk_limits_the_wal() -> None:
    wal = postgresql_tuning(Machine(8192, 4, "ssd", 100, disk_mb=4096))["member"]
    assert (wal["max_wal_size"], wal["min_wal_size"]) == ("512MB", "128MB")


@pytest.mark.parametrize(
    "machine, said",
    [
        (Machine(128, 1, "ssd", 100), "below 256 MiB"),
        (Machine(1024, 0, "ssd", 100), "0 cores"),
        (Machine(1024, 1, "tape", 100), "unknown disk kind 'tape'"),
        (Machine(1024, 1, "ssd", 24), "Patroni's minimum"),
    ],
)
def test_bad_machines(machine: Machine, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        postgresql_tuning(machine)
