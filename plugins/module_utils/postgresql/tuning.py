# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL parameters for a machine's size, for many short transactions (payments).

Sources: *docs* is PostgreSQL's manual ("Resource Consumption", "Write Ahead Log", "Query
Planning", "Automatic Vacuuming"); *pgtune* is the calculator's OLTP profile.
"""

from __future__ import annotations

from dataclasses import dataclass

MEMORY_MIN_MB = 256

# random_page_cost, effective_io_concurrency. docs: 4.0 suits rotating disks, near 1 where random
# reads cost as much as sequential ones; concurrency from pgtune (a network disk hides its queue).
_DISKS: dict[str, tuple[str, str]] = {
    "nvme": ("1.1", "256"),
    "ssd": ("1.1", "200"),
    "network": ("1.2", "200"),
    "hdd": ("4.0", "2"),
}
DISK_KINDS = tuple(_DISKS)


@dataclass(frozen=True)
class Machine:
    """What a database may use of its host.

    :param memory_mb: memory in MiB.
    :param disk_mb: size of the data disk in MiB, None if unknown; it limits the WAL kept.
    """

    memory_mb: int
    cores: int
    disk_kind: str
    max_connections: int
    disk_mb: int | None = None

    def check(self) -> None:
        """Raise ValueError for a size from which nothing sensible follows."""
        if self.memory_mb < MEMORY_MIN_MB:
            raise ValueError(f"memory of {self.memory_mb} MiB is below {MEMORY_MIN_MB} MiB")
        if self.cores < 1:
            raise ValueError(f"{self.cores} cores")
        if self.max_connections < 25:  # Patroni takes no less (CMDLINE_OPTIONS in its config.py)
            raise ValueError(
                f"max_connections {self.max_connections} is below Patroni's minimum, 25"
            )
        if self.disk_kind not in _DISKS:
            raise ValueError(
                f"unknown disk kind {self.disk_kind!r}; choose one of {', '.join(_DISKS)}"
            )


def memory_parameters(machine: Machine) -> dict[str, str]:
    """Return how memory is divided (MiB and KiB in PostgreSQL's units).

    shared_buffers: docs, 25% of memory. effective_cache_size: pgtune, 75%. work_mem: pgtune,
    (memory - shared_buffers) / (3 * max_connections), divided among the parallel workers of a
    query; at least 2 MiB. maintenance_work_mem: pgtune, memory / 16, at most 2 GiB, and such that
    all autovacuum workers together take no more than an eighth of memory.
    """
    shared = machine.memory_mb // 4
    query_processes = 1 + _workers_per_gather(machine)
    work_kb = (
        (machine.memory_mb - shared) * 1024 // (3 * machine.max_connections) // query_processes
    )
    maintenance = min(
        machine.memory_mb // 16, 2048, machine.memory_mb // 8 // _vacuum_workers(machine)
    )
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{machine.memory_mb * 3 // 4}MB",
        "work_mem": f"{max(2048, work_kb)}kB",
        "maintenance_work_mem": f"{max(16, maintenance)}MB",
    }


def wal_parameters(machine: Machine) -> dict[str, str]:
    """Return how much WAL lies between checkpoints and how it is buffered.

    max_wal_size: pgtune's OLTP profile keeps 2 to 8 GiB; here half the memory within 1 to 8 GiB,
    and an eighth of the data disk at most, so that a small disk is not filled. min_wal_size: a
    quarter of it. wal_buffers: docs, a thirty-second of shared_buffers up to one segment of 16 MiB.
    checkpoint_timeout stays at docs' 5 minutes: recovery after a crash has to end within
    primary_start_timeout.
    """
    most = min(max(machine.memory_mb // 2, 1024), 8192)
    if machine.disk_mb is not None:
        most = max(128, min(most, machine.disk_mb // 8))
    buffers_kb = min(16 * 1024, max(64, machine.memory_mb * 1024 // 4 // 32))
    return {
        "max_wal_size": f"{most}MB",
        "min_wal_size": f"{max(64, most // 4)}MB",
        "wal_buffers": f"{buffers_kb}kB",
        "checkpoint_timeout": "5min",
        "checkpoint_completion_target": "0.9",
    }


def worker_parameters(machine: Machine) -> dict[str, str]:
    """Return processes for parallel queries and for vacuum.

    pgtune: workers per gather and for maintenance are half the cores, at most 4; parallel workers
    are the cores. docs: jit pays for long queries only. Vacuum starts at 5% of changed rows
    instead of 20%, since payment tables only grow; its cost limit follows the disk.
    """
    half = _workers_per_gather(machine)
    return {
        "max_parallel_workers": str(machine.cores),
        "max_parallel_workers_per_gather": str(half),
        "max_parallel_maintenance_workers": str(half),
        "jit": "off",
        "autovacuum_max_workers": str(_vacuum_workers(machine)),
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_limit": "400" if machine.disk_kind == "hdd" else "2000",
    }


def postgresql_tuning(machine: Machine) -> dict[str, dict[str, str]]:
    """Return parameters in two parts.

    ``member`` may differ between the members of a cluster (a smaller backup replica). ``cluster``
    is what a standby must have no less of than its primary (docs, "Hot Standby"); Patroni takes
    these from its dynamic configuration only.

    :raises ValueError: for a machine that is too small or an unknown disk kind.
    """
    machine.check()
    random_page_cost, concurrency = _DISKS[machine.disk_kind]
    return {
        "cluster": {
            "max_connections": str(machine.max_connections),
            "max_worker_processes": str(max(8, machine.cores)),
        },
        "member": {
            **memory_parameters(machine),
            **wal_parameters(machine),
            **worker_parameters(machine),
            "random_page_cost": random_page_cost,
            "effective_io_concurrency": concurrency,
        },
    }


def _workers_per_gather(machine: Machine) -> int:
    return min(4, machine.cores // 2)


def _vacuum_workers(machine: Machine) -> int:
    return max(3, min(8, machine.cores // 4))
