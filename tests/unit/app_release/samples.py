"""Services, revisions and pods for the tests of releases."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Service,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    Kept,
    Revision,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest

Body = dict[str, Any]
NAMESPACE = "nx"


def deployment(image: str = "r/sale:1", **spec: Any) -> Body:
    """A Deployment nx-sale; ``pod`` adds to its pods' spec, ``container`` to its container."""
    labels = {"app.kubernetes.io/name": "nx-sale", "tier": "api"}
    container = {"name": "app", "image": image, **spec.pop("container", {})}
    pod = {"containers": [container], **spec.pop("pod", {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": spec.pop("name", "nx-sale"), "labels": dict(labels)},
        "spec": {
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": pod},
            **spec,
        },
    }


def front() -> Body:
    """The Service before it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "nx-sale"},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.0.0.9",
            "selector": {"app.kubernetes.io/name": "nx-sale"},
            "ports": [{"port": 80, "nodePort": 30080}],
        },
    }


def route(*rules: list[Body]) -> Body:
    """An HTTPRoute whose rules have these backends."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "sale"},
        "spec": {"rules": [{"backendRefs": backends} for backends in rules]},
    }


def target(version: str, *bodies: Body) -> Target:
    """What a version brings; by its image alone where no objects are given."""
    manifests = tuple(Manifest(body, f"{version}, item {n}") for n, body in enumerate(bodies, 1))
    return Target(version, manifests, f"r/sale:{version}")


def service(version: str = "2", *bodies: Body, **more: Any) -> Service:
    """The service sale at a version."""
    return Service("sale", NAMESPACE, "nx-sale", target(version, *bodies), **more)


def kept(number: int, version: str, state: str = records.GOOD, **more: Any) -> Kept:
    """A revision on record."""
    what = more.pop("target", target(version))
    back = more.pop("back", None)
    revision = Revision("sale", number, version, state, what.checksum, what.image, **more)
    return Kept(revision, what, back)


def fate(meant: Service, **more: Any) -> Fate:
    """A service that is brought."""
    number = more.pop("number", 2)
    return Fate(
        meant,
        more.pop("action", BRING),
        "",
        more.pop("back", target("1")),
        kept(number, meant.target.version, records.RUNNING),
        **more,
    )


def pod(uid: str = "p1", *, ready: bool = True, restarts: int = 0, **metadata: Any) -> Body:
    """A pod as the API tells of it."""
    return {
        "metadata": {"name": f"pod-{uid}", "namespace": NAMESPACE, "uid": uid, **metadata},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "app", "ready": ready, "restartCount": restarts}],
        },
    }
