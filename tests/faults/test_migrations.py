"""Migrations that lose what they work with: the database's primary, or the node that they run on (`make faults`).

Real ones: the example's, by Alembic, through the balancer into the HA database.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.midflight import (
    HOSTS,
    NODE,
    OPEN,
    SCHEMA,
    SCHEMAS,
    Database,
    Run,
    example_services,
    podman,
    until,
)
from tests.integration.example import Example
from tests.integration.labs import Lab
from tests.integration.migrations import Migrations, one, service, states
from tests.integration.real_cluster import Cluster
from tests.unit.payments.platform import platform, servers

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]

#: A node's crash as far as the cluster sees it: nothing on it answers, and no container lives on.
_HALT = """
systemctl stop kubelet
for task in $(ctr -n k8s.io task ls -q); do ctr -n k8s.io task kill -s KILL $task; done
systemctl stop containerd
"""


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    made = make_lab("t-midflight", HOSTS, kubernetes=True)
    made.succeed("databases")
    # Neither Redis nor a Gateway is needed here, and nobody opens sealed Secrets.
    made.succeed("clusters", kube_components=[], kube_secrets_form="secret")
    return made


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Cluster:
    return Cluster(lab, "main")


@pytest.fixture(scope="module")
def example(lab: Lab, cluster: Cluster) -> Example:
    octet = lab.run(NODE, "hostname -I").split(".")[1]
    made = Example(lab, cluster, f"10.{octet}.3.21")
    made.share()
    return made


@pytest.fixture(scope="module")
def database(lab: Lab) -> Database:
    return Database(lab)


@pytest.fixture(scope="module")
def clean() -> str:
    """The tables as an undisturbed run makes them."""
    with servers() as started, platform(*started, database="clean") as made:
        made.migrate(*SCHEMAS)
        return str(made.sql(SCHEMA))


@pytest.fixture
def migrations(cluster: Cluster) -> Migrations:
    return Migrations(cluster)


@pytest.fixture
def version(request: pytest.FixtureRequest) -> str:
    """A version of the test's own."""
    return f"v{zlib.crc32(request.node.name.encode())}"


@pytest.mark.parametrize("loss", ["kill", "silent"])
def test_one_that_loses_its_database_finishes_on_the_next_primary(
    migrations: Migrations,
    example: Example,
    database: Database,
    clean: str,
    tmp_path: Path,
    version: str,
    loss: str,
) -> None:
    database.empty()
    faults = {"commerce": "migrate-sleep:seconds=8"}
    services = example_services(example, version, faults)
    run = Run(migrations, services, tmp_path, version=version)
    run.until(lambda: "commerce" in migrations.jobs(version), 180, "its turn")
    run.until(lambda: database.sql(OPEN) == "1", 120, "a transaction")
    before = database.leader
    with database.lost(loss):
        done = run.result()
    assert database.leader != before
    assert not done.get("failed"), done["msg"]
    assert {states(done)[name] for name in SCHEMAS} == {"done"}
    # It did lose its database, and what needs it waited.
    assert one(done, "commerce")["failures"]
    assert run.at("inventory", "running") >= run.at("commerce", "done")
    assert database.sql(SCHEMA) == clean
    again = migrations.run(*services, version=version)
    assert {states(again)[name] for name in SCHEMAS} == {"skipped"}
    assert not again["changed"]
    assert database.sql(SCHEMA) == clean


def lose(lab: Lab, what: str) -> None:
    if what == "host":
        podman("stop", "--time", "0", f"{lab.name}-{NODE}")
    else:
        lab.run(NODE, _HALT)


def bring_back(lab: Lab, cluster: Cluster, what: str) -> None:
    if what == "host":
        podman("start", f"{lab.name}-{NODE}")
    else:
        lab.run(NODE, "systemctl start containerd kubelet")
    ready = ("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=1s")
    until(lambda: cluster.kubectl(*ready).returncode == 0, 120, "the node is ready")


def started(cluster: Cluster, version: str) -> bool:
    """Whether the first migration's container runs."""
    listed = cluster.items("pods", "-n", "nx-backend", "-l", f"app.kubernetes.io/version={version}")
    return any(pod["status"]["phase"] == "Running" for pod in listed)


@pytest.mark.parametrize("what", ["host", "node"])
def test_one_that_is_killed_with_its_node_is_run_again_by_its_job(
    lab: Lab,
    cluster: Cluster,
    migrations: Migrations,
    tmp_path: Path,
    version: str,
    what: str,
) -> None:
    """With the whole host the API goes, too, for longer than the Lease lasts: the run waits for it."""
    services = [
        service("identity", "sleep 20", backoff_limit=3),
        service("commerce", needs=["identity"]),
    ]
    run = Run(migrations, services, tmp_path, version=version)
    run.until(lambda: started(cluster, version), 60, "it runs")
    uid = migrations.jobs(version)["identity"]["metadata"]["uid"]
    lose(lab, what)
    try:
        # Beyond the time after which a Lease is free and a node is lost.
        time.sleep(25)
    finally:
        bring_back(lab, cluster, what)
    done = run.result()
    assert not done.get("failed"), done["msg"]
    assert states(done) == {"identity": "done", "commerce": "done"}
    assert one(done, "identity")["failures"]
    assert run.at("commerce", "running") >= run.at("identity", "done")
    assert migrations.jobs(version)["identity"]["metadata"]["uid"] == uid
    if what == "host":
        assert run.at("", "the API answers again") > run.at("", "waits for the API, up to 180 s")
    again = migrations.run(*services, version=version)
    assert (set(states(again).values()), again["changed"]) == ({"skipped"}, False)


def test_one_whose_node_stays_away_fails_at_its_deadline(
    lab: Lab, cluster: Cluster, migrations: Migrations, tmp_path: Path, version: str
) -> None:
    services = [
        service("identity", "sleep 600", deadline=30, backoff_limit=3),
        service("commerce", needs=["identity"]),
    ]
    run = Run(migrations, services, tmp_path, version=version)
    run.until(lambda: started(cluster, version), 60, "it runs")
    lose(lab, "node")
    try:
        done = run.result()
    finally:
        bring_back(lab, cluster, "node")
    assert states(done) == {"identity": "failed", "commerce": "left_out"}
    assert "DeadlineExceeded" in done["msg"]
    assert one(done, "identity")["seconds"] < 45
    services[0] = service("identity", deadline=30, backoff_limit=3)
    done = migrations.run(*services, version=version, retry_failed=True)
    assert states(done) == {"identity": "done", "commerce": "done"}
