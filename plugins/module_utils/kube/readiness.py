# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When an object is ready: a predicate for each built-in kind, conditions for others.

Each returns an empty text where the object is ready, or else what it waits for, in words.
The rules are those of ``kubectl rollout status`` and of kstatus
(https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.kinds import built_in

Body = Mapping[str, Any]

#: Built-in kinds without a status: there, they are ready.
_WITHOUT_STATUS = frozenset(
    (
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "IngressClass",
        "LimitRange",
        "MutatingWebhookConfiguration",
        "NetworkPolicy",
        "PriorityClass",
        "Role",
        "RoleBinding",
        "RuntimeClass",
        "Secret",
        "ServiceAccount",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    )
)


def says_nothing(group: str, kind: str) -> bool:
    """Whether objects of a kind never say how they are, so that nobody needs to look at them."""
    return built_in(group) and kind in _WITHOUT_STATUS


def condition(body: Body, name: str) -> Mapping[str, Any] | None:
    """The condition of a name in the object's status."""
    for entry in _status(body).get("conditions") or ():
        if entry.get("type") == name:
            return entry
    return None


def waits_for(body: Body, wanted: str | None = None) -> str:
    """What an object still waits for; ``wanted`` names a condition that counts instead of the kind's rule."""
    behind = _behind(body)
    if behind:
        return behind
    if wanted:
        return _has(body, wanted)
    group = str(body["apiVersion"]).rpartition("/")[0]
    rule = _RULES.get(str(body["kind"])) if built_in(group) else None
    return rule(body) if rule else _custom(body)


def failed(body: Body) -> str:
    """Why an object will never be ready, or an empty text."""
    for name in ("Failed", "Stalled"):
        found = condition(body, name)
        if found and found.get("status") == "True":
            return _told(found)
    progressing = condition(body, "Progressing") if body["kind"] == "Deployment" else None
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        return _told(progressing)
    return ""


def _status(body: Body) -> Mapping[str, Any]:
    return body.get("status") or {}


def _spec(body: Body) -> Mapping[str, Any]:
    return body.get("spec") or {}


def _told(found: Mapping[str, Any]) -> str:
    return f"{found.get('type')}: {found.get('reason', '')} {found.get('message', '')}".strip()


def _behind(body: Body) -> str:
    """A status may still be about the object as it was before."""
    seen, now = _status(body).get("observedGeneration"), body["metadata"].get("generation")
    if isinstance(seen, int) and isinstance(now, int) and seen < now:
        return f"its controller has seen generation {seen} of {now}"
    return ""


def _has(body: Body, name: str) -> str:
    found = condition(body, name)
    if found is None:
        return f"no condition {name} yet"
    return "" if found.get("status") == "True" else _told(found)


def _custom(body: Body) -> str:
    """What says nothing of itself is ready as soon as it is there."""
    for name in ("Ready", "Available"):
        if condition(body, name):
            return _has(body, name)
    return ""


def _observed(rule: Callable[[Body], str]) -> Callable[[Body], str]:
    """A rule that counts once the controller has seen the object."""

    @wraps(rule)
    def seen(body: Body) -> str:
        if "observedGeneration" not in _status(body):
            return "its controller has not seen it yet"
        return rule(body)

    return seen


@_observed
def _deployment(body: Body) -> str:
    status, wanted = _status(body), _spec(body).get("replicas", 1)
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} pods are new"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return f"{status['replicas'] - status.get('updatedReplicas', 0)} old pods are still there"
    if status.get("availableReplicas", 0) < wanted:
        return f"{status.get('availableReplicas', 0)} of {wanted} pods are available"
    return ""


@_observed
def _stateful_set(body: Body) -> str:
    status, wanted = _status(body), _spec(body).get("replicas", 1)
    if status.get("readyReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)} of {wanted} pods are ready"
    strategy = _spec(body).get("updateStrategy") or {}
    first = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    if strategy.get("type") != "OnDelete" and status.get("updatedReplicas", 0) < wanted - first:
        return f"{status.get('updatedReplicas', 0)} of {wanted - first} pods are new"
    return ""


@_observed
def _daemon_set(body: Body) -> str:
    status = _status(body)
    wanted = status.get("desiredNumberScheduled", 0)
    on_delete = (_spec(body).get("updateStrategy") or {}).get("type") == "OnDelete"
    if not on_delete and status.get("updatedNumberScheduled", 0) < wanted:
        return f"{status.get('updatedNumberScheduled', 0)} of {wanted} pods are new"
    if status.get("numberAvailable", 0) < wanted:
        return f"{status.get('numberAvailable', 0)} of {wanted} pods are available"
    return ""


@_observed
def _replica_set(body: Body) -> str:
    ready, wanted = _status(body).get("availableReplicas", 0), _spec(body).get("replicas", 1)
    return "" if ready >= wanted else f"{ready} of {wanted} pods are available"


def _job(body: Body) -> str:
    if _spec(body).get("suspend"):
        return ""
    return "" if condition(body, "Complete") else "it has not finished"


def _pod(body: Body) -> str:
    if _status(body).get("phase") == "Succeeded":
        return ""
    return _has(body, "Ready")


def _phase(*good: str) -> Callable[[Body], str]:
    def rule(body: Body) -> str:
        phase = _status(body).get("phase")
        return "" if phase in good else f"its phase is {phase or 'not set yet'}"

    return rule


def _service(body: Body) -> str:
    if _spec(body).get("type") != "LoadBalancer":
        return ""
    balancer = _status(body).get("loadBalancer") or {}
    return "" if balancer.get("ingress") else "it has no address yet"


def _quota(body: Body) -> str:
    wanted, seen = _spec(body).get("hard") or {}, _status(body).get("hard") or {}
    return "" if wanted == seen else "its controller has not counted yet"


def _conditions(*names: str) -> Callable[[Body], str]:
    return lambda body: next((text for text in (_has(body, name) for name in names) if text), "")


@_observed
def _disruption_budget(_body: Body) -> str:
    return ""


_RULES: dict[str, Callable[[Body], str]] = {
    "APIService": _conditions("Available"),
    "CustomResourceDefinition": _conditions("NamesAccepted", "Established"),
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Job": _job,
    "Namespace": _phase("Active"),
    "Node": _conditions("Ready"),
    "PersistentVolume": _phase("Available", "Bound"),
    # One whose volume is made when its first pod comes stays pending until then.
    "PersistentVolumeClaim": _phase("Bound", "Pending"),
    "Pod": _pod,
    "PodDisruptionBudget": _disruption_budget,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replica_set,
    "ResourceQuota": _quota,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
