"""kube_cluster_info against a real API server: what it tells, waits for, and may not read."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.integration.kube_api import NOBODY, Api, direct
from tests.integration.kube_world import (
    Node,
    Put,
    deployment,
    place,
    pods,
    run_pod,
    secret,
    status,
    tls,
    until,
)

pytestmark = [pytest.mark.kube, pytest.mark.slow]

Info = Callable[..., dict[str, Any]]


@pytest.fixture
def info(kube: Api) -> Info:
    """Run the module; a failure is returned like any result."""

    def look(**options: Any) -> dict[str, Any]:
        return direct("kube_cluster_info", **{"kubeconfig": str(kube.kubeconfig), **options})

    return look


def reasons(found: dict[str, Any], level: str = "problem") -> set[tuple[str, str]]:
    return {
        (problem["reason"], problem["subject"])
        for problem in found["problems"]
        if problem["level"] == level
    }


def test_a_cluster_is_told_as_it_is(
    kube: Api, info: Info, put: Put, node: Node, namespace: str
) -> None:
    node("verify-a", ready=True)
    node("verify-b", ready=False)
    certificate, key = tls(10.5)
    put(place(namespace, "{pods: '3', configmaps: '1'}"))
    apps = [deployment("good", namespace), deployment("bad", namespace)]
    put("".join([*apps, deployment("idle", namespace, 0)]) + secret(namespace, certificate, key))
    until(lambda: all(pods(kube, namespace, app) for app in ("good", "bad")))
    run_pod(kube, namespace, pods(kube, namespace, "good")[0], ready=True, on="verify-a")
    run_pod(
        kube,
        namespace,
        pods(kube, namespace, "bad")[0],
        ready=False,
        on="verify-a",
        address="10.9.9.8",
    )

    expect = {"namespaces": [namespace, "gone"], "nodes": {"app": 2}}
    found = info(namespaces=[namespace, "gone"], expect=expect, wait_timeout=8)
    workloads = {entry["name"]: entry for entry in found["workloads"]}
    assert (workloads["good"]["wanted"], workloads["good"]["ready"]) == (1, 1)
    assert workloads["good"]["reason"] == ""
    assert workloads["bad"]["reason"] == (
        "0 of 1 pods are available; container c: CrashLoopBackOff, exit code 3, 5 restarts"
    )
    services = {entry["name"]: entry for entry in found["services"]}
    assert (services["good"]["ready"], services["bad"]["ready"]) == (1, 0)
    assert (services["idle"]["ready"], services["idle"]["idle"]) == (0, True)
    quota = {limit["resource"]: limit["percent"] for limit in found["quotas"]}
    assert quota == {"pods": pytest.approx(66.7), "configmaps": 100.0}
    assert found["pools"] == {"app": {"ready": 1, "total": 2}}
    assert found["capacity"] == {"cpu": 2.0, "memory": 4 * 1024**3, "pods": 110}
    assert found["version"] == json.loads(kube.kubectl("get", "--raw=/version"))["gitVersion"]
    assert [entry["name"] for entry in found["namespaces"]] == [namespace]
    days = {entry["kind"]: entry["days_left"] for entry in found["certificates"]}
    assert days["Secret"] == 10
    assert days["APIServer"] > 300
    assert found["unread"] == []
    assert reasons(found) == {
        ("node_not_ready", "Node verify-b"),
        ("too_few_nodes", "Pool app"),
        ("no_namespace", "Namespace gone"),
        ("quota_used_up", f"ResourceQuota {namespace}/q configmaps"),
        ("not_ready", f"Deployment {namespace}/bad"),
        ("no_endpoints", f"Service {namespace}/bad"),
    }
    assert reasons(found, "warning") == {("certificate_ends_soon", f"Secret {namespace}/web-tls")}

    told = json.dumps(found)
    for text in (key, base64.b64encode(key.encode()).decode()):
        assert text.splitlines()[0][:40] not in told

    standby = info(namespaces=[namespace], expect={"standby": True, "namespaces": ["gone"]})
    assert {reason for reason, _subject in reasons(standby)} == {
        "node_not_ready",
        "quota_used_up",
    }
    # What was not asked for may not be there.
    some = info(gather=["namespaces", "nodes"], expect={"namespaces": [namespace]}, check=True)
    assert {"nodes", "namespaces"} <= some.keys()
    assert not {"workloads", "services", "quotas", "certificates"} & some.keys()
    assert reasons(some) == {("node_not_ready", "Node verify-b")}


def test_jobs_that_failed_say_how(kube: Api, info: Info, put: Put, namespace: str) -> None:
    put(place(namespace))
    put(f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: migrate, namespace: {namespace}}}
spec:
  backoffLimit: 0
  template:
    metadata: {{labels: {{app: migrate}}}}
    spec: {{restartPolicy: Never, containers: [{{name: c, image: i}}]}}
""")
    until(lambda: bool(pods(kube, namespace, "migrate")))
    ended = {"exitCode": 7, "reason": "Error"}
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    status(
        kube,
        "pod",
        pods(kube, namespace, "migrate")[0],
        "-n",
        namespace,
        phase="Failed",
        containerStatuses=[{**container, "state": {"terminated": ended}}],
    )
    until(lambda: bool(info(gather=["workloads"], namespaces=[namespace])["failed_jobs"]))
    (job,) = info(gather=["workloads"], namespaces=[namespace])["failed_jobs"]
    assert job["reason"].startswith("Failed: BackoffLimitExceeded")
    assert job["reason"].endswith("container c: exit code 7")


