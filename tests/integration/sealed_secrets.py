"""The real sealed-secrets controller beside an API of one's own, as a pod of it would run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.integration.kube_api import ADMIN, Api, free_port, running

NAMESPACE, NAME = "kube-system", "sealed-secrets-controller"

DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "sealedsecrets.bitnami.com"},
    "spec": {
        "group": "bitnami.com",
        "names": {"kind": "SealedSecret", "plural": "sealedsecrets"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["encryptedData"],
                                "properties": {
                                    "encryptedData": {
                                        "type": "object",
                                        "additionalProperties": {"type": "string"},
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                    "template": {
                                        "type": "object",
                                        "properties": {
                                            "type": {"type": "string"},
                                            "metadata": {
                                                "type": "object",
                                                "x-kubernetes-preserve-unknown-fields": True,
                                            },
                                        },
                                    },
                                },
                            },
                            "status": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            },
                        },
                    }
                },
            }
        ],
    },
}


def _address() -> str:
    """The machine's own address: the API's proxy goes to no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@contextmanager
def controller(kube: Api, folder: Path) -> Iterator[None]:
    """Run the controller until the block ends, as the account of a pod in a mount namespace of its own."""
    port, url = free_port(), urlsplit(kube.url)
    account = "/run/secrets/kubernetes.io/serviceaccount"
    (folder / "token").write_text(ADMIN)
    (folder / "namespace").write_text(NAMESPACE)
    script = (
        f"mount -t tmpfs none /run && mkdir -p {account} && cp token namespace {account} && "
        f"cp {kube.ca_cert} {account}/ca.crt && exec {kube.program.parent / 'sealed-secrets'} "
        f"--listen-addr=:{port} --listen-metrics-addr=127.0.0.1:{free_port()}"
    )
    environment = {
        **os.environ,
        "KUBERNETES_SERVICE_HOST": str(url.hostname),
        "KUBERNETES_SERVICE_PORT": str(url.port),
    }
    _publish(kube, port)
    with running(
        folder / "controller.log", ["unshare", "--mount", "sh", "-ec", script], environment
    ):
        kube.await_(lambda: _answers(kube))
        yield


def _answers(kube: Api) -> bool:
    path = f"/api/v1/namespaces/{NAMESPACE}/services/http:{NAME}:http/proxy/healthz"
    command = [
        str(kube.program),
        "kubectl",
        f"--kubeconfig={kube.kubeconfig}",
        "get",
        "--raw",
        path,
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _publish(kube: Api, port: int) -> None:
    """What its chart and the cluster would make: definition, Service, endpoint."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    address = {"ip": _address()}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"name": "http", "port": 8080}]},
    }
    # The API's proxy goes to pods alone, so there is one, which no kubelet ever sees.
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "controller", "image": "none"}]},
    }
    reference = {"kind": "Pod", **metadata}
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": metadata,
        "subsets": [
            {
                "addresses": [{**address, "targetRef": reference}],
                "ports": [{"name": "http", "port": port}],
            }
        ],
    }
    status = {"phase": "Running", "podIP": address["ip"], "podIPs": [address]}
    for body in (DEFINITION, service, pod, endpoints):
        kube.apply(json.dumps(body))
    kube.kubectl(
        "patch",
        "pod",
        NAME,
        f"--namespace={NAMESPACE}",
        "--subresource=status",
        "--type=merge",
        f"--patch={json.dumps({'status': status})}",
    )
    kube.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION['metadata']['name']}")
