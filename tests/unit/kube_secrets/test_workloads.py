"""Who uses which secret, and what restarts for which change."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import Workload
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.workloads import (
    Change,
    due,
    merged,
    restarts,
    unknown,
    uses,
)

SINCE = "2026-11-22T10:00:00.000001+00:00"


def pod(containers: str = "containers", **container: Any) -> dict[str, Any]:
    return {containers: [{"name": "c", **container}]}


def volume(**source: Any) -> dict[str, Any]:
    return {"containers": [], "volumes": [{"name": "v", **source}]}


def variable(name: str, key: str) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}]


def change(*keys: str, **more: Any) -> Change:
    given: dict[str, Any] = {"namespace": "n", "name": "app", "since": SINCE, **more}
    return Change(keys=frozenset(keys), **given)


def body(spec: dict[str, Any], at: str = "", **more: Any) -> dict[str, Any]:
    annotations = {"kubectl.kubernetes.io/restartedAt": at} if at else {}
    return {"spec": {"template": {"metadata": {"annotations": annotations}, "spec": spec}, **more}}


@pytest.mark.parametrize(
    "spec,concerned",
    [
        (pod(envFrom=[{"secretRef": {"name": "app"}}]), True),
        (pod("initContainers", envFrom=[{"secretRef": {"name": "app"}}]), True),
        (pod(envFrom=[{"configMapRef": {"name": "app"}}]), False),
        (pod(envFrom=[{"secretRef": {"name": "other"}}]), False),
        (pod(env=variable("app", "A")), True),
        (pod(env=variable("app", "B")), False),
        (pod(env=[{"name": "X", "value": "app"}]), False),
        (volume(secret={"secretName": "app"}), True),
        (volume(secret={"secretName": "app", "items": [{"key": "B", "path": "b"}]}), False),
        (volume(projected={"sources": [{"secret": {"name": "app"}}]}), True),
        (volume(projected={"sources": [{"configMap": {"name": "app"}}]}), False),
        (volume(csi={"driver": "d", "nodePublishSecretRef": {"name": "app"}}), True),
        (volume(csi={"volumeAttributes": {"secretProviderClass": "app"}}), False),
        # An image that has been pulled is not pulled again for new credentials.
        ({"containers": [], "imagePullSecrets": [{"name": "app"}]}, False),
        ({}, False),
    ],
)
def test_what_uses_a_changed_key_is_concerned(spec: dict[str, Any], concerned: bool) -> None:
    assert change("A").concerns(Workload("Deployment", "web"), body(spec)) is concerned


def test_a_provider_class_is_used_by_volume_and_by_its_secret() -> None:
    mounted = body(volume(csi={"volumeAttributes": {"secretProviderClass": "app"}}))
    read = body(pod(env=variable("app", "A")))
    for spec in (mounted, read):
        assert change("A", csi=True).concerns(Workload("Deployment", "web"), spec)


def test_all_uses_of_a_pod_are_found() -> None:
    spec = {
        **pod(envFrom=[{"secretRef": {"name": "a"}}, {"prefix": "X"}], env=variable("b", "k")),
        "initContainers": [{"env": variable("c", "k")}],
        "volumes": [{"secret": {"secretName": "d"}}, {"emptyDir": {}}],
    }
    assert [use.name for use in uses(spec)] == ["a", "b", "c", "d"]


def test_a_workload_restarts_once_for_all_its_secrets() -> None:
    both = pod(envFrom=[{"secretRef": {"name": "app"}}, {"secretRef": {"name": "second"}}])
    later = "2026-11-22T11:00:00+00:00"
    (found,) = restarts(
        "n",
        {Workload("Deployment", "web"): body(both), Workload("Deployment", "none"): body({})},
        [change("A"), change("A", name="second", since=later)],
    )
    assert (found.workload.name, found.secrets, found.since) == ("web", ("app", "second"), later)


@pytest.mark.parametrize(
    "at,done",
    [
        ("", False),
        ("nonsense", False),
        ("2026-11-22T09:59:59Z", False),
        ("2026-11-22T10:00:00Z", False),
        (SINCE, True),
        ("2026-11-22T10:00:01Z", True),
        # As kubectl writes it, in the zone of who asked.
        ("2026-11-22T17:00:01+07:00", True),
        ("2026-11-22T16:59:59+07:00", False),
    ],
)
def test_what_was_restarted_since_is_not_restarted_again(at: str, done: bool) -> None:
    spec = pod(envFrom=[{"secretRef": {"name": "app"}}])
    (found,) = restarts("n", {Workload("Deployment", "web"): body(spec, at)}, [change("A")])
    assert found.done is done


def test_what_does_not_follow_says_so() -> None:
    spec = pod(envFrom=[{"secretRef": {"name": "app"}}])
    for more, words in (
        ({"paused": True}, "paused"),
        ({"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ({"updateStrategy": {"type": "RollingUpdate"}}, ""),
    ):
        (found,) = restarts("n", {Workload("Deployment", "w"): body(spec, **more)}, [change("A")])
        assert words in found.held
        assert bool(words) == bool(found.held)


def test_what_is_named_restarts_in_place_of_what_is_found() -> None:
    named = change("A", restart=(Workload("Deployment", "named"),))
    spec = pod(envFrom=[{"secretRef": {"name": "app"}}])
    there = {Workload("Deployment", "user"): body(spec), Workload("Deployment", "named"): body({})}
    assert [str(found) for found in restarts("n", there, [named])] == ["Deployment/named in n"]
    assert unknown([named], there) == []
    assert unknown([named], {}) == ["Deployment/named in n (named by app)"]
    assert restarts("n", there, [change("A", restart=())]) == []


def test_a_change_that_is_still_due_is_taken_up() -> None:
    earlier = "2026-11-21T00:00:00+00:00"
    kept = change("A", since=earlier).annotation()
    live = {"metadata": {"annotations": {"groundwork.platform/restart-due": kept}}}
    assert due(live) == (frozenset("A"), earlier)
    assert due({"metadata": {}}) is None
    assert due({"metadata": {"annotations": {"groundwork.platform/restart-due": "x"}}}) is None
    assert due(None) is None

    assert merged(change(), None) is None
    assert merged(change("B"), None) == change("B")
    assert merged(change(), due(live)) == change("A", since=earlier)
    assert merged(change("B"), due(live)) == change("A", "B")
