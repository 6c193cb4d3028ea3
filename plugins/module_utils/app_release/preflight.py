# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a release from beginning: decided from what the cluster has, before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Service
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.quantity import quantity

Body = Mapping[str, Any]

#: Where names without a registry are.
HUB = ".".join(("docker", "io"))
#: Kinds that set a Deployment's replicas.
AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
_TAG = re.compile(
    r"(?P<name>[^@\s]+?)(?::(?P<tag>[\w][\w.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Policy:
    """Which images may run: from where, and whether they have to be named by digest. A tag that moves never may.

    ``ask`` has the registries asked whether they have them, with certificates of ``ca_cert`` where it is given.
    """

    registries: tuple[str, ...] = ()
    digest: bool = False
    moving: tuple[str, ...] = ("latest",)
    ask: bool = False
    ca_cert: str | None = None


@dataclass(frozen=True)
class World:
    """What a cluster has that a release is held against; ``autoscalers`` are those of both kinds.

    ``deployments`` are all of the services' namespaces.
    """

    nodes: Sequence[Body] = ()
    quotas: Sequence[Body] = ()
    budgets: Sequence[Body] = ()
    autoscalers: Sequence[Body] = ()
    deployments: Sequence[Body] = ()


def images(service: Service) -> Iterator[tuple[str, str]]:
    """Images of a service's pods with their pull policies."""
    for body in service.target.deployments:
        pod = body["spec"]["template"]["spec"]
        for each in (*(pod.get("initContainers") or ()), *pod["containers"]):
            yield str(each.get("image", "")), str(each.get("imagePullPolicy", ""))
    # Of what Git has, only Git may know the image.
    if not service.target.manifests and (service.target.image or not service.git):
        yield service.target.image, service.pull_policy


def image_problems(service: Service, policy: Policy) -> Iterator[KubeError]:
    """Images that no release may bring."""
    for image, _pull in dict.fromkeys(images(service)):
        why = refused(image, policy)
        if why:
            yield KubeError("image_refused", f"{service.name}: image {image or '(none)'}: {why}.")


def refused(image: str, policy: Policy) -> str:
    """Why a policy does not let an image run, or an empty text."""
    found = _TAG.fullmatch(image)
    if not found:
        return "that is no name of an image"
    tag, digest = found["tag"], found["digest"]
    if policy.digest and not digest:
        return "it has to be named by digest (image_policy.digest)"
    if not digest and (tag or "latest") in policy.moving:
        return f"{tag or 'no tag, so latest,'} moves, and afterwards nobody could say what ran; name the commit"
    if policy.registries and not any(
        image.startswith(f"{each.rstrip('/')}/") for each in policy.registries
    ):
        return f"it is from none of {', '.join(policy.registries)} (image_policy.registries)"
    return ""


def absent(service: Service, nodes: Sequence[Body]) -> Iterator[KubeError]:
    """Images that are never pulled and that no node has. A node tells of its 50 largest images at most."""
    there = {
        _whole(name.partition("@")[0])
        for node in nodes
        for image in (node.get("status") or {}).get("images") or ()
        for name in image.get("names") or ()
    }
    full = any(len((node.get("status") or {}).get("images") or ()) >= 50 for node in nodes)
    if full or not there:
        return
    for image, pull in dict.fromkeys(images(service)):
        if pull == "Never" and _whole(image.partition("@")[0]) not in there:
            yield KubeError(
                "image_absent",
                f"{service.name}: no node has the image {image}, and it is never pulled (imagePullPolicy). "
                "Import it first.",
            )


def _whole(name: str) -> str:
    """An image's name as container runtimes write short ones out."""
    first, slash, _rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return name
    return f"{HUB}/{'' if slash else 'library/'}{name}"


def headroom(
    services: Sequence[Service], there: Iterable[Body], quotas: Iterable[Body]
) -> Iterator[KubeError]:
    """Quotas that pods do not fit into: those that stay beside what is ``there``, and the Deployment that takes most.

    What is replaced takes its surge for a while only, and Deployments wait for each other where a quota is full. One
    that does not fit alone would wait for ever.
    """
    live = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in there}
    stays: dict[tuple[str, str], Decimal] = {}
    passes: dict[tuple[str, str], Decimal] = {}
    for service in services:
        for body in service.deployments:
            found = live.get((service.namespace, body["metadata"]["name"]))
            now = _replicas(found) if found else 0
            wanted = _replicas(body, now or 1)
            for name, amount in taken(body, max(0, wanted - now)).items():
                key = service.namespace, name
                stays[key] = stays.get(key, Decimal(0)) + amount
            for name, amount in taken(body, _beside(service, body, wanted) if found else 0).items():
                key = service.namespace, name
                passes[key] = max(passes.get(key, Decimal(0)), amount)
    for quota in quotas:
        if (quota.get("spec") or {}).get("scopes") or (quota.get("spec") or {}).get(
            "scopeSelector"
        ):
            continue  # it is about some pods alone, and which these are nobody knows yet
        metadata, status = quota["metadata"], quota.get("status") or {}
        for name, hard in (status.get("hard") or {}).items():
            key = metadata["namespace"], QUOTA_NAMES.get(name, name)
            need = stays.get(key, Decimal(0)) + passes.get(key, Decimal(0))
            free = quantity(hard) - quantity((status.get("used") or {}).get(name, 0))
            if need > max(free, Decimal(0)):
                yield KubeError(
                    "no_headroom",
                    f"Quota {metadata['name']} of {metadata['namespace']} has {shown(name, free)} of {name} left, and "
                    f"the pods of this release need {shown(name, need)} more for a while. Raise it, or ask for less.",
                )


