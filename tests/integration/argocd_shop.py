"""An application that a real Argo CD brings from a Git repository, and what a release does with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd import (
    examine,
    hold,
    release,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    Application,
    Held,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_sync import (
    synced,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import (
    Commit,
    GitSource,
    commit,
    undo,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.integration.argocd import NAMESPACE, ArgoCD
from tests.unit.gitops.repositories import Repository, repository

LOOK = '{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}'
POLICY = {"prune": True, "selfHeal": True}
FILES = {
    "apps/sale/Chart.yaml": "apiVersion: v2\nname: sale\nversion: 1.0.0\n",
    "apps/sale/values.yaml": 'image:\n  tag: "1.0"   # set by releases\nreplicas: 1\n',
    "apps/sale/templates/sale.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: sale}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: sale}}
  template:
    metadata: {labels: {app: sale}}
    spec: {containers: [{name: sale, image: "registry.example/sale:{{ .Values.image.tag }}"}]}
""",
}
# A second wave waits for pods, and there are no nodes.
SECOND_WAVE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: after, annotations: {argocd.argoproj.io/sync-wave: "1"}}
data: {tag: "{{ .Values.image.tag }}"}
"""


class Shop:
    """An application that Argo CD brings from a repository of its own, and what a release does with it."""

    def __init__(self, argocd: ArgoCD, folder: Path, name: str) -> None:
        self.argocd = argocd
        self.name = name
        self.repository: Repository = repository(folder, **FILES)
        self.application = Application(name)
        self.told: list[str] = []

    def make(self, **spec: Any) -> None:
        self.argocd.make(self.name, self.repository.url, self.name, **spec)

    def set_image(self, tag: str) -> None:
        """Change the cluster, as a direct apply would."""
        image = f"sale=registry.example/sale:{tag}"
        self.argocd.kube.kubectl("set", "image", "deployment/sale", image, "-n", self.name)

    def tag(self) -> str:
        """The version that the cluster has."""
        found = self.argocd.kube.get("deployment", "sale", "-n", self.name)
        image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
        return image.rpartition(":")[2]

    def phase(self) -> str:
        """How far Argo CD's last operation has come."""
        status = self.argocd.get(self.name).get("status", {})
        return str(status.get("operationState", {}).get("phase", ""))

    def source(self, **changed: str | None) -> GitSource:
        return self.repository.source(**changed)

    def commit(self, value: str, **changed: str | None) -> Commit:
        return asyncio.run(commit(self.source(**changed), value, f"Release {value}"))

    def undo(self, done: Commit, **changed: str | None) -> Commit:
        return asyncio.run(undo(self.source(**changed), done))

    def hold(self, run: str = "release-1", patience: float = 60) -> Held:
        return self.argocd.call(lambda client: hold(client, self.application, run, patience))

    def examine(self) -> Held:
        return self.argocd.call(lambda client: examine(client, self.application))

    def release(self) -> str:
        return self.argocd.call(lambda client: release(client, self.application, 60))

    def synced(self, revision: str, timeout: float = 90, **options: Any) -> float:
        """Wait for a commit; return the seconds that it took."""
        began = time.monotonic()
        self.argocd.call(
            lambda client: synced(
                client,
                self.application,
                revision,
                timeout,
                lambda _name, text: self.told.append(text),
                **options,
            )
        )
        return time.monotonic() - began

    def looks(self) -> None:
        """Let Argo CD look at Git and at the cluster, and wait until it has."""
        self.argocd.patch(self.name, LOOK)
        self.argocd.kube.await_(self._looked)

    def stays(self, tag: str, seconds: float = 8.0) -> None:
        """See that the cluster keeps a version; a self-heal takes 2 s."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.looks()
            assert self.tag() == tag
            time.sleep(0.5)

    def _looked(self) -> bool:
        found = self.argocd.get(self.name)["metadata"].get("annotations", {})
        return "argocd.argoproj.io/refresh" not in found

    def is_healed(self) -> bool:
        """Whether a change of the cluster is undone: the sync is Argo CD's again."""
        before = self.tag()
        self.set_image("by-hand")
        self.argocd.kube.await_(lambda: self.tag() == before)
        return True


@contextmanager
def a_shop(argocd: ArgoCD, folder: Path, name: str) -> Iterator[Shop]:
    """A shop whose Applications are gone in the end."""
    yield Shop(argocd, folder, name[:40].strip("-"))
    kinds = "applicationset.argoproj.io,application.argoproj.io"
    argocd.kube.kubectl("delete", kinds, "--all", "-n", NAMESPACE)


def refusal(call: Callable[[], object]) -> KubeError:
    with pytest.raises(KubeError) as error:
        call()
    return error.value
