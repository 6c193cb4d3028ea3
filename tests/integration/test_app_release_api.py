"""app_release against a real API server and its controllers; pods are what the test says of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.kube_api import Api
from tests.integration.kube_world import status
from tests.integration.release_world import World, service, states, until, world

pytestmark = pytest.mark.kube

#: What a pod waits for that does not come.
VAIN = "ErrImageNeverPull"


@pytest.fixture
def place(kube: Api, namespace: str) -> Iterator[World]:
    with world(kube, namespace) as made:
        yield made


def test_manifests_follow_an_image_that_was_set_alone(place: World) -> None:
    assert states(place.run(service("sale", "1"))) == {"sale": "released"}
    alone = {"name": "sale", "version": "2", "image": "registry.test/sale:2"}
    assert states(place.run(alone)) == {"sale": "released"}
    place.broken["registry.test/sale:3"] = VAIN
    assert states(place.run(service("sale", "3"))) == {"sale": "rolled_back"}
    assert place.image("sale") == "registry.test/sale:2"
    assert states(place.run(service("sale", "4"))) == {"sale": "released"}


def test_the_way_back_is_not_judged_by_the_deadline_that_the_way_there_passed(place: World) -> None:
    about = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    assert states(place.run(service("sale", "1", **about))) == {"sale": "released"}
    place.broken["registry.test/sale:2"] = ""
    found = place.run(service("sale", "2", progressDeadlineSeconds=1, **about))
    assert "ProgressDeadlineExceeded" in found["msg"]
    assert states(found) == {"sale": "rolled_back"}


def test_a_rollback_that_was_killed_goes_on_where_it_went(place: World) -> None:
    for version in "12":
        assert states(place.run(service("sale", version))) == {"sale": "released"}
    with place.begun({"name": "sale"}, operation="rollback", soak={"seconds": 60}):
        until(lambda: place.image("sale") == "registry.test/sale:1")
    assert place.releases()["release-sale-3"] == "running"
    again = place.run({"name": "sale"}, operation="rollback")
    assert states(again) == {"sale": "released"}
    assert again["services"][0]["rollback_of"] == "2 (revision 2)"
    assert place.image("sale") == "registry.test/sale:1"
    # One that a release had begun by itself is what is asked for, and not one before that.
    place.broken["registry.test/sale:4"] = VAIN
    assert states(place.run(service("sale", "4"), rollback="none")) == {"sale": "failed"}
    place.restate("release-sale-4", "rolling_back")
    ended = place.run({"name": "sale"}, operation="rollback")
    assert (states(ended), ended.get("failed", False)) == ({"sale": "rolled_back"}, False)
    assert place.image("sale") == "registry.test/sale:1"


def test_what_somebody_sets_during_the_soak_is_not_recorded_as_the_release(place: World) -> None:
    assert states(place.run(service("sale", "1"))) == {"sale": "released"}
    with ThreadPoolExecutor() as beside:
        found = beside.submit(place.run, service("sale", "2"), soak={"seconds": 30})
        until(lambda: place.image("sale") == "registry.test/sale:2")
        until(lambda: place.deployment("sale")["status"].get("updatedReplicas") == 1)
        time.sleep(3)
        # What an autoscaler does is nobody else's release.
        place.set_deployment("sale", {"replicas": 2})
        time.sleep(2)
        assert not found.done()
        place.set_image("sale", "registry.test/sale:hotfix")
        done = found.result(timeout=60)
    assert (done["reason"], states(done)) == ("replaced", {"sale": "rolled_back"}), done["msg"]
    assert place.releases()["release-sale-2"] == "rolled_back"
    assert place.image("sale") == "registry.test/sale:1"


def test_an_image_alone_has_a_canary_of_the_deployment_that_is_there(place: World) -> None:
    assert states(place.run(service("sale", "1", quota()))) == {"sale": "released"}
    alone = {"name": "sale", "version": "2", "image": "registry.test/sale:2"}
    found = place.run({**alone, "canary": {"seconds": 1}}, soak={"seconds": 1})
    assert states(found) == {"sale": "released"}, found["msg"]
    assert found["services"][0]["parts"]["canary"] >= 1
    names = [each["metadata"]["name"] for each in place.items("deployments", "/apis/apps/v1")]
    assert names == ["nx-sale"]
    assert place.image("sale") == "registry.test/sale:2"
    place.broken["registry.test/sale:3"] = VAIN
    bad = {**alone, "version": "3", "image": "registry.test/sale:3", "canary": {"seconds": 1}}
    found = place.run(bad)
    assert (found["reason"], place.image("sale")) == ("canary_failed", "registry.test/sale:2")
    # Its quota counts, though no manifest says what its pods take.
    found = place.run({**alone, "canary": {"replicas": 3}, "version": "4", "image": "r/sale:4"})
    assert found["reason"] == "no_headroom"


def test_a_role_in_the_namespace_is_enough_and_may_not_be_blind(place: World) -> None:
    api = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{place.namespace}"
    subject = {"kind": "User", "name": "deployer", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "Role", "name": "deployer", "apiGroup": "rbac.authorization.k8s.io"}

    def allowed(*groups: str) -> list[dict[str, Any]]:
        return [{"apiGroups": list(groups), "resources": ["*"], "verbs": ["*"]}]

    groups = ("", "apps", "policy", "coordination.k8s.io")
    meta = {"metadata": {"name": "deployer"}}
    place.ask("POST", f"{api}/roles", {**meta, "rules": allowed(*groups)}, "application/json")
    bound = {**meta, "subjects": [subject], "roleRef": role}
    place.ask("POST", f"{api}/rolebindings", bound, "application/json")
    blind = place.run(service("sale", "1"), impersonate_user="deployer")
    assert blind["reason"] == "forbidden"
    assert "horizontalpodautoscalers" in blind["msg"]
    place.ask("PATCH", f"{api}/roles/deployer", {"rules": allowed(*groups, "autoscaling")})
    found = place.run(service("sale", "1"), impersonate_user="deployer")
    assert found.get("reason") is None, found["msg"]
    assert states(found) == {"sale": "released"}


def budget(name: str, needed: int) -> dict[str, Any]:
    """A PodDisruptionBudget of a service."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"nx-{name}"},
        "spec": {"minAvailable": needed, "selector": {"matchLabels": {"app": f"nx-{name}"}}},
    }