def shown(name: str, amount: Decimal) -> str:
    """An amount of what a quota limits, for people."""
    return f"{amount / 2**20:.0f}Mi" if "memory" in name else f"{amount.normalize():f}"


#: Names that quotas have for the same.
QUOTA_NAMES = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}


def _beside(service: Service, deployment: Body, replicas: int) -> int:
    """Pods that run beside the old ones, be it while these are replaced or as a canary before that."""
    canary = service.canary if deployment["metadata"]["name"] == service.deployment else None
    return max(_surge(deployment, replicas), canary.replicas if canary else 0)


def _surge(deployment: Body, replicas: int) -> int:
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    return _count((strategy.get("rollingUpdate") or {}).get("maxSurge", "25%"), replicas)


def _replicas(deployment: Body, otherwise: int = 1) -> int:
    return int(deployment["spec"].get("replicas", otherwise))


def taken(deployment: Body, pods: int) -> dict[str, Decimal]:
    """What so many pods of a Deployment take, by a quota's names."""
    pod = deployment["spec"]["template"]["spec"]
    found = {"pods": Decimal(pods)}
    for kind in ("requests", "limits"):
        for name in ("cpu", "memory"):
            found[f"{kind}.{name}"] = pods * _of_pod(pod, kind, name)
    return {name: amount for name, amount in found.items() if amount}


def _of_pod(pod: Body, kind: str, name: str) -> Decimal:
    """What a pod takes: its containers together with those that stay beside them, or the most that runs before.

    (k8s.io/component-helpers/resource, PodRequests)
    """

    def of(container: Body) -> Decimal:
        return quantity(((container.get("resources") or {}).get(kind) or {}).get(name, 0))

    beside = before = Decimal(0)
    for each in pod.get("initContainers") or ():
        if each.get("restartPolicy") == "Always":
            beside += of(each)
            before = max(before, beside)
        else:
            before = max(before, beside + of(each))
    return max(sum(map(of, pod["containers"]), beside), before)


def _count(value: Any, replicas: int) -> int:
    """A number of pods; a share is rounded up, as the Deployment controller does with maxSurge."""
    text = str(value)
    return -(-replicas * int(text[:-1]) // 100) if text.endswith("%") else int(text)


def disruptions(services: Iterable[Service], budgets: Iterable[Body]) -> Iterator[KubeError]:
    """Services whose budget for disruptions is used up already: a release would take more from them."""
    budgets = list(budgets)
    for service in services:
        for body in service.deployments:
            labels = (body["spec"]["template"].get("metadata") or {}).get("labels") or {}
            for budget in budgets:
                status = budget.get("status") or {}
                healthy, wanted = status.get("currentHealthy"), status.get("desiredHealthy")
                if (
                    budget["metadata"]["namespace"] == service.namespace
                    and _selects(budget["spec"].get("selector") or {}, labels)
                    and healthy is not None
                    and wanted is not None
                    and healthy < wanted
                ):
                    yield KubeError(
                        "disrupted",
                        f"{service.name}: {healthy} of the {wanted} pods that PodDisruptionBudget "
                        f"{budget['metadata']['name']} asks for are healthy. "
                        "Mend that first, or release all the same with allow_degraded.",
                    )


def _selects(selector: Body, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def masters(service: Service, autoscalers: Iterable[Body]) -> Iterator[KubeError]:
    """More than one of manifest, HorizontalPodAutoscaler and ScaledObject that would set a Deployment's replicas."""
    target = service.target
    own = [each.body for each in target.manifests if each.key.kind in AUTOSCALERS]
    live = [
        each
        for each in autoscalers
        if each["metadata"]["namespace"] == service.namespace and not _same_as_any(each, own)
    ]
    found = [
        f"{each['kind']} {each['metadata']['name']}"
        for each in (*own, *live)
        if scales(each, service.deployment) and not made_by_keda(each)
    ]
    if any(
        "replicas" in body["spec"]
        for body in target.deployments
        if body["metadata"]["name"] == service.deployment
    ):
        found += ["the manifest's replicas"] if found else []
    if len(found) > 1:
        yield KubeError(
            "two_masters",
            f"{service.name}: {' and '.join(found)} would both set the replicas of Deployment {service.deployment}. "
            "Leave one of them.",
        )


def scales(autoscaler: Body, deployment: str) -> bool:
    """Whether an autoscaler sets the replicas of a Deployment."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return target.get("name") == deployment and target.get("kind", "Deployment") == "Deployment"


def made_by_keda(autoscaler: Body) -> bool:
    """Whether KEDA made it: it makes an HPA of each ScaledObject, and the two are one."""
    owners = autoscaler["metadata"].get("ownerReferences") or ()
    return any(each.get("kind") == "ScaledObject" for each in owners)


def _same_as_any(live: Body, own: Iterable[Body]) -> bool:
    return any(
        (each["kind"], each["metadata"]["name"]) == (live["kind"], live["metadata"]["name"])
        for each in own
    )
