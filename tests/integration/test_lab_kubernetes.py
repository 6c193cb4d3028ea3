"""The lab's clusters: real pods on a real node, policies that deny, simulated nodes that come and go."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import gateway
from tests.integration.labs import Lab
from tests.integration.real_cluster import SERVER, SERVICE, WAITING, Cluster, pod

pytestmark = [pytest.mark.lab, pytest.mark.kube]

HOSTS = """
all:
  children:
    lab_kubernetes:
      hosts:
        kube-main-1: {lab_id: 41, lab_attached: [main], region: main, zone: a}
        kube-failover-1:
          lab_id: 41
          lab_attached: [failover]
          region: failover
          lab_kubernetes_node: false
          lab_kubernetes_pod_cidr: "10.{{ lab_octet }}.72.0/22"
          lab_kubernetes_service_cidr: "10.{{ lab_octet }}.76.0/22"
          lab_kubernetes_pools: {default: {count: "{{ nodes | default(0) }}", cpu: "4", memory: 16Gi}}
    kube_clusters:
      hosts:
        cluster-main: {region: main}
        cluster-failover:
          region: failover
          kube_standby: true
          kube_namespaces_capacity: {cpu: "12", memory: 48Gi, pods: 330}
    lab: {children: {lab_kubernetes: {}}}
