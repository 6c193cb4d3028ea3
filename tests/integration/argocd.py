"""A real Argo CD beside an API of one's own: its controllers and its repo server as processes, and a Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    Application,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import (
    Access,
    connect,
)

from tests.integration.kube_api import Api, api, free_port, running
from tests.integration.labs import ROOT, environment

NAMESPACE = "argocd"
T = TypeVar("T")

#: What Argo CD's own manifests make beside its Deployments.
SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
data: {timeout.reconciliation: 600s}
---
apiVersion: v1
kind: Secret
metadata: {name: argocd-secret, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
stringData: {server.secretkey: secret-of-the-lab}
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{namespace: "*", server: "*"}]
  clusterResourceWhitelist: [{group: "*", kind: "*"}]
"""


@dataclass(frozen=True)
class ArgoCD:
    """An Argo CD, and the cluster that it is in."""

    kube: Api
    folder: Path
    programs: Path
    ports: dict[str, int]
    variables: dict[str, str]

    def make(self, name: str, url: str, namespace: str, **spec: Any) -> Application:
        """Make an Application that syncs the folder apps/sale on its own, and wait until it is synced."""
        body = self.body(name, url, namespace, **spec)
        self.kube.apply(yaml.safe_dump(body))
        application = Application(name, NAMESPACE)
        if "automated" in body["spec"]["syncPolicy"]:
            self.kube.await_(lambda: self.status(name) == "Synced")
        return application

    def body(self, name: str, url: str, namespace: str, **spec: Any) -> dict[str, Any]:
        """An Application that syncs the folder apps/sale on its own."""
        whole = {
            "project": "default",
            "source": {"repoURL": url, "path": "apps/sale", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {
                "automated": {"selfHeal": True, "prune": True},
                "syncOptions": ["CreateNamespace=true"],
            },
        }
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {**whole, **spec},
        }

    def get(self, name: str) -> dict[str, Any]:
        """An Application as it is."""
        return self.kube.get("application.argoproj.io", name, "-n", NAMESPACE)

    def status(self, name: str) -> str:
        """What Argo CD says of an Application's sync."""
        return str(self.get(name).get("status", {}).get("sync", {}).get("status", ""))

    def policy(self, name: str) -> dict[str, Any] | None:
        """Its automated policy."""
        found: dict[str, Any] | None = self.get(name)["spec"]["syncPolicy"].get("automated")
        return found

    def patch(self, name: str, change: str) -> None:
        """Change an Application as a person would."""
        what = ("application.argoproj.io", name, "-n", NAMESPACE, "--type=merge", "-p", change)
        self.kube.kubectl("patch", *what)

    def call(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Run something with a client of the collection's own."""

        async def run() -> T:
            connection = connect(Access(kubeconfig=str(self.kube.kubeconfig)))
            async with Client(connection, concurrency=4, timeout=30) as client:
                return await work(client)

        return asyncio.run(run())

    @contextmanager
    def controller(self) -> Iterator[None]:
        """Run the application controller."""
        options = [
            f"--repo-server=127.0.0.1:{self.ports['repo']}",
            f"--redis=127.0.0.1:{self.ports['redis']}",
            f"--metrics-port={free_port()}",
            f"--namespace={NAMESPACE}",
        ]
        with self._part("argocd-application-controller", *options):
            yield

    @contextmanager
    def sets(self) -> Iterator[None]:
        """Run the controller of ApplicationSets."""
        options = [
            f"--argocd-repo-server=127.0.0.1:{self.ports['repo']}",
            f"--metrics-addr=127.0.0.1:{free_port()}",
            f"--probe-addr=127.0.0.1:{free_port()}",
            f"--webhook-addr=127.0.0.1:{free_port()}",
            f"--namespace={NAMESPACE}",
        ]
        with self._part("argocd-applicationset-controller", *options):
            yield

    @contextmanager
    def repo_server(self) -> Iterator[None]:
        """Run the repo server."""
        options = [
            f"--port={self.ports['repo']}",
            "--address=127.0.0.1",
            f"--metrics-port={free_port()}",
            "--metrics-address=127.0.0.1",
            f"--redis=127.0.0.1:{self.ports['redis']}",
        ]
        with self._part("argocd-repo-server", *options):
            yield

    @contextmanager
    def _part(self, name: str, *options: str) -> Iterator[None]:
        command = [str(self.programs / "argocd"), name, "--logformat=text", *options]
        with running(self.folder / f"{name}.log", command, self.variables):
            yield


def build() -> Path:
    """The folder of Argo CD's programs, compiled where they are not there yet."""
    done = subprocess.run(
        [ROOT / "tools/build-argocd"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment(),
    )
    return Path(done.stdout.strip())


@contextmanager
def argocd_running(folder: Path) -> Iterator[ArgoCD]:
    """An Argo CD that works."""
    programs = build()
    with api(folder) as kube, ExitStack() as stack:
        ports = {"repo": free_port(), "redis": free_port()}
        server = ArgoCD(kube, folder, programs, ports, _variables(folder, programs, kube))
        for name in ("application", "applicationset", "appproject"):
            # Too large for the note that apply leaves.
            kube.kubectl("create", "-f", str(programs / f"crds/{name}-crd.yaml"))
        kube.await_(lambda: _established(kube))
        kube.kubectl("create", "namespace", NAMESPACE)
        kube.apply(SETTINGS)
        # Debian's redis-check-rdb is the server's own program under another name.
        redis = shutil.which("redis-check-rdb")
        assert redis, "Redis is missing: apt-get install redis-tools"
        (folder / "redis-server").symlink_to(redis)
        command = [str(folder / "redis-server"), "--port", str(ports["redis"]), "--save", ""]
        stack.enter_context(running(folder / "redis.log", [*command, "--bind", "127.0.0.1"]))
        stack.enter_context(server.repo_server())
        kube.await_(lambda: _listens(ports["repo"]))
        stack.enter_context(server.controller())
        stack.enter_context(server.sets())
        yield server


def _established(kube: Api) -> bool:
    """Whether all definitions are served; one that has just been made says nothing of it yet."""
    conditions = [
        (body.get("status") or {}).get("conditions") or () for body in kube.get("crd")["items"]
    ]
    good = {"type": "Established", "status": "True"}
    return all(any(good.items() <= each.items() for each in found) for found in conditions)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _variables(folder: Path, programs: Path, kube: Api) -> dict[str, str]:
    for name in ("tls", "ssh", "gpg", "home", "tmp"):
        (folder / "argocd" / name).mkdir(parents=True)
    (folder / "argocd/ssh/ssh_known_hosts").touch()
    own = folder / "argocd"
    return {
        **os.environ,
        # Its own helm and kustomize, of the versions that Argo CD names.
        "PATH": f"{programs}:{kube.program.parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(kube.kubeconfig),
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_TLS_DATA_PATH": str(own / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(own / "ssh"),
        "ARGOCD_GPG_ENABLED": "false",
        "HOME": str(own / "home"),
        "TMPDIR": str(own / "tmp"),
        "NO_PROXY": "127.0.0.1",
    }
