"""A cluster without kubelets and schedulers, in which nodes and pods are what a test says of them."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.kube_api import Api

Put = Callable[[str], None]
Node = Callable[..., None]

#: Seconds between two heartbeats of a node; after 50 without one the API calls it lost.
HEARTBEAT = 10.0


def _kubectl(kube: Api, verb: str, text: str, *flags: str) -> None:
    command = [str(kube.program), "kubectl", f"--kubeconfig={kube.kubeconfig}", verb, "-f", "-"]
    done = subprocess.run(
        [*command, *flags], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def putting(kube: Api) -> Iterator[Put]:
    """Apply manifests, and remove them in the end: other tests share the API."""
    put_there: list[str] = []

    def apply(text: str) -> None:
        put_there.append(text)
        _kubectl(kube, "apply", text)

    yield apply
    for text in reversed(put_there):
        _kubectl(kube, "delete", text, "--ignore-not-found", "--wait=false")


@contextmanager
def nodes(kube: Api) -> Iterator[Node]:
    """Make nodes whose kubelet speaks, and remove them in the end."""
    made: dict[str, bool] = {}
    done = threading.Event()

    def speak() -> None:
        while not done.wait(HEARTBEAT):
            for name, ready in list(made.items()):
                beat(kube, name, ready)

    def make(name: str, ready: bool) -> None:
        labels = "{node.kubernetes.io/pool: app, topology.kubernetes.io/zone: a}"
        text = f"apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {labels}}}\n"
        _kubectl(kube, "apply", text)
        beat(kube, name, ready)
        made[name] = ready

    kubelet = threading.Thread(target=speak)
    kubelet.start()
    yield make
    done.set()
    kubelet.join()
    for name in made:
        kube.kubectl("delete", "node", name)


def beat(kube: Api, name: str, ready: bool) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": str(ready), "reason": "R", "message": "m"}
    status(
        kube,
        "node",
        name,
        conditions=[{**condition, "lastHeartbeatTime": now}],
        allocatable={"cpu": "2", "memory": "4Gi", "pods": "110"},
    )


def status(kube: Api, *what: str, **fields: Any) -> None:
    """Say what a kubelet or a controller would."""
    patch = json.dumps({"status": fields})
    kube.kubectl("patch", *what, "--subresource=status", "--type=merge", "-p", patch)


def until(good: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)


def pods(kube: Api, namespace: str, app: str) -> list[str]:
    found = kube.get("pods", "-n", namespace, "-l", f"app={app}")["items"]
    return [pod["metadata"]["name"] for pod in found]


def run_pod(
    kube: Api, namespace: str, name: str, *, ready: bool, on: str, address: str = "10.9.9.9"
) -> None:
    """A pod on a node whose container runs, or does not stay."""
    bind(kube, namespace, name, on)
    words = "True" if ready else "False"
    state: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    last = {}
    if not ready:
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
        last = {"terminated": {"exitCode": 3, "reason": "Error"}}
    container = {"name": "c", "image": "i", "imageID": "", "ready": ready, "restartCount": 5}
    status(
        kube,
        "pod",
        name,
        "-n",
        namespace,
        phase="Running",
        podIP=address,
        podIPs=[{"ip": address}],
        conditions=[{"type": kind, "status": words} for kind in ("Ready", "ContainersReady")],
        containerStatuses=[{**container, "state": state, "lastState": last}],
    )


def bind(kube: Api, namespace: str, name: str, node: str) -> None:
    """What a scheduler does."""
    if not kube.get("pod", name, "-n", namespace)["spec"].get("nodeName"):
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        path = f"--raw=/api/v1/namespaces/{namespace}/pods/{name}/binding"
        _kubectl(kube, "create", json.dumps(body), path)


def deployment(name: str, namespace: str, replicas: int = 1) -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}
---
"""


def place(namespace: str, quota: str = "{}") -> str:
    return f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {{name: q, namespace: {namespace}}}
spec: {{hard: {quota}}}
---
"""


def tls(days: float) -> tuple[str, str]:
    """A certificate that ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(now - timedelta(days=60))
    made = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


def secret(namespace: str, certificate: str, key: str) -> str:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web-tls", "namespace": namespace},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": certificate, "tls.key": key},
    }
    return yaml.safe_dump(body)
