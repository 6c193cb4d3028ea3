"""health_check against a real API server and a real etcd: rollouts, Jobs, endpoints, and HTTP from inside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.health_servers import Service
from tests.integration.kube_api import Api, build, direct, free_port, running
from tests.integration.kube_world import Node, Put, deployment, place, pods, run_pod, status, until

pytestmark = [pytest.mark.kube, pytest.mark.slow]


def ask(kube: Api, checks: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    defaults = {"timeout": 5, "interval": 0.2, **options.pop("defaults", {})}
    given: dict[str, Any] = {
        "kubeconfig": str(kube.kubeconfig),
        "checks": checks,
        "defaults": defaults,
    }
    return direct("health_check", **given, **options)


def look(kind: str, name: str, namespace: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"{kind} {name}",
        "kubernetes": {"kind": kind, "name": name, "namespace": namespace, **more},
    }


def reasons(found: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["reason"] for entry in found["checks"]}


def job(name: str, namespace: str, more: str = "") -> str:
    return f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  {more}
  template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: i}}]}}}}
---
"""


def test_rollouts_endpoints_and_jobs(kube: Api, put: Put, node: Node, namespace: str) -> None:
    node("health-1", True)
    put(place(namespace) + deployment("web", namespace) + deployment("broken", namespace))
    put(job("done", namespace) + job("open", namespace) + job("paused", namespace, "suspend: true"))
    for name in ("web", "broken"):
        until(lambda name=name: len(pods(kube, namespace, name)) == 1)  # type: ignore[misc]
    [web], [broken] = pods(kube, namespace, "web"), pods(kube, namespace, "broken")
    run_pod(kube, namespace, web, ready=True, on="health-1")
    run_pod(kube, namespace, broken, ready=False, on="health-1", address="10.9.9.8")
    conditions = [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")]
    times = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z"}
    until(lambda: kube.get("job", "done", "-n", namespace).get("status", {}).get("startTime"))
    started = kube.get("job", "done", "-n", namespace)["status"]["startTime"]
    counts = {"succeeded": 1, "active": 0, "ready": 0, "terminating": 0}
    status(
        kube,
        "job",
        "done",
        "-n",
        namespace,
        conditions=conditions,
        **{**times, "startTime": started, "completionTime": "2099-01-01T00:00:00Z"},
        **counts,
    )
    ready = ask(
        kube,
        [
            look("Deployment", "web", namespace),
            look("Service", "web", namespace),
            look("Job", "done", namespace),
            look("ResourceQuota", "q", namespace),
        ],
        defaults={"retries": 50},
    )
    assert ready["healthy"], ready["msg"]
    assert ready["checks"][1]["facts"] == {"endpoints": 1}
    found = ask(
        kube,
        [
            look("Deployment", "broken", namespace),
            look("Service", "broken", namespace),
            look("Service", "web", namespace, endpoints=2),
            look("Job", "open", namespace),
            look("Job", "paused", namespace),
            look("Deployment", "gone", namespace),
            look("Gadget", "x", namespace),
        ],
    )
    assert list(reasons(found).values()) == [
        "not_ready",
        "not_ready",
        "not_ready",
        "not_ready",
        "not_ready",
        "not_found",
        "unknown_kind",
    ]
    for words in (
        "Deployment broken in",
        "0 of 1 pods are available",
        "0 endpoints are ready, expected 1",
        "1 endpoints are ready, expected 2",
        "it is suspended",
        "the cluster knows no Gadget",
    ):
        assert words in found["msg"]


def own_address() -> str:
    """An address of this machine that is not loopback, which the API refuses for endpoints; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@pytest.fixture
def service() -> Iterator[Service]:
    with closing(Service(address=own_address())) as served:
        yield served


def test_http_from_inside_the_cluster(
    kube: Api, put: Put, node: Node, namespace: str, service: Service
) -> None:
    """The API server asks the pod; who runs the check need not reach it."""
    service.answer = lambda path: (503, "down") if path == "/bad" else (200, {"status": "ok"})
    put(
        place(namespace)
        + deployment("web", namespace)
        + f"""
apiVersion: v1
kind: Service
metadata: {{name: api, namespace: {namespace}}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 3000, targetPort: {service.port}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: nobody, namespace: {namespace}}}
spec: {{selector: {{app: nobody}}, ports: [{{port: 3000}}]}}
---
"""
    )
    node("health-2", True)
    until(lambda: len(pods(kube, namespace, "web")) == 1)
    [pod] = pods(kube, namespace, "web")
    run_pod(kube, namespace, pod, ready=True, on="health-2", address=own_address())

    def http(name: str, path: str, of: str = "api", **more: Any) -> dict[str, Any]:
        place = {"name": of, "namespace": namespace, "port": "3000", "path": path}
        return {"name": name, "http": {"service": place, **more}}

    good = ask(
        kube,
        [
            http("health", "/health?deep=yes", json={"status": "ok"}),
            look("Service", "api", namespace),
        ],
        defaults={"retries": 20},
    )
    assert good["healthy"], good["msg"]
    assert "/health?deep=yes" in [path for path, _headers in service.asked]
    found = ask(
        kube,
        [
            http("bad", "/bad"),
            http("body", "/", json={"status": "up"}),
            http("nobody", "/", "nobody"),
            http("gone", "/", "gone"),
        ],
    )
    assert reasons(found) == {
        "bad": "status",
        "body": "body",
        "nobody": "unavailable",
        "gone": "not_found",
    }
    assert "no endpoints available" in found["msg"]


def test_a_cluster_that_does_not_answer_is_told(kube: Api) -> None:
    away = f"https://127.0.0.1:{free_port()}"
    found = ask(kube, [look("Deployment", "web", "default")], host=away, defaults={"timeout": 2})
    assert reasons(found) == {"Deployment web": "unreachable"}
    assert away in found["msg"]


def test_a_real_etcd(tmp_path: Path) -> None:
    client, peer = free_port(), free_port()
    own = f"http://127.0.0.1:{client}"
    command = [
        str(build()),
        "etcd",
        "--data-dir=etcd",
        f"--listen-client-urls={own}",
        f"--advertise-client-urls={own}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
    ]
    checks = [
        {"name": "etcd", "etcd": {"endpoints": [own]}},
        {"name": "quorum", "etcd": {"endpoints": [own], "expect": "quorum"}},
    ]
    with running(tmp_path / "etcd.log", command):
        found = direct("health_check", checks=checks, defaults={"retries": 50, "interval": 0.2})
        assert found["healthy"], found["msg"]
        assert found["checks"][0]["facts"] == {"leader": "default", "members": 1}
    found = direct("health_check", checks=checks)
    assert reasons(found) == {"etcd": "no_quorum", "quorum": "no_quorum"}
