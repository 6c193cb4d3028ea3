# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a Deployment may be scaled by hand, and how. Refusals are sentences that begin with their reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    QUOTA_NAMES,
    made_by_keda,
    scales,
    shown,
    taken,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.quantity import quantity

Body = Mapping[str, Any]

HPA = "HorizontalPodAutoscaler"
#: Fields that hold the bounds, by kind.
BOUNDS = {
    HPA: ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}


def master(deployment: str, autoscalers: Iterable[Body]) -> Body | None:
    """The autoscaler that sets a Deployment's replicas: KEDA's own object rather than the HPA that it makes."""
    found = [each for each in autoscalers if scales(each, deployment) and not made_by_keda(each)]
    return found[0] if found else None


def scale_problems(
    deployment: Body,
    autoscalers: Sequence[Body],
    quotas: Sequence[Body],
    *,
    replicas: int | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    allow_zero: bool = False,
) -> list[str]:
    """Why a Deployment cannot be scaled so, empty where it can."""
    name, found = (
        deployment["metadata"]["name"],
        master(deployment["metadata"]["name"], autoscalers),
    )
    problems = []
    if replicas is None and minimum is None and maximum is None:
        problems.append("no_replicas: how many? Give -e replicas=, or -e minimum= and -e maximum=.")
    if found is not None and replicas is not None:
        problems.append(
            f"autoscaled: {_called(found)} sets the replicas of Deployment {name}, and would set {replicas} back. "
            f"Change its bounds ({_bounds(found)}): -e minimum= -e maximum= in place of -e replicas=."
        )
    if found is None and (minimum is not None or maximum is not None):
        problems.append(
            f"not_autoscaled: nothing scales Deployment {name}, so it has no bounds. Give -e replicas= alone."
        )
    problems += _bad_numbers(found, replicas, minimum, maximum, allow_zero)
    if not problems:
        # Pods up to the maximum are what an autoscaler may ask for at any time.
        wanted = replicas if replicas is not None else maximum if maximum is not None else minimum
        problems += _headroom(deployment, int(wanted or 0), quotas)
    return problems


def bounds_patch(autoscaler: Body, minimum: int | None, maximum: int | None) -> dict[str, Any]:
    """What changes an autoscaler's bounds."""
    least, most = BOUNDS[autoscaler["kind"]]
    spec = {least: minimum, most: maximum}
    return {
        "apiVersion": autoscaler["apiVersion"],
        "kind": autoscaler["kind"],
        "metadata": {key: autoscaler["metadata"][key] for key in ("name", "namespace")},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def _headroom(deployment: Body, replicas: int, quotas: Sequence[Body]) -> Iterator[str]:
    """Quotas that more pods than now do not fit into: they would never come, and nobody would be told."""
    more = taken(deployment, max(0, replicas - int(deployment["spec"].get("replicas", 1))))
    for quota in quotas:
        status = quota.get("status") or {}
        for name, hard in (status.get("hard") or {}).items():
            need = more.get(QUOTA_NAMES.get(name, name))
            free = quantity(hard) - quantity((status.get("used") or {}).get(name, 0))
            if need and need > free:
                yield (
                    f"no_headroom: quota {quota['metadata']['name']} has {shown(name, free)} of {name} left, and "
                    f"{replicas} pods need {shown(name, need)} more. Raise it, or ask for less."
                )


def _bad_numbers(
    autoscaler: Body | None,
    replicas: int | None,
    minimum: int | None,
    maximum: int | None,
    allow_zero: bool,
) -> list[str]:
    given = {"replicas": replicas, "minimum": minimum, "maximum": maximum}
    problems = [
        f"bad_number: {name}={value}: a number of pods is not below 0."
        for name, value in given.items()
        if value is not None and value < 0
    ]
    if 0 in (replicas, minimum) and not allow_zero:
        what = "replicas=0" if replicas == 0 else "minimum=0"
        problems.append(
            f"zero: with {what} nobody would answer. Where that is meant, say -e allow_zero=true as well."
        )
    if minimum == 0 and allow_zero and autoscaler is not None and autoscaler["kind"] == HPA:
        problems.append(
            "zero: a HorizontalPodAutoscaler goes no lower than 1; KEDA's ScaledObject does."
        )
    if autoscaler is not None and replicas is None:
        least, most = BOUNDS[autoscaler["kind"]]
        spec = autoscaler.get("spec") or {}
        low = minimum if minimum is not None else spec.get(least)
        high = maximum if maximum is not None else spec.get(most)
        if low is not None and high is not None and low > high:
            problems.append(
                f"bad_number: minimum {low} is above maximum {high} of {_called(autoscaler)}."
            )
    return problems


def _called(autoscaler: Body) -> str:
    return f"{autoscaler['kind']} {autoscaler['metadata']['name']}"


def _bounds(autoscaler: Body) -> str:
    least, most = BOUNDS[autoscaler["kind"]]
    spec = autoscaler.get("spec") or {}
    return f"now {spec.get(least, 'by default')} to {spec.get(most, 'by default')}"
