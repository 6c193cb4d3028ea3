# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release: services, what each is brought to, and what may go wrong on the way. Times are seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import GitSource
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Share
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Check
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Rollout,
    checksum,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    rollout_key,
)

RELEASE, ROLLBACK = "release", "rollback"

#: Label by which pods say their version.
VERSION = "app.kubernetes.io/version"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Soak:
    """How long a new version is watched, and what it may do wrong meanwhile.

    ``failed_requests`` is a share of the requests that its pods have answered, and counts from ``minimum_requests``
    on, and at the window's end whatever there was; a number counts at once. ``latency`` is ms by percentile.
    ``unready`` and ``restarts`` are how often a pod may stop being ready, or be begun anew.
    """

    seconds: float = 60.0
    interval: float = 1.0
    failed_requests: Share = field(default_factory=lambda: Share(1, percent=True))
    minimum_requests: int = 20
    latency: Mapping[str, float] = field(default_factory=dict)
    unready: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Metrics:
    """Where pods count what they answered: names of a counter, of its label for the status, and of a histogram."""

    port: str
    path: str = "/metrics"
    requests: str = "http_requests_total"
    status: str = "status"
    duration: str = "http_request_duration_seconds"


@dataclass(frozen=True)
class Canary:
    """A few pods of the new version before all others.

    By share: ``replicas`` of them stand in the Service beside the old ones. By ``weight`` (percent): they have a
    Service of their own, and the HTTPRoutes send it so much.
    """

    seconds: float = 30.0
    replicas: int = 1
    weight: int = 0


@dataclass(frozen=True)
class Target:
    """What a service is brought to: its objects, the template of its pods, or an image alone."""

    version: str
    manifests: tuple[Manifest, ...] = ()
    image: str = ""
    template: Body | None = None

    @property
    def checksum(self) -> str:
        """Digest of what it is, whatever its version is called."""
        bodies = [dict(manifest.body) for manifest in self.manifests]
        # Where Git says what it is, its version is all that is known here.
        image = self.image or ("" if bodies or self.template else self.version)
        return checksum({"image": image, "template": self.template, "manifests": bodies})

    @property
    def deployments(self) -> list[Body]:
        """The Deployments among its objects."""
        return [each.body for each in self.manifests if each.key.kind == "Deployment"]


@dataclass(frozen=True)
class Service:
    """One service of a release.

    ``git`` has the version written into a repository in place of applying it; ``application`` is the Application of
    Argo CD that brings it or, without ``git``, that is held back meanwhile. ``live`` is its Deployment as it was found,
    where it is brought by an image or a template alone.
    """

    name: str
    namespace: str
    deployment: str
    target: Target
    container: str = ""
    needs: tuple[str, ...] = ()
    timeout: float = 300.0
    checks: tuple[Check, ...] = ()
    soak: Soak = field(default_factory=Soak)
    metrics: Metrics | None = None
    canary: Canary | None = None
    git: GitSource | None = None
    application: str = ""
    live: Body | None = None

    @property
    def deployments(self) -> list[Body]:
        """The Deployments that it is brought as: those of its objects, or the one that is there with its new pods."""
        if self.target.manifests or self.live is None:
            return self.target.deployments
        template = self.target.template or with_image(
            self.live["spec"]["template"], self.container, self.target
        )
        metadata = {key: self.live["metadata"].get(key) for key in ("name", "labels")}
        kind = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
        return [{**kind, "spec": {**self.live["spec"], "template": template}}]

    @property
    def pull_policy(self) -> str:
        """That of the container which an image that comes alone is set in; empty where it is the API's default."""
        for body in self.deployments:
            for each in body["spec"]["template"]["spec"]["containers"]:
                if each.get("image") == self.target.image:
                    return str(each.get("imagePullPolicy", ""))
        return ""

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name of its Deployment."""
        return self.namespace, self.deployment

    @property
    def rollout(self) -> Rollout:
        """The service as the graph knows it: it needs others' rollouts, not their migrations alone."""
        needs = tuple(rollout_key(need) for need in self.needs)
        return Rollout(self.name, self.deployment, self.namespace, needs)


@dataclass(frozen=True)
class Breach:
    """Why a version cannot stay: a reason and a sentence."""

    service: str
    reason: str
    message: str


@dataclass(frozen=True)
class Traffic:
    """What the pods of a version have answered: requests, those of status 5xx, and ms by percentile."""

    requests: int = 0
    failed: int = 0
    latency: Mapping[str, float] = field(default_factory=dict)


def with_image(template: Body, container: str, target: Target) -> Body:
    """A template with the image of a target in a container, in the first one where none is named."""
    containers = [dict(each) for each in template["spec"]["containers"]]
    for each in containers:
        if each["name"] == (container or containers[0]["name"]):
            each["image"] = target.image
    metadata = dict(template.get("metadata") or {})
    labels = metadata.get("labels") or {}
    if VERSION in labels:
        # Whoever asks a pod for its version would be told the old one.
        metadata["labels"] = {**labels, VERSION: target.version}
    return {
        **template,
        "metadata": metadata,
        "spec": {**template["spec"], "containers": containers},
    }


def image_of(template: Body, container: str = "") -> str:
    """The image of a template's container, of the first one where none is named."""
    containers: Sequence[Body] = template["spec"]["containers"]
    named = [each for each in containers if each["name"] == container]
    return str((named or containers)[0].get("image", ""))