def test_who_refuses_the_pods_of_a_stateful_set_is_named(
    info: Info, put: Put, namespace: str
) -> None:
    put(place(namespace, "{pods: '0'}"))
    put(f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db, namespace: {namespace}}}
spec:
  serviceName: db
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
""")

    def told() -> str:
        return str(info(gather=["workloads"], namespaces=[namespace])["workloads"][0]["reason"])

    until(lambda: "exceeded quota: q" in told())
    assert told().startswith("0 of 1 pods are ready; ")


def test_what_time_mends_is_waited_for(
    kube: Api, info: Info, put: Put, node: Node, namespace: str
) -> None:
    node("verify-d", ready=True)
    put(place(namespace) + deployment("late", namespace))
    until(lambda: bool(pods(kube, namespace, "late")))
    (name,) = pods(kube, namespace, "late")
    asked = {"gather": ["workloads", "services"], "namespaces": [namespace]}
    assert reasons(info(**asked)) == {
        ("not_ready", f"Deployment {namespace}/late"),
        ("no_endpoints", f"Service {namespace}/late"),
    }
    # In check mode nobody waits.
    began = time.monotonic()
    assert reasons(info(**asked, wait_timeout=60, check=True))
    assert time.monotonic() - began < 20

    later = threading.Timer(4, run_pod, (kube, namespace, name), {"ready": True, "on": "verify-d"})
    later.start()
    began = time.monotonic()
    assert reasons(info(**asked, wait_timeout=60)) == set()
    assert 4 < time.monotonic() - began < 40
    later.join()


DEFINITIONS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {plural}.{group}
  annotations: {{api-approved.kubernetes.io: "unapproved, a test's own"}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: {plural}, singular: {kind_lower}, kind: {kind}}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
"""


