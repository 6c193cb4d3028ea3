"""Objects as an API tells them, for tests of what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    PARTS,
    Look,
    Unread,
)

Body = dict[str, Any]

LISTINGS = {listing.kind: listing for part in PARTS.values() for listing in part}
REAL = Path(__file__).parent / "fixtures/namespace.yml"


def look(*bodies: Body, unread: tuple[Unread, ...] = (), certificate: bytes | None = None) -> Look:
    """A look that saw these objects."""
    objects: dict[str, list[Body]] = {}
    for body in bodies:
        objects.setdefault(LISTINGS[body["kind"]].plural, []).append(body)
    return Look(objects, unread, "v1.36.3", certificate)


def real() -> Look:
    """A look at one namespace of a real cluster, in which most things are broken."""
    return look(*yaml.safe_load(REAL.read_text(encoding="utf-8")))


def body(kind: str, name: str, namespace: str = "nx", **more: Any) -> Body:
    """An object; ``metadata`` among ``more`` goes on top of its name."""
    listing = LISTINGS[kind]
    metadata = {"name": name, **({"namespace": namespace} if listing.namespaced else {})}
    metadata.update(more.pop("metadata", {}))
    return {"apiVersion": listing.api_version, "kind": kind, "metadata": metadata, **more}


def workload(name: str, wanted: int, ready: int, kind: str = "Deployment") -> Body:
    """A workload whose controller has seen it, with pods labelled ``app``."""
    labels = {"app": name}
    return body(
        kind,
        name,
        spec={
            "replicas": wanted,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        },
        status={
            "observedGeneration": 1,
            "replicas": ready,
            "updatedReplicas": wanted,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    )


def pod(name: str, app: str, *, ready: bool = True, **more: Any) -> Body:
    """A pod of its own that runs."""
    status = {"phase": "Running", **more.pop("status", {})}
    status["conditions"] = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": "True" if ready else "False"},
    ]
    metadata = {"labels": {"app": app}, **more.pop("metadata", {})}
    return body("Pod", name, metadata=metadata, status=status, **more)


def owned(owner: str, name: str = "o", uid: str = "u") -> Body:
    """Metadata of what a controller made."""
    return {"ownerReferences": [{"kind": owner, "name": name, "uid": uid, "controller": True}]}


def node(
    name: str, *, ready: str = "True", labels: dict[str, str] | None = None, **spec: Any
) -> Body:
    """A node with two cores and 4 GiB."""
    return body(
        "Node",
        name,
        metadata={"labels": labels or {}},
        spec=spec,
        status={
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready, "reason": "R", "message": "kubelet is silent."},
            ],
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            "nodeInfo": {"kubeletVersion": "v1.36.3"},
        },
    )
