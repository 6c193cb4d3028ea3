"""What keeps a release from beginning."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import preflight
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Canary,
    Service,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    HUB,
    Policy,
    refused,
)

from tests.unit.app_release.samples import Body, deployment, service

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
ANY, PINNED = Policy(), Policy(digest=True)
OURS = Policy(registries=("reg.test:5000/nx", "hub.test/acme/"))


@pytest.mark.parametrize(
    "image, policy, words",
    [
        ("reg.test/nx/sale:4f2a91c", ANY, ""),
        ("sale:1", ANY, ""),
        ("sale", ANY, "no tag, so latest, moves"),
        ("sale:latest", ANY, "latest moves"),
        # A port is no tag.
        ("reg.test:5000/nx/sale", ANY, "no tag, so latest, moves"),
        ("reg.test:5000/nx/sale:1", ANY, ""),
        (f"sale@{DIGEST}", ANY, ""),
        (f"sale:latest@{DIGEST}", ANY, ""),
        ("sale:main", Policy(moving=("main", "develop")), "main moves"),
        ("sale:latest", Policy(moving=("main",)), ""),
        ("sale:1", PINNED, "has to be named by digest"),
        (f"sale:1@{DIGEST}", PINNED, ""),
        ("sale@sha256:0123", ANY, "is no name of an image"),
        ("", ANY, "is no name of an image"),
        ("sale:a b", ANY, "is no name of an image"),
        ("sale:1\n", ANY, "is no name of an image"),
        ("reg.test:5000/nx/sale:1", OURS, ""),
        ("hub.test/acme/sale:1", OURS, ""),
        # The beginning of a name is not a part of it.
        ("reg.test:5000/nxt/sale:1", OURS, "from none of reg.test:5000/nx, hub.test/acme/"),
        ("evil.test/hub.test/acme/sale:1", OURS, "from none of"),
        ("sale:1", OURS, "from none of"),
    ],
)
def test_which_images_may_run(image: str, policy: Policy, words: str) -> None:
    found = refused(image, policy)
    assert words in found
    assert bool(found) is bool(words)


def test_every_container_of_a_service_is_held_against_the_policy() -> None:
    first = {"initContainers": [{"name": "wait", "image": "busybox"}]}
    meant = service("2", deployment("r/sale:latest", pod=first))
    found = list(preflight.image_problems(meant, ANY))
    assert [each.reason for each in found] == ["image_refused", "image_refused"]
    assert "sale: image busybox:" in str(found[0])
    alone = service("latest")
    assert len(list(preflight.image_problems(alone, ANY))) == 1


def alone(version: str = "2", **spec: Any) -> Service:
    """A service by an image alone, over the Deployment that is there."""
    there = deployment(**spec)
    there["metadata"] |= {"namespace": "nx", "uid": "d"}
    return service(version, live=there)


def test_an_image_alone_is_held_against_as_the_deployment_that_is_there() -> None:
    meant = alone(replicas=4, container={"resources": {"requests": {"cpu": "500m"}}})
    assert meant.live
    [full] = preflight.headroom([meant], [meant.live], [few("400m")])
    assert full.reason == "no_headroom"
    assert "need 0.5 more for a while" in str(full)
    assert list(preflight.headroom([meant], [meant.live], [few("500m")])) == []
    hurt = {
        "metadata": {"name": "nx-sale", "namespace": "nx"},
        "spec": {"selector": {"matchLabels": {"tier": "api"}}},
        "status": {"currentHealthy": 1, "desiredHealthy": 2},
    }
    [worse] = preflight.disruptions([meant], [hurt])
    assert worse.reason == "disrupted"
    # Its replicas are what it has, and nobody's wish.
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "nx-sale", "namespace": "nx"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "nx-sale"}},
    }
    assert list(preflight.masters(meant, [scaler])) == []


def test_of_an_image_alone_only_that_is_judged_by_its_containers_pull_policy() -> None:
    side = {"name": "proxy", "image": "r/proxy:latest"}
    meant = alone(container={"imagePullPolicy": "Never"})
    assert meant.live
    meant.live["spec"]["template"]["spec"]["containers"].append(side)
    assert list(preflight.images(meant)) == [("r/sale:2", "Never")]
    assert list(preflight.image_problems(meant, ANY)) == []
    [absent] = preflight.absent(meant, [node("r/sale:1")])
    assert "no node has the image r/sale:2" in str(absent)


def few(cpu: str) -> Body:
    """A quota of so many CPUs, of which none is used."""
    return {
        "metadata": {"name": "few", "namespace": "nx"},
        "status": {"hard": {"requests.cpu": cpu}, "used": {}},
    }


def node(*names: str, more: int = 0) -> Body:
    images = [{"names": list(names)}, *({"names": [f"x/{n}:1"]} for n in range(more))]
    return {"status": {"images": images}}


def never(image: str) -> Service:
    return service("2", deployment(image, container={"imagePullPolicy": "Never"}))


@pytest.mark.parametrize(
    "image, nodes, absent",
    [
        ("reg.test:5000/sale:2", [node("reg.test:5000/sale:1")], True),
        ("reg.test:5000/sale:2", [node("x:1"), node("reg.test:5000/sale:2")], False),
        # The container runtime writes short names out.
        ("sale:2", [node(f"{HUB}/library/sale:2")], False),
        ("acme/sale:2", [node(f"{HUB}/acme/sale:2")], False),
        ("sale:2", [node("evil.test/sale:2")], True),
        (f"reg.test/sale@{DIGEST}", [node(f"reg.test/sale@{DIGEST}")], False),
        # Who tells of the largest ones alone, or of none, does not say what is not there.
        ("sale:2", [node("x:1", more=49)], False),
        ("sale:2", [{"status": {}}], False),
        ("sale:2", [], False),
    ],
)
def test_images_that_nobody_has_and_nobody_pulls(
    image: str, nodes: list[Body], absent: bool
) -> None:
    found = list(preflight.absent(never(image), nodes))
    assert [each.reason for each in found] == ["image_absent"] * absent


def test_what_is_pulled_may_be_absent() -> None:
    assert list(preflight.absent(service("2", deployment("r/sale:2")), [node("x:1")])) == []


def quota(hard: Body, used: Body | None = None, **spec: Any) -> Body:
    return {
        "metadata": {"name": "q", "namespace": "nx"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used or {}},
    }


def sized(cpu: str = "500m", **more: Any) -> Body:
    resources = {"requests": {"cpu": cpu, "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    return deployment(container={"resources": resources}, **more)


def live(body: Body) -> Body:
    return {**body, "metadata": {**body["metadata"], "namespace": "nx"}}


def room(meant: Service, there: list[Body], *quotas: Body) -> list[str]:
    return [str(each) for each in preflight.headroom([meant], map(live, there), quotas)]


@pytest.mark.parametrize(
    "body, there, needed",
    [
        # What is not there yet comes to stay.
        (sized(replicas=4), None, 4),
        (sized(), None, 1),
        # What is there takes its surge: a share of its pods rounded up, as its controller does.
        (sized(replicas=4), 4, 1),
        (sized(replicas=5), 5, 2),
        (sized(replicas=4, strategy={"rollingUpdate": {"maxSurge": "100%"}}), 4, 4),
        (sized(replicas=4, strategy={"rollingUpdate": {"maxSurge": 3}}), 4, 3),
        (sized(replicas=4, strategy={"rollingUpdate": {"maxSurge": 0}}), 4, 0),
        (sized(replicas=4, strategy={"type": "Recreate"}), 4, 0),
        # More pods than before come to stay; fewer do not make room at once.
        (sized(replicas=6, strategy={"type": "Recreate"}), 4, 2),
        (sized(replicas=2, strategy={"rollingUpdate": {"maxSurge": 1}}), 4, 1),
        # Where an autoscaler sets how many there are, they are as many as there are.
        (sized(), 8, 2),
    ],
)
def test_what_pods_of_a_release_need_of_a_quota(body: Body, there: int | None, needed: int) -> None:
    before = [] if there is None else [sized(replicas=there)]
    meant = service("2", body)
    for free in range(10):
        assert bool(room(meant, before, quota({"pods": 20}, {"pods": 20 - free}))) is (
            free < needed
        )


def test_a_canary_stands_beside_the_others_before_they_go() -> None:
    body = sized(replicas=4, strategy={"type": "Recreate"})
    meant = service("2", body, canary=Canary(replicas=2))
    assert room(meant, [body], quota({"pods": 5}, {"pods": 4}))
    assert not room(meant, [body], quota({"pods": 6}, {"pods": 4}))


def test_other_deployments_of_the_service_are_there_as_well() -> None:
    meant = service("2", sized(replicas=1), sized(name="nx-sale-worker", replicas=5))
    before = [sized(replicas=1), sized(name="nx-sale-worker", replicas=5)]
    assert not room(meant, before, quota({"pods": 8}, {"pods": 6}))


@pytest.mark.parametrize(
    "hard, used, words",
    [
        ({"requests.cpu": "4"}, {"requests.cpu": "3600m"}, "0.4 of requests.cpu left"),
        ({"cpu": "4"}, {"cpu": "3600m"}, "0.4 of cpu left"),
        ({"memory": "1Gi"}, {"memory": "1000Mi"}, "24Mi of memory left, and the pods"),
        ({"limits.memory": "1Gi"}, {"limits.memory": "1000Mi"}, "need 64Mi more"),
        ({"count/pods": "4"}, {"count/pods": "4"}, "0 of count/pods left"),
        ({"pods": "4"}, {"pods": "5"}, "-1 of pods left"),
        ({"limits.cpu": "4"}, {"limits.cpu": "4"}, ""),
        ({"requests.cpu": "4"}, {"requests.cpu": "3500m"}, ""),
        ({"services": "1"}, {"services": "1"}, ""),
    ],
)
def test_quotas_are_told_in_their_own_words(hard: Body, used: Body, words: str) -> None:
    found = room(service("2", sized()), [sized()], quota(hard, used))
    assert len(found) == bool(words)
    assert words in "".join(found)


def test_quotas_of_some_pods_alone_and_of_other_namespaces_do_not_count() -> None:
    full = {"pods": "4"}, {"pods": "4"}
    meant = service("2", sized())
    assert room(meant, [], quota(*full))
    assert not room(meant, [], quota(*full, scopes=["Terminating"]))
    assert not room(meant, [], quota(*full, scopeSelector={"matchExpressions": []}))
    other = quota(*full)
    other["metadata"]["namespace"] = "ny"
    assert not room(meant, [], other)


@pytest.mark.parametrize(
    "first, needed",
    [
        # What runs before the others counts where it takes more than they together.
        ([("100m", None)], 500),
        ([("700m", None), ("600m", None)], 700),
        # What stays beside them takes its own, and so does what runs after it has begun.
        ([("100m", "Always")], 600),
        ([("300m", "Always"), ("700m", None)], 1000),
        ([("700m", None), ("100m", "Always")], 700),
    ],
)
def test_a_pod_takes_what_the_scheduler_counts(
    first: list[tuple[str, str | None]], needed: int
) -> None:
    before = [
        {
            "name": f"i{number}",
            "image": "i:1",
            "resources": {"requests": {"cpu": cpu}},
            **({"restartPolicy": policy} if policy else {}),
        }
        for number, (cpu, policy) in enumerate(first)
    ]
    meant = service("2", sized(pod={"initContainers": before}))
    assert room(meant, [], quota({"cpu": f"{needed - 1}m"}))
    assert not room(meant, [], quota({"cpu": f"{needed}m"}))


def budget(healthy: int, wanted: int, selector: Body | None = None, namespace: str = "nx") -> Body:
    labels = {"matchLabels": {"app.kubernetes.io/name": "nx-sale"}}
    return {
        "metadata": {"name": "b", "namespace": namespace},
        "spec": {"selector": labels if selector is None else selector},
        "status": {"currentHealthy": healthy, "desiredHealthy": wanted},
    }


@pytest.mark.parametrize(
    "given, disrupted",
    [
        (budget(1, 2), True),
        (budget(2, 2), False),
        (budget(0, 2, {"matchLabels": {"tier": "web"}}), False),
        (budget(0, 2, {"matchLabels": {"tier": "api", "a": "b"}}), False),
        (budget(0, 2, namespace="ny"), False),
        ({**budget(0, 2), "status": {}}, False),
    ],
)
def test_a_budget_for_disruptions_that_is_used_up(given: Body, disrupted: bool) -> None:
    found = list(preflight.disruptions([service("2", deployment())], [given]))
    assert [each.reason for each in found] == ["disrupted"] * disrupted
    if disrupted:
        assert "1 of the 2 pods that PodDisruptionBudget b asks for are healthy" in str(found[0])
        assert "allow_degraded" in str(found[0])


def scaler(kind: str, name: str, of: str = "nx-sale", **metadata: Any) -> Body:
    version = "keda.sh/v1alpha1" if kind == "ScaledObject" else "autoscaling/v2"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "nx", **metadata},
        "spec": {"scaleTargetRef": {"name": of}},
    }


HPA, KEDA = scaler("HorizontalPodAutoscaler", "sale"), scaler("ScaledObject", "sale")
OF_KEDA = scaler(
    "HorizontalPodAutoscaler",
    "keda-hpa-sale",
    ownerReferences=[{"kind": "ScaledObject", "name": "sale", "uid": "1"}],
)
FREE, FIXED = deployment(), deployment(replicas=2)


@pytest.mark.parametrize(
    "own, there, words",
    [
        ([FIXED], [], ""),
        ([FREE, HPA], [], ""),
        ([FREE, KEDA], [KEDA, OF_KEDA], ""),
        ([FREE], [KEDA, OF_KEDA], ""),
        ([FREE, HPA], [HPA], ""),
        ([FIXED, HPA], [], "HorizontalPodAutoscaler sale and the manifest's replicas"),
        ([FIXED], [KEDA, OF_KEDA], "ScaledObject sale and the manifest's replicas"),
        ([FREE, HPA, KEDA], [], "HorizontalPodAutoscaler sale and ScaledObject sale"),
        ([FREE, HPA], [KEDA, OF_KEDA], "HorizontalPodAutoscaler sale and ScaledObject sale"),
        ([FIXED], [scaler("HorizontalPodAutoscaler", "other", "nx-other")], ""),
        ([FIXED], [{**HPA, "metadata": {"name": "sale", "namespace": "ny"}}], ""),
    ],
)
def test_one_alone_sets_how_many_pods_there_are(
    own: list[Body], there: list[Body], words: str
) -> None:
    found = list(preflight.masters(service("2", *own), there))
    assert [each.reason for each in found] == ["two_masters"] * bool(words)
    assert words in "".join(map(str, found))