def scaler(name: str) -> dict[str, Any]:
    """An autoscaler of a service."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"nx-{name}"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"nx-{name}"},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 3},
    }


def quota() -> dict[str, Any]:
    """One pod more than there are of sale and weak."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "3"}},
    }


def test_a_first_release_is_recorded_and_a_second_run_leaves_it_alone(place: World) -> None:
    tried = place.run(service("sale", "1"), check=True)
    assert (states(tried), tried["changed"]) == ({"sale": "would_release"}, True)
    assert place.items("deployments", "/apis/apps/v1") == []
    assert place.releases() == {}
    first = place.run(service("sale", "1"), by="jane")
    assert (states(first), first["changed"]) == ({"sale": "released"}, True)
    again = place.run(service("sale", "1"))
    assert (states(again), again["changed"]) == ({"sale": "current"}, False)
    assert place.releases() == {"release-sale-1": "good"}
    assert states(place.run(service("sale", "2"))) == {"sale": "released"}
    # Back by number, and further back without one: what was left is not returned to.
    back = place.run({"name": "sale"}, operation="rollback", revision=1)
    assert states(back) == {"sale": "released"}
    assert back["services"][0]["rollback_of"] == "2 (revision 2)"
    assert place.image("sale") == "registry.test/sale:1"
    nowhere = place.run({"name": "sale"}, operation="rollback")
    assert nowhere["reason"] == "no_revision"
    assert place.releases() == {f"release-sale-{number}": "good" for number in (1, 2, 3)}


