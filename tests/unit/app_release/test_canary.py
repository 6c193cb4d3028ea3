"""Canaries: which pods they are, who finds them, and what share of the requests they get."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import canary
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    VERSION,
    Canary,
    Service,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import Body, deployment, front, route, service

SHARE, WEIGHT = Canary(), Canary(weight=10, replicas=2)


def meant(*more: Body) -> Service:
    return service("2", deployment("r/sale:2", replicas=6), front(), *more)


def made(wanted: Canary, *more: Body) -> dict[str, Body]:
    found = canary.objects(meant(*more), wanted)
    return {each.body["kind"]: dict(each.body) for each in found}


def finds(selector: Body, labels: Body) -> bool:
    return selector.items() <= labels.items()


def labels_of(body: Body) -> Body:
    found: Body = body["spec"]["template"]["metadata"]["labels"]
    return found


def test_by_share_the_service_finds_the_canary_beside_the_others() -> None:
    found = made(SHARE)
    assert found.keys() == {"Deployment"}
    body = found["Deployment"]
    assert (body["metadata"]["name"], body["metadata"]["namespace"]) == ("nx-sale-canary", "nx")
    assert body["spec"]["replicas"] == 1
    assert finds(front()["spec"]["selector"], labels_of(body))
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "r/sale:2"


def test_an_image_alone_is_tried_as_the_deployment_that_is_there() -> None:
    there = deployment("r/sale:1", replicas=6)
    there["spec"]["template"]["metadata"]["labels"][VERSION] = "1"
    there["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "7"}
    [found] = canary.objects(service("2", live=there), SHARE)
    body = found.body
    assert body["metadata"]["name"] == "nx-sale-canary"
    assert "annotations" not in body["metadata"]
    assert body["spec"]["replicas"] == 1
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "r/sale:2"
    assert labels_of(dict(body))[VERSION] == "2"
    assert labels_of(dict(body))[canary.TRACK] == "canary"
    assert there["spec"]["template"]["spec"]["containers"][0]["image"] == "r/sale:1"
    with pytest.raises(KubeError, match="needs the Service nx-sale"):
        canary.objects(service("2", live=there), WEIGHT)


def test_a_template_alone_is_what_the_deployment_gets() -> None:
    there, old = deployment("r/sale:2"), deployment("r/sale:1")["spec"]["template"]
    back = replace(service("1", live=there), target=Target("1", image="r/sale:1", template=old))
    [body] = back.deployments
    assert body["spec"]["template"] == old


def test_by_weight_only_its_own_service_finds_the_canary() -> None:
    found = made(WEIGHT)
    body, own = found["Deployment"], found["Service"]
    assert body["spec"]["replicas"] == 2
    assert not finds(front()["spec"]["selector"], labels_of(body))
    assert finds(own["spec"]["selector"], labels_of(body))
    assert not finds(own["spec"]["selector"], labels_of(deployment()))
    assert own["metadata"]["name"] == "nx-sale-canary"
    # What only one Service can have stays with the other.
    assert own["spec"]["ports"] == [{"port": 80}]
    assert not own["spec"].keys() & {"type", "clusterIP", "clusterIPs"}


@pytest.mark.parametrize("wanted", [SHARE, WEIGHT])
def test_a_canary_is_a_deployment_of_its_own(wanted: Canary) -> None:
    """Its selector finds its pods, and none of the others."""
    selector = made(wanted)["Deployment"]["spec"]["selector"]["matchLabels"]
    assert finds(selector, labels_of(made(wanted)["Deployment"]))
    assert not finds(selector, labels_of(deployment()))


def test_what_the_service_brings_is_not_changed_by_its_canary() -> None:
    given = meant(route([{"name": "nx-sale", "port": 80}]))
    whole = copy.deepcopy([each.body for each in given.target.manifests])
    canary.objects(given, WEIGHT)
    canary.routed(given, WEIGHT)
    assert [each.body for each in given.target.manifests] == whole


def shares(rule: Body) -> dict[str, float]:
    weights = {each["name"]: each["weight"] for each in rule["backendRefs"]}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def test_routes_send_the_canary_its_weight_and_leave_others_theirs() -> None:
    given = meant(
        route(
            [{"name": "nx-sale", "port": 80}],
            [{"name": "nx-sale", "port": 80, "weight": 3}, {"name": "old", "port": 80}],
        )
    )
    [found] = canary.routed(given, WEIGHT)
    first, second = found.body["spec"]["rules"]
    assert shares(first) == {"nx-sale": 0.9, "nx-sale-canary": 0.1}
    assert shares(second) == pytest.approx(
        {"nx-sale": 0.75 * 0.9, "nx-sale-canary": 0.75 * 0.1, "old": 0.25}
    )
    assert {each["port"] for each in first["backendRefs"]} == {80}


def test_a_backend_that_gets_nothing_has_a_canary_that_gets_nothing() -> None:
    given = meant(
        route([{"name": "nx-sale", "port": 80, "weight": 0}, {"name": "old", "port": 80}])
    )
    [found] = canary.routed(given, WEIGHT)
    weights = [each["weight"] for each in found.body["spec"]["rules"][0]["backendRefs"]]
    assert weights == [0, 0, 100]


def test_other_routes_are_left_alone() -> None:
    given = meant(route([{"name": "other"}]), route([{"name": "nx-sale"}]))
    assert len(canary.routes(given)) == 1


def test_a_service_of_another_name_is_taken_where_it_is_the_only_one() -> None:
    other = {**front(), "metadata": {"name": "sale"}}
    given = service("2", deployment(), other, route([{"name": "sale"}]))
    assert len(canary.routed(given, WEIGHT)) == 1
    assert canary.objects(given, WEIGHT)[1].name == "sale-canary"


@pytest.mark.parametrize(
    "bodies, words",
    [
        ([front()], "the Deployment nx-sale among its manifests"),
        ([deployment()], "the Service nx-sale among its manifests"),
        ([deployment(), {**front(), "spec": {}}], "selects no pods"),
    ],
)
def test_a_canary_that_cannot_be_made_is_refused(bodies: list[Body], words: str) -> None:
    with pytest.raises(KubeError, match=words) as refused:
        canary.objects(service("2", *bodies), WEIGHT)
    assert refused.value.reason == "no_canary"


def test_a_weight_without_a_route_is_refused() -> None:
    with pytest.raises(KubeError, match=r"needs an HTTPRoute .* Leave weight out") as refused:
        canary.routed(meant(), WEIGHT)
    assert refused.value.reason == "no_canary"
