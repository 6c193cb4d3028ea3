"""Migrations of the example at work in the lab, and what their tables look like."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from examples.payments.render import migration_of, objects, service_of
from tests.integration.example import Example
from tests.integration.labs import Lab
from tests.integration.migrations import Body, Migrations, ended

HOSTS = """
all:
  vars: {rto_preset: fast, durability_preset: sync}
  children:
    region_main:
      vars: {region: main, lab_attached: [main]}
      hosts:
        pay-main-1: {lab_id: 11, zone: a}
        pay-main-2: {lab_id: 12, zone: b}
        pay-main-3: {lab_id: 13, zone: c}
        lb-main-1: {lab_id: 21, zone: a, lab_attached: [main, public]}
        kube-main-1: {lab_id: 41, zone: a}
    pg_payments:
      vars: {patroni_scope: payments, etcd_group: etcd_main, postgresql_major: 17}
      hosts: {pay-main-1: {}, pay-main-2: {}, pay-main-3: {}}
    etcd_main: {hosts: {pay-main-1: {}, pay-main-2: {}, pay-main-3: {}}}
    etcd: {children: {etcd_main: {}}}
    lb_payments: {vars: {load_balancer_cluster: pg_payments}, hosts: {lb-main-1: {}}}
    load_balancers: {children: {lb_payments: {}}}
    postgresql:
      children: {pg_payments: {}}
      vars: {lab_disks: [{name: data, size: 4G}]}
    lab_kubernetes: {hosts: {kube-main-1: {}}}
    kube_clusters: {hosts: {cluster-main: {region: main}}}
    lab: {children: {region_main: {}}}
"""
NODE = "kube-main-1"
#: What the tests migrate, in the order of their needs.
SCHEMAS = ("identity", "commerce", "inventory")
_IN = ", ".join(f"'{name}'" for name in SCHEMAS)
#: All that a migration makes, line by line; versions of Alembic with it.
SCHEMA = f"""
SELECT concat_ws(' ', table_schema, table_name, column_name, data_type, is_nullable, column_default)
  FROM information_schema.columns WHERE table_schema IN ({_IN})
UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
  FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE nspname IN ({_IN})
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname IN ({_IN})
UNION ALL SELECT concat_ws(' ', '{SCHEMAS[0]} is', version_num) FROM identity.alembic_version
UNION ALL SELECT concat_ws(' ', '{SCHEMAS[1]} is', version_num) FROM commerce.alembic_version
UNION ALL SELECT concat_ws(' ', '{SCHEMAS[2]} is', version_num) FROM inventory.alembic_version
ORDER BY 1
"""
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'nx_app' AND state = 'idle in transaction'"


def until(good: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.3)


def podman(*arguments: str) -> None:
    subprocess.run(["podman", *arguments], check=True, capture_output=True)


class Database:
    """The cluster's primary, asked on its host."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.leader = lab.leader()

    def sql(self, statement: str) -> str:
        """What the primary says."""
        words = " ".join(statement.split())
        script = f'runuser -u postgres -- psql -XAtq -d nx_core -c "{words}"'
        return self._lab.run(self.leader, script)

    def empty(self) -> None:
        """Take back what earlier tests migrated."""
        for schema in SCHEMAS:
            self.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    @contextmanager
    def lost(self, loss: str) -> Iterator[None]:
        """Lose the primary's host: at once (``kill``), or without a word (``silent``); bring it back in the end."""
        host = f"{self._lab.name}-{self.leader}"
        if loss == "silent":
            chains = " ".join(
                f'chain {way} {{ type filter hook {way}put priority -300; {way[0]}ifname != "lo" drop; }};'
                for way in ("in", "out")
            )
            podman("exec", host, "nft", f"table inet drill {{ {chains} }}")
        else:
            podman("stop", "--time", "0", host)
        try:
            yield
        finally:
            podman("stop", "--time", "0", host)
            podman("start", host)
            self._whole()

    def _whole(self) -> None:
        """Wait until all members are there again, and see who leads."""
        until(lambda: self._lab.playbook("db_status").returncode == 0, 120, "the cluster is whole")
        self.leader = self._lab.leader()


class Run:
    """A run of the module, and what it has told so far."""

    def __init__(
        self, migrations: Migrations, services: list[Body], folder: Path, **options: Any
    ) -> None:
        self._progress = folder / "progress"
        self._progress.touch()
        given = {"progress_file": str(self._progress), **options}
        self._process = migrations.begin(*services, **given)

    def until(self, good: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something holds while it runs."""
        until(lambda: self._process.poll() is not None or good(), seconds, what)
        assert self._process.poll() is None, f"{what}: {self.result()}"

    def told(self) -> list[tuple[float, str, str]]:
        """Seconds, name and text of all that it told."""
        lines = map(json.loads, self._progress.read_text().splitlines())
        return [(line["seconds"], line["name"], line["text"]) for line in lines]

    def at(self, name: str, text: str) -> float:
        """After how many seconds it told something."""
        return next(
            seconds
            for seconds, who, what in self.told()
            if (who, what.split(":")[0]) == (name, text)
        )

    def result(self) -> Body:
        """What it returned in the end."""
        try:
            return ended(self._process, 600)
        finally:
            for line in self.told():
                print(*line)


def example_services(example: Example, version: str, faults: dict[str, str]) -> list[Body]:
    """Identity, which others wait for, and what comes after it; ``faults`` by service."""
    about = {"version": version, "settings": example.settings}

    def job(name: str) -> Body:
        env = [{"name": "FAULTS", "value": faults[name]}] if name in faults else []
        (made,) = objects("migration.yml.j2", service=migration_of(name, env=env), **about)
        return dict(made)

    identity = objects("service.yml.j2", service=service_of("identity", public=[]), **about)
    rollout = {"deployment": "nx-identity", "manifests": identity}
    return [
        {"name": "identity", "job": job("identity"), "rollout": rollout},
        {"name": "commerce", "job": job("commerce"), "needs": ["identity", "identity rollout"]},
        {"name": "inventory", "job": job("inventory"), "needs": ["commerce"]},
    ]