def test_a_broken_release_is_undone_and_may_be_rolled_back_from(place: World) -> None:
    """What is not well does not refuse the way back."""
    held, single = [budget("sale", 1)], {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    good = service("sale", "1", *held, strategy=single)
    assert states(place.run(good)) == {"sale": "released"}
    place.broken["registry.test/sale:2"] = VAIN
    bad = service("sale", "2", *held, strategy=single)
    found = place.run(bad)
    assert (states(found), found["reason"]) == ({"sale": "rolled_back"}, "hopeless_pod")
    assert place.image("sale") == "registry.test/sale:1"
    # Left as it failed, and undone by the next run, whatever that was to bring.
    kept = place.run(bad, rollback="none")
    assert states(kept) == {"sale": "failed"}
    until(
        lambda: (
            place.items("poddisruptionbudgets", "/apis/policy/v1")[0]["status"]["currentHealthy"]
            == 0
        )
    )
    assert place.run(service("sale", "3", *held))["reason"] == "disrupted"
    place.restate("release-sale-3", "rolling_back")
    # Somebody had a hand in it meanwhile.
    place.set_image("sale", "registry.test/sale:mended")
    ended = place.run(good)
    assert (ended["reason"], ended["changed"]) == ("rollback_finished", True)
    assert states(ended) == {"sale": "rolled_back"}
    assert place.image("sale") == "registry.test/sale:1"
    assert place.releases()["release-sale-3"] == "rolled_back"
    assert states(place.run(good)) == {"sale": "current"}
    assert states(place.run(bad, rollback="none")) == {"sale": "failed"}
    back = place.run({"name": "sale"}, operation="rollback")
    assert states(back) == {"sale": "released"}
    assert place.image("sale") == "registry.test/sale:1"


def test_a_run_that_was_killed_is_taken_up(place: World) -> None:
    """Killed in its canary, with another version next, and killed in its window."""
    assert states(place.run(service("sale", "1"))) == {"sale": "released"}
    tried = {**service("sale", "2"), "canary": {"seconds": 60}}
    with place.begun(tried):
        until(lambda: len(place.items("pods")) == 2)
    assert place.releases()["release-sale-2"] == "running"
    assert place.image("sale") == "registry.test/sale:1"
    with place.begun(service("sale", "3"), soak={"seconds": 60}):
        until(lambda: place.image("sale") == "registry.test/sale:3")
        until(lambda: place.deployment("sale")["status"].get("updatedReplicas") == 1)
    names = [each["metadata"]["name"] for each in place.items("deployments", "/apis/apps/v1")]
    assert names == ["nx-sale"]
    assert place.releases()["release-sale-3"] == "running"
    found = place.run(service("sale", "3"))
    [entry] = found["services"]
    assert (entry["state"], entry["revision"], entry["previous"]) == ("released", 3, "1")
    assert entry["why"] == "a run of it was cut short"


def test_what_ran_before_the_first_release_is_returned_to_after_a_kill(place: World) -> None:
    [unrecorded, *_more] = service("sale", "0")["manifests"]
    path = f"/apis/apps/v1/namespaces/{place.namespace}/deployments"
    place.ask("POST", path, unrecorded, kind="application/json")
    place.broken["registry.test/sale:1"] = ""
    alone = {"name": "sale", "version": "1", "image": "registry.test/sale:1"}
    with place.begun(alone):
        until(lambda: place.image("sale") == "registry.test/sale:1")
    place.broken["registry.test/sale:1"] = VAIN
    found = place.run(alone)
    assert states(found) == {"sale": "rolled_back"}
    assert place.image("sale") == "registry.test/sale:0"


#: What is wrong with a release of sale (there at version 1), the reason, and words of the message.
REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    (service("sale", "latest"), "image_refused", "latest moves"),
    (
        service(
            "sale",
            "2",
            pod={"containers": [{"name": "c", "image": "gone:2", "imagePullPolicy": "Never"}]},
        ),
        "image_absent",
        "no node has the image gone:2",
    ),
    (service("sale", "2", replicas=4), "no_headroom", "Quota few of "),
    (service("sale", "2", scaler("sale"), replicas=1), "two_masters", "the manifest's replicas"),
    (
        service("weak", "2"),
        "disrupted",
        "0 of the 1 pods that PodDisruptionBudget nx-weak asks for",
    ),
    # What only the API knows is asked of it by a dry run: another's field, and a rule of its own.
    (service("theirs", "2", replicas=0), "objects", 'conflict with "jane"'),
    (service("sale", "2", strategy={"type": "Recreate"}), "objects", "may not be specified"),
    ({"name": "none", "image": "r/none:2"}, "not_there", "has no Deployment nx-none"),
    ({"name": "sale", "image": "r/sale:2", "container": "x"}, "no_container", "it has c"),
    ({**service("sale", "2"), "canary": {"weight": 5}}, "no_canary", "the Service nx-sale"),
    (
        service("sale", "2", {"apiVersion": "a.b/v1", "kind": "C", "metadata": {"name": "c"}}),
        "unknown_kind",
        "a.b/v1",
    ),
]


def test_nothing_is_begun_where_something_stands_against_it(place: World, node: Any) -> None:
    node("release-1", True)
    status(place.kube, "node", "release-1", images=[{"names": ["registry.test/busybox:1"]}])
    place.broken["registry.test/weak:1"] = VAIN
    assert states(place.run(service("sale", "1", quota()))) == {"sale": "released"}
    assert states(place.run(service("weak", "1", budget("weak", 1)))) == {"weak": "stays"}
    path = f"/apis/apps/v1/namespaces/{place.namespace}/deployments?fieldManager=jane"
    theirs = service("theirs", "1", replicas=0)["manifests"][0]
    place.ask("POST", path, theirs, kind="application/json")
    until(lambda: "observedGeneration" in place.deployment("theirs")["status"])
    before = [place.releases(), *(place.items("deployments", "/apis/apps/v1"))]
    migration = {"image": "r/m:2", "command": ["migrate"]}
    forced = place.run(service("theirs", "2", replicas=0), check=True, force_conflicts=True)
    assert states(forced) == {"theirs": "would_release"}
    for given, reason, words in REFUSALS:
        found = place.run({"version": "2", "migration": migration, **given})
        assert (found["failed"], found["reason"]) == (True, reason), found["msg"]
        assert words in found["msg"]
    elsewhere = {"name": "staging", "kubeconfig": str(place.kube.kubeconfig)}
    found = place.run(service("sale", "2"), promoted_from=elsewhere)
    assert found["msg"] == "sale 2: staging never had it: release it there first."
    renamed = {**elsewhere, "namespace": {place.namespace: "default"}}
    found = place.run(service("sale", "2"), promoted_from=renamed)
    assert "sale 2: staging (namespace default) never had it" in found["msg"]
    found = place.run({"name": "sale"}, operation="rollback")
    assert (found["reason"], "There are 1 (1, good)" in found["msg"]) == ("no_revision", True)
    # What the options say is refused before the API is asked: the units try each.
    found = place.run(service("sale", "2"), kubeconfig="/nowhere", soak={"interval": -1})
    assert found["reason"] == "bad_soak"
    assert [place.releases(), *(place.items("deployments", "/apis/apps/v1"))] == before
    assert place.items("jobs", "/apis/batch/v1") == []