def test_kinds_of_others_are_told_where_they_are_served(
    kube: Api, info: Info, put: Put, namespace: str
) -> None:
    asked = {"gather": ["ingresses", "certificates"], "namespaces": [namespace]}
    put(place(namespace))
    before = info(**asked)
    assert (before["ingresses"], before["unread"]) == ([], [])

    kinds = (
        ("gateways", "Gateway", "gateway.networking.k8s.io"),
        ("httproutes", "HTTPRoute", "gateway.networking.k8s.io"),
        ("certificates", "Certificate", "cert-manager.io"),
    )
    definitions = [
        DEFINITIONS.format(plural=plural, kind=kind, kind_lower=kind.lower(), group=group)
        for plural, kind, group in kinds
    ]
    put("".join(definitions))
    for plural, _kind, group in kinds:
        kube.kubectl("wait", "--for=condition=Established", f"crd/{plural}.{group}")
    ending = (datetime.now(UTC) + timedelta(days=3, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    put(f"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge, namespace: {namespace}}}
spec: {{gatewayClassName: k, listeners: [{{name: web, hostname: "*.example.com"}}]}}
status: {{conditions: [{{type: Programmed, status: "False", reason: NoAddress, message: none is free}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web, namespace: {namespace}}}
spec: {{hostnames: [web.example.com], parentRefs: [{{name: edge}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: old, namespace: {namespace}}}
spec: {{defaultBackend: {{service: {{name: x, port: {{number: 80}}}}}}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: web, namespace: {namespace}}}
spec: {{secretName: web-tls, dnsNames: [web.example.com]}}
status: {{notAfter: "{ending}", conditions: [{{type: Ready, status: "True"}}]}}
""")
    found = info(**asked)
    assert {(entry["kind"], entry["reason"]) for entry in found["ingresses"]} == {
        ("Gateway", "Programmed: NoAddress none is free"),
        ("HTTPRoute", "no gateway has taken it"),
        ("Ingress", "no controller has given it an address"),
    }
    assert reasons(found) == {
        ("not_in_use", f"Gateway {namespace}/edge"),
        ("not_in_use", f"HTTPRoute {namespace}/web"),
        ("certificate_ends_soon", f"Certificate {namespace}/web"),
    }
    assert reasons(found, "warning") == {("not_in_use", f"Ingress {namespace}/old")}


def test_what_an_account_may_not_read_is_named(
    kube: Api, info: Info, put: Put, namespace: str
) -> None:
    account = {"kubeconfig": None, "host": kube.url, "ca_cert": str(kube.ca_cert)}
    refused = info(**account, api_key=NOBODY)
    assert refused["failed"]
    assert refused["reason"] == "forbidden"
    assert "nobody" in refused["msg"]

    put(place(namespace, "{pods: '5'}") + deployment("web", namespace))
    put(f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: looks, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: nobody}}]
""")
    until(lambda: bool(pods(kube, namespace, "web")))
    asked = {**account, "api_key": NOBODY, "namespaces": [namespace]}
    found = info(**asked, expect={"namespaces": [namespace]})
    # Kinds that nobody serves are not among them, though the API calls them forbidden.
    assert {(entry["resource"], entry["namespace"]) for entry in found["unread"]} == {
        ("nodes", ""),
        ("secrets", namespace),
    }
    assert "nodes" not in found
    assert "capacity" not in found
    assert [entry["name"] for entry in found["workloads"]] == ["web"]
    assert {subject for _reason, subject in reasons(found, "warning")} == {"nodes", "secrets"}

    stranger = info(**account, api_key="nobody knows this")
    assert stranger["reason"] == "unauthorized"


def test_an_api_that_is_not_there_is_named_in_time(info: Info) -> None:
    began = time.monotonic()
    # Port 9 (discard): nothing listens.
    gone = info(kubeconfig=None, host="https://127.0.0.1:9", timeout=2)
    assert gone["reason"] == "unreachable"
    assert "https://127.0.0.1:9" in gone["msg"]
    assert time.monotonic() - began < 30


def test_what_is_no_kubernetes_api_is_told(info: Info) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        found = info(kubeconfig=None, host=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert found["reason"] == "failed"
    assert "does not answer as a Kubernetes API does: <html>" in found["msg"]


def test_an_expectation_that_cannot_be_is_refused(info: Info) -> None:
    refused = info(gather=["nodes"], expect={"nodes": {"app": "some"}})
    assert refused["reason"] == "bad_expectation"
    assert "'some'" in refused["msg"]
