"""Migrations of busybox on the lab's real cluster."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

from tests.integration.kube_api import direct, process
from tests.integration.kube_world import until
from tests.integration.real_cluster import Cluster, pod

NAMESPACE = "nx-backend"
Body = dict[str, Any]

#: What busybox may do and use, as the pods of the tests' other clusters.
_BASE = pod("any", "")["spec"]["containers"][0]


def service(name: str, script: str = "sleep 1", **more: Any) -> Body:
    """A service whose migration is a script."""
    return {
        "name": name,
        "image": _BASE["image"],
        "pull_policy": "Never",
        "security": _BASE["securityContext"],
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "200m", "memory": "32Mi"},
        },
        "command": ["sh", "-c", script],
        "backoff_limit": 0,
        **more,
    }


class Migrations:
    """Runs the module with services of one test; Jobs and history are the cluster's."""

    def __init__(self, cluster: Cluster, namespace: str = NAMESPACE) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def run(self, *services: Body, check: bool = False, **options: Any) -> Body:
        """Run the module; a failure is returned like any result."""
        return direct("ordered_migrations", check=check, **self._options(services, options))

    def begin(self, *services: Body, **options: Any) -> subprocess.Popen[str]:
        """Begin to run the module."""
        command, variables = process("ordered_migrations")
        begun = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
        )
        assert begun.stdin
        begun.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": self._options(services, options)}))
        begun.stdin.close()
        return begun

    def jobs(self, version: str) -> dict[str, Body]:
        """The Jobs of a version by the name of their service."""
        listed = self.cluster.items(
            "jobs", "-n", self.namespace, "-l", "groundwork.platform/migration"
        )
        return {
            job["metadata"]["labels"]["groundwork.platform/migration"]: job
            for job in listed
            if job["metadata"]["name"].endswith(f"-migrate-{version}")
        }

    def complete(self, version: str) -> dict[str, Body]:
        """The same when the cluster has written that they are, which it does a moment after it knows."""
        until(lambda: all("completionTime" in job["status"] for job in self.jobs(version).values()))
        return self.jobs(version)

    def history(self) -> dict[str, Body]:
        """What the history says, by service and version."""
        found = self.cluster.kubectl(
            "get", "configmap", "migration-history", "-n", self.namespace, "-o", "json"
        )
        data = json.loads(found.stdout)["data"] if found.returncode == 0 else {}
        return {key: json.loads(text) for key, text in data.items()}

    def _options(self, services: tuple[Body, ...], options: Body) -> Body:
        return {
            "kubeconfig": str(self.cluster.kubeconfig),
            "namespace": self.namespace,
            "services": list(services),
            **options,
        }


def ended(begun: subprocess.Popen[str], patience: float = 90.0) -> Body:
    """What a run returned that was begun; one that does not end is killed."""
    timer = threading.Timer(patience, begun.kill)
    timer.start()
    said = begun.stdout.read() if begun.stdout else ""
    begun.wait()
    timer.cancel()
    print(said)
    assert said, f"it did not end within {patience:g} s"
    return dict(json.loads(said))


def states(result: Body) -> dict[str, str]:
    """States by name."""
    return {entry["name"]: entry["state"] for entry in result["services"]}


def one(result: Body, name: str) -> Body:
    """One service of a result."""
    (found,) = [entry for entry in result["services"] if entry["name"] == name]
    return dict(found)
