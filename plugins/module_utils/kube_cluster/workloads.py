# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs in a cluster: which workloads are ready, and why others are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import (
    condition,
    failed,
    waits_for,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    EVENTS,
    JOBS,
    PODS,
    RUNNING,
    Look,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.pods import (
    matches,
    trouble,
    why,
)

Body = Mapping[str, Any]

#: Controllers whose pods are told of under the controller's own name.
_TOLD = frozenset(("DaemonSet", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"))


def grouped(bodies: Iterable[Body]) -> dict[str, list[Body]]:
    """Objects by namespace."""
    found: dict[str, list[Body]] = defaultdict(list)
    for body in bodies:
        found[body["metadata"].get("namespace", "")].append(body)
    return found


def wanted(body: Body) -> int:
    """How many pods a workload is meant to have."""
    if body["kind"] == "DaemonSet":
        return int((body.get("status") or {}).get("desiredNumberScheduled", 0))
    return int((body.get("spec") or {}).get("replicas", 1))


def workloads(look: Look) -> list[dict[str, Any]]:
    """Deployments, StatefulSets, DaemonSets, and pods that belong to none of them."""
    pods, refusals = grouped(look.of(PODS)), _refusals(look.of(EVENTS))
    found = [
        _workload(body, pods.get(body["metadata"]["namespace"], ()), refusals)
        for listing in RUNNING
        for body in look.of(listing)
    ]
    found += [_single(pod) for pod in look.of(PODS) if _stands_alone(pod)]
    return sorted(found, key=lambda entry: (entry["namespace"], entry["kind"], entry["name"]))


def _workload(
    body: Body, pods: Sequence[Body], refusals: Mapping[tuple[str, str, str], str]
) -> dict[str, Any]:
    status = body.get("status") or {}
    ready = status.get("numberReady" if body["kind"] == "DaemonSet" else "readyReplicas", 0)
    return {
        "kind": body["kind"],
        "namespace": body["metadata"]["namespace"],
        "name": body["metadata"]["name"],
        "wanted": wanted(body),
        "ready": int(ready),
        "reason": _reason(body, pods, refusals),
    }


def _reason(body: Body, pods: Sequence[Body], refusals: Mapping[tuple[str, str, str], str]) -> str:
    """What a workload waits for, and why: its pods' own trouble, or who refuses to have them."""
    behind = waits_for(body)
    if not behind:
        return ""
    own = _own(body, pods)
    # A refusal is told for an hour: it counts where pods are missing.
    refused = _refused(body, refusals) if len(own) < wanted(body) else ""
    return "; ".join(filter(None, (behind, why(own), refused)))


def _own(body: Body, pods: Sequence[Body]) -> list[Body]:
    selector = (body.get("spec") or {}).get("selector") or {}
    return [pod for pod in pods if matches(selector, pod["metadata"].get("labels"))]


def _refused(body: Body, refusals: Mapping[tuple[str, str, str], str]) -> str:
    found = condition(body, "ReplicaFailure")
    if found:
        return str(found.get("message", ""))
    metadata = body["metadata"]
    return refusals.get((body["kind"], metadata["namespace"], metadata["name"]), "")


def _refusals(events: Iterable[Body]) -> dict[tuple[str, str, str], str]:
    """The newest refusal to make a pod, by the workload that wanted it."""
    found = {}
    for event in sorted(events, key=_moment):
        about = event.get("involvedObject") or {}
        place = (about.get("kind", ""), about.get("namespace", ""), about.get("name", ""))
        found[place] = str(event.get("message", ""))
    return found


def _moment(event: Body) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _controller(body: Body) -> Mapping[str, Any]:
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def _stands_alone(pod: Body) -> bool:
    done = (pod.get("status") or {}).get("phase") == "Succeeded"
    going = pod["metadata"].get("deletionTimestamp")
    return not done and not going and _controller(pod).get("kind") not in _TOLD


def _single(pod: Body) -> dict[str, Any]:
    reason = trouble(pod)
    return {
        "kind": "Pod",
        "namespace": pod["metadata"]["namespace"],
        "name": pod["metadata"]["name"],
        "wanted": 1,
        "ready": 0 if reason else 1,
        "reason": reason,
    }


def failed_jobs(look: Look) -> list[dict[str, Any]]:
    """Jobs that failed; of a CronJob only one that none has followed that went well."""
    pods, refusals = grouped(look.of(PODS)), _refusals(look.of(EVENTS))
    found = []
    for job in _last_words(look.of(JOBS)):
        reason = failed(job)
        if reason:
            namespace = job["metadata"]["namespace"]
            own = _own(job, pods.get(namespace, ()))
            cause = why(own) or _refused(job, refusals)
            found.append(
                {
                    "namespace": namespace,
                    "name": job["metadata"]["name"],
                    "reason": "; ".join(filter(None, (reason, cause))),
                }
            )
    return sorted(found, key=lambda entry: (entry["namespace"], entry["name"]))


def _last_words(jobs: Iterable[Body]) -> Iterator[Body]:
    """Jobs of their own, and of each CronJob the one that ended last."""
    last: dict[str, Body] = {}
    for job in sorted(jobs, key=lambda body: str(body["metadata"].get("creationTimestamp", ""))):
        owner = _controller(job)
        if owner.get("kind") != "CronJob":
            yield job
        elif failed(job) or condition(job, "Complete"):
            last[str(owner.get("uid"))] = job
    yield from last.values()
