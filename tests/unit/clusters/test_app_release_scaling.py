"""app_scale: what would be set back, or could not come, is refused before anything changes."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.filter.releases import (
    scale_bounds,
    scale_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.scaling import master

Body = dict[str, Any]
DEPLOYMENT: Body = {
    "metadata": {"name": "nx-sale", "namespace": "nx-backend"},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {"containers": [{"resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]}
        },
    },
}


def scaler(kind: str, least: str, most: str, name: str = "nx-sale", **metadata: Any) -> Body:
    return {
        "apiVersion": "some/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "nx-backend", **metadata},
        "spec": {"scaleTargetRef": {"name": "nx-sale"}, least: 2, most: 6},
    }


HPA = scaler("HorizontalPodAutoscaler", "minReplicas", "maxReplicas")
KEDA = scaler("ScaledObject", "minReplicaCount", "maxReplicaCount")
MADE = scaler(
    "HorizontalPodAutoscaler",
    "minReplicas",
    "maxReplicas",
    "keda-hpa-nx-sale",
    ownerReferences=[{"kind": "ScaledObject"}],
)


def problems(*autoscalers: Body, quotas: list[Body] | None = None, **asked: Any) -> str:
    return " ".join(scale_problems(DEPLOYMENT, list(autoscalers), quotas or [], **asked))


def quota(name: str, hard: str, used: str) -> Body:
    return {"metadata": {"name": "compute"}, "status": {"hard": {name: hard}, "used": {name: used}}}


def test_replicas_are_refused_where_something_sets_them() -> None:
    assert problems(replicas="3") == ""
    told = problems(HPA, replicas="3")
    assert told.startswith("autoscaled: HorizontalPodAutoscaler nx-sale sets the replicas")
    assert "now 2 to 6" in told
    assert "-e minimum= -e maximum=" in told
    # KEDA's HPA is its own: the object to change is the ScaledObject.
    assert "ScaledObject nx-sale" in problems(MADE, KEDA, replicas="3")
    other = {**HPA, "spec": {**HPA["spec"], "scaleTargetRef": {"name": "nx-identity"}}}
    assert problems(other, replicas="3") == ""


def test_bounds_go_to_who_decides() -> None:
    assert problems(HPA, minimum="3", maximum="5") == ""
    assert problems(minimum="3").startswith("not_autoscaled:")
    assert "minimum 7 is above maximum 6" in problems(HPA, minimum="7")
    assert master("nx-sale", [MADE, KEDA]) == KEDA
    assert scale_bounds(HPA, "3", None)["spec"] == {"minReplicas": 3}
    assert scale_bounds(KEDA, maximum="9")["spec"] == {"maxReplicaCount": 9}


def test_none_at_all_has_to_be_meant() -> None:
    assert problems().startswith("no_replicas:")
    assert problems(replicas="0").startswith("zero:")
    assert problems(replicas="0", allow_zero=True) == ""
    assert problems(HPA, minimum="0", allow_zero=True).startswith("zero:")
    assert problems(KEDA, minimum="0", allow_zero=True) == ""


def test_pods_that_a_quota_keeps_out_are_told_before() -> None:
    full = quota("requests.cpu", "1", "850m")
    assert problems(quotas=[full], replicas="3") == ""
    told = problems(quotas=[full], replicas="4")
    assert told.startswith("no_headroom: quota compute has 0.15 of requests.cpu left")
    assert problems(quotas=[quota("pods", "10", "10")], replicas="2") == ""
    assert "no_headroom" in problems(HPA, quotas=[quota("pods", "10", "10")], maximum="9")
