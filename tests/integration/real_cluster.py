"""The lab's clusters by kubectl, and pods of busybox."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.kube_api import build
from tests.integration.labs import Lab


class Cluster:
    """One of the lab's clusters, by kubectl as its administrator."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.kubeconfig = lab.state / "kubeconfig" / name

    @classmethod
    def at(cls, kubeconfig: Path) -> Cluster:
        """Another cluster, whose kubeconfig is at hand."""
        made = cls.__new__(cls)
        made.kubeconfig = kubeconfig
        return made

    def kubectl(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(build()), "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, input=given)

    def do(self, *arguments: str, given: str = "") -> str:
        done = self.kubectl(*arguments, given=given)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.do("get", "-o", "json", *arguments))["items"]
        return found

    def wait(self, kind: str, name: str, condition: str, namespace: str = "default") -> None:
        self.do("wait", f"--for={condition}", f"{kind}/{name}", "-n", namespace, "--timeout=60s")

    def reaches(self, pod: str, url: str, namespace: str) -> bool:
        """Whether a pod gets an answer within two seconds."""
        fetch = ["wget", "-q", "-T", "2", "-O", "/dev/null", url]
        return self.kubectl("exec", "-n", namespace, pod, "--", *fetch).returncode == 0


def pod(name: str, script: str, **more: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "localhost/lab/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", script],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **more,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


SERVER = pod(
    "server",
    "echo well > /tmp/index.html; httpd -f -p 3000 -h /tmp",
    readinessProbe={"httpGet": {"path": "/", "port": 3000}, "periodSeconds": 1},
)
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "server"},
    "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 3000}]},
}
WAITING = "trap exit TERM; while :; do sleep 3600 & wait; done"