"""
#: Kernel settings that kubelet changes where it can, and that are the whole machine's.
KERNEL = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")


def kernel() -> dict[str, str]:
    return {name: Path("/proc/sys", name).read_text().strip() for name in KERNEL}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return kernel()


@pytest.fixture(scope="module")
def lab(before: dict[str, str], make_lab: Callable[..., Lab]) -> Lab:
    assert before  # looked at before the lab is there
    return make_lab("t-kube", HOSTS, kubernetes=True)


@pytest.fixture(scope="module")
def main(lab: Lab) -> Cluster:
    return Cluster(lab, "main")


@pytest.fixture(scope="module")
def failover(lab: Lab) -> Cluster:
    return Cluster(lab, "failover")


def test_second_run_changes_nothing_and_the_machine_is_as_before(
    lab: Lab, before: dict[str, str]
) -> None:
    assert lab.up().changed == 0
    assert kernel() == before


def test_strangers_are_refused(main: Cluster) -> None:
    config = json.loads(main.do("config", "view", "--raw", "-o", "json"))
    server = config["clusters"][0]["cluster"]["server"]
    # Without a certificate one is nobody; the server's own is of the lab's authority, not one of the machine's.
    curl = ["curl", "--silent", "--show-error", "--max-time", "5", f"{server}/version"]
    answer = subprocess.run([*curl, "--insecure"], capture_output=True, text=True, check=False)
    assert "Unauthorized" in answer.stdout
    assert subprocess.run(curl, capture_output=True, check=False).returncode == 60


def test_pods_jobs_probes_services_and_names_are_real(lab: Lab, main: Cluster) -> None:
    host = "10.{}.1.41".format(lab.run("kube-main-1", "hostname -I").split(".")[1])
    ask = "wget -q -O - http://server.default.svc.cluster.local | grep well"
    script = f"{ask} && nc -w 2 {host} 22 < /dev/null | grep SSH"
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "client"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {**pod("client", script)["spec"], "restartPolicy": "Never"}},
        },
    }
    main.do("apply", "-f", "-", given=json.dumps(SERVER))
    main.do("apply", "-f", "-", given=json.dumps(SERVICE))
    main.wait("pod", "server", "condition=Ready")
    main.do("apply", "-f", "-", given=json.dumps(job))
    main.wait("job", "client", "condition=Complete")
    assert "well" in main.do("logs", "job/client")
    main.do("delete", "pod/server", "service/server", "job/client", "--wait=false")


def test_bootstrap_from_nothing_and_a_second_run_changes_nothing(lab: Lab, main: Cluster) -> None:
    rehearsal = lab.succeed("clusters", "--check", "--diff")
    assert rehearsal.changed > 0
    assert not [ns for ns in main.items("ns") if ns["metadata"]["name"].startswith("nx-")]
    assert lab.succeed("clusters").changed > 0
    again = lab.succeed("clusters")
    assert again.changed == 0
    names = {ns["metadata"]["name"] for ns in main.items("namespaces")}
    assert {
        "nx-internal",
        "nx-backend",
        "nx-app",
        "nx-persistent",
        "nx-broker",
        "nx-search",
    } < names
    assert "nx-watcher" not in names


def test_sealed_secrets_are_opened_and_redis_follows_its_master(main: Cluster) -> None:
    # The inventory's form is sealed, so the Secret that Redis reads is what the controller made of it.
    sealed = main.items("sealedsecrets", "-n", "nx-broker")
    assert [entry["metadata"]["name"] for entry in sealed] == ["redis"]
    (secret,) = [
        entry for entry in main.items("secrets", "-n", "nx-broker") if entry["type"] == "Opaque"
    ]
    assert secret["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret"
    ask = ["exec", "-n", "nx-broker"]
    main.do(*ask, "redis-master-0", "--", "redis-cli", "set", "key", "kept")
    main.do(*ask, "redis-master-0", "--", "redis-cli", "wait", "1", "5000")
    assert main.do(*ask, "redis-replicas-0", "--", "redis-cli", "get", "key").strip() == "kept"
    refused = main.do(
        *ask, "redis-master-0", "--", "env", "REDISCLI_AUTH=", "redis-cli", "get", "key"
    )
    assert "NOAUTH" in refused


def test_what_is_not_allowed_is_denied(main: Cluster) -> None:
    # Named flows of the inventory: nx-internal may call nx-backend's port 3000, nx-app may not.
    main.do("apply", "-n", "nx-backend", "-f", "-", given=json.dumps(SERVER))
    main.do("apply", "-n", "nx-backend", "-f", "-", given=json.dumps(SERVICE))
    for namespace in ("nx-internal", "nx-app", "nx-backend"):
        main.do("apply", "-n", namespace, "-f", "-", given=json.dumps(pod("client", WAITING)))
    for namespace in ("nx-internal", "nx-app", "nx-backend"):
        main.wait("pod", "client", "condition=Ready", namespace)
    # Its probe comes from the node.
    main.wait("pod", "server", "condition=Ready", "nx-backend")
    url = "http://server.nx-backend.svc.cluster.local"
    assert main.reaches("client", url, "nx-internal")
    assert main.reaches("client", url, "nx-backend")
    assert not main.reaches("client", url, "nx-app")
    # A policy that goes opens what it closed, so the enforcer is what denied it.
    main.do("delete", "networkpolicy", "--all", "-n", "nx-app")
    main.do("delete", "networkpolicy", "--all", "-n", "nx-backend")
    deadline = time.monotonic() + 10
    while not main.reaches("client", url, "nx-app"):
        assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def edge(lab: Lab, main: Cluster) -> Iterator[gateway.Edge]:
    lab.succeed("clusters")
    apply = ("apply", "-n", gateway.NAMESPACE, "-f", "-")
    main.do(*apply, given=gateway.services())
    main.do(*apply, given=gateway.route(90, 10))
    node = lab.run("kube-main-1", "hostname -I").split()[0]
    yield gateway.Edge(lab, node)
    main.do("delete", "httproute/shop", "-n", gateway.NAMESPACE)
    main.do("delete", "-n", gateway.NAMESPACE, "-f", "-", "--wait=false", given=gateway.services())


def test_weights_of_a_route_are_kept_and_change(main: Cluster, edge: gateway.Edge) -> None:
    edge.await_status(200, "/", gateway.SHOP)
    for stable in (90, 50):
        given = gateway.route(stable, 100 - stable)
        main.do("apply", "-n", gateway.NAMESPACE, "-f", "-", given=given)
        # Traefik takes changes in every two seconds.
        time.sleep(3)
        answers = [edge.ask("/", gateway.SHOP) for _ in range(100)]
        assert {answer.status for answer in answers} == {200}
        found = [answer.body for answer in answers].count("stable")
        assert abs(found - stable) <= 5, found


def test_headers_protect_and_who_asks_too_often_is_told(edge: gateway.Edge) -> None:
    headers = edge.await_status(200, "/v1/api/identity").headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    assert set(edge.flood("/v1/api/identity", 200)) == {200, 429}


def test_what_lasts_is_under_no_limit(edge: gateway.Edge) -> None:
    answer = edge.await_status(200, "/v1/api/signal/ws")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert edge.flood("/v1/api/signal/ws", 200) == {200: 200}
    # The same service beside it is limited.
    assert 429 in edge.flood("/v1/api/signal", 200)
    status, echo = edge.upgrade("/v1/api/signal/ws", b"paid")
    assert (status, echo) == ("HTTP/1.1 101 Switching Protocols", b"paid")


def test_what_is_broken_is_left_alone(edge: gateway.Edge) -> None:
    # 500 is the service's own, 503 the circuit breaker's.
    edge.await_status(500, "/v1/api/commerce")
    edge.await_status(503, "/v1/api/commerce")


def test_drift_is_told_and_repaired(lab: Lab, main: Cluster) -> None:
    lab.succeed("clusters")
    hard = {"spec": {"hard": {"pods": "7", "services": "3"}}}
    main.do("patch", "quota", "groundwork", "-n", "nx-app", "--type=merge", "-p", json.dumps(hard))
    told = lab.playbook("cluster_drift")
    assert told.returncode == 2
    assert "ResourceQuota groundwork in nx-app: changed" in told.text
    assert "spec.hard.pods: 7 → 12 (by kubectl-patch)" in told.text
    assert "spec.hard.services" in told.text
    assert "cluster-failover: as in the inventory" in told.text
    assert lab.succeed("clusters").changed == 1
    (quota,) = main.items("quota", "-n", "nx-app")
    assert quota["spec"]["hard"]["pods"] == "12"
    assert "services" not in quota["spec"]["hard"]
    assert lab.playbook("cluster_drift").returncode == 0


def test_pools_are_scaled_from_nothing_and_leaving_standby_waits_for_everything(
    lab: Lab, failover: Cluster
) -> None:
    assert failover.items("nodes") == []
    redis = ["get", "statefulset", "redis-master", "-n", "nx-broker", "-o"]
    assert failover.do(*redis, "jsonpath={.status.readyReplicas}") == ""
    deployment = ["create", "deployment", "many", "--image=any", "--replicas=12"]
    failover.do(*deployment)
    lab.succeed("lab", lab_state="present", nodes=3)
    assert len(failover.items("nodes")) == 3
    failover.wait("deployment", "many", "condition=Available")
    failover.do("delete", "deployment", "many")
    lab.succeed("clusters", "--limit", "cluster-failover", kube_standby=False)
    assert failover.do(*redis, "jsonpath={.status.readyReplicas}") == "1"
    lab.succeed("clusters", "--limit", "cluster-failover")
    lab.succeed("lab", lab_state="present", nodes=0)
    assert failover.items("nodes") == []
