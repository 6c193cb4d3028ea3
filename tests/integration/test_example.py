"""The example's payments flow through the lab's real cluster into its database."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.example import Example
from tests.integration.gateway import Edge
from tests.integration.labs import Lab
from tests.integration.real_cluster import Cluster
from tests.integration.releases import HOST, MAP, pay

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]

#: One database host stands for the cluster: what it does when it loses one is tried elsewhere.
HOSTS = """
all:
  vars: {rto_preset: fast, durability_preset: async}
  children:
    region_main:
      vars: {region: main, lab_attached: [main]}
      hosts:
        pay-main-1: {lab_id: 11, zone: a}
        lb-main-1: {lab_id: 21, zone: a, lab_attached: [main, public]}
        kube-main-1: {lab_id: 41, zone: a}
    pg_payments:
      vars: {patroni_scope: payments, etcd_group: etcd_main, postgresql_major: 17}
      hosts: {pay-main-1: {}}
    etcd_main: {hosts: {pay-main-1: {}}}
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


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    made = make_lab("t-example", HOSTS, kubernetes=True)
    made.succeed("databases")
    made.succeed("clusters")
    return made


@pytest.fixture(scope="module")
def example(lab: Lab) -> Example:
    octet = lab.run("kube-main-1", "hostname -I").split(".")[1]
    return Example(lab, Cluster(lab, "main"), f"10.{octet}.3.21")


@pytest.fixture(scope="module")
def edge(lab: Lab) -> Edge:
    return Edge(lab, lab.run("kube-main-1", "hostname -I").split()[0])


def test_migrations_and_services_come_in_the_order_of_their_needs(example: Example) -> None:
    example.share()
    example.migrate("identity")
    example.deploy("identity")
    for name in list(MAP["migrations"])[1:]:
        example.migrate(name)
    example.deploy(*[name for name in MAP["services"] if name != "identity"])


def test_a_payment_crosses_the_gateway_and_all_services(example: Example, edge: Edge) -> None:
    edge.await_status(200, "/", HOST)
    edge.await_status(401, "/v1/api/payment/payments/" + str(uuid.uuid4()), HOST)
    key = str(uuid.uuid4())
    begun = time.monotonic()
    first = pay(edge, example, key)
    print(f"a payment took {time.monotonic() - begun:.2f} s")
    assert first.status == 201, first
    again = json.loads(pay(edge, example, key).body)
    assert again["payment"] == json.loads(first.body)["payment"]
    path = f"/v1/api/signal/ws?payment={again['payment']}&token=none"
    assert edge.ask(path, HOST).status == 401
    # What is not for everybody is behind no path of the Gateway.
    assert edge.ask("/v1/api/ledger/check", HOST).status == 404


def test_pods_are_guaranteed_and_none_had_to_be_restarted(example: Example) -> None:
    pods = example.cluster.items(
        "pods", "-n", "nx-backend", "-l", "app.kubernetes.io/component=backend"
    )
    assert {pod["status"]["qosClass"] for pod in pods} == {"Guaranteed"}
    assert (
        sum(entry["restartCount"] for pod in pods for entry in pod["status"]["containerStatuses"])
        == 0
    )


def test_a_release_under_payments_loses_none(example: Example, edge: Edge) -> None:
    example.deploy("payment-api", "identity", version="2", wait=False)
    deadline, told, version = time.monotonic() + 120, Counter[int](), "1"
    while told.total() < 40 or version != "2":
        assert time.monotonic() < deadline, (told, version)
        told[pay(edge, example, str(uuid.uuid4())).status] += 1
        version = json.loads(edge.ask("/v1/api/payment/health", HOST).body)["version"]
    print(told)
    assert set(told) == {201}
    found = example.ask("ledger", "/v1/api/ledger/check")
    assert (found["sum"], found["unbalanced"], found["drifted"]) == (0, 0, 0)
    assert found["postings"] > told[201]


def test_a_broken_version_of_the_same_image_breaks_by_its_environment(
    example: Example, edge: Edge
) -> None:
    fault = [{"name": "FAULTS", "value": "errors:after=10"}]
    example.deploy("pricing", version="3", env=fault)
    deadline = time.monotonic() + 60
    while (answer := pay(edge, example, str(uuid.uuid4()))).status == 201:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert answer.status == 503, answer
    example.deploy("pricing", version="1")
    edge.await_status(200, "/", HOST)
    assert pay(edge, example, str(uuid.uuid4())).status == 201
