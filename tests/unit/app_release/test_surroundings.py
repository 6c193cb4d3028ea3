"""What the preflight reads of a cluster, and what it may not go without."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import World
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.surroundings import (
    surroundings,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError


class Api:
    """Has one object of each kind in each namespace; answers some lists with another status."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = statuses
        self.asked: list[str] = []

    async def get(self, path: str) -> Answer:
        self.asked.append(path)
        kind = path.rpartition("/")[2]
        status = self.statuses.get(kind, 200)
        if status != 200:
            return Answer(status, {"message": f"{kind} is {status}"})
        return Answer(200, {"items": [{"metadata": {"name": kind, "path": path}}]})


def read(api: Api, keda: bool = True) -> World:
    return asyncio.run(surroundings(cast(Client, api), {"nx", "ny"}, keda))


def test_all_is_read_in_the_services_namespaces_but_the_nodes() -> None:
    api = Api()
    found = read(api)
    assert [each for each in api.asked if "/namespaces/" not in each] == ["/api/v1/nodes"]
    assert [len(each) for each in (found.quotas, found.budgets, found.deployments)] == [2, 2, 2]
    kinds = sorted(each["kind"] for each in found.autoscalers)
    assert kinds == ["HorizontalPodAutoscaler"] * 2 + ["ScaledObject"] * 2
    assert len(found.nodes) == 1


def test_nodes_may_stay_unseen_and_keda_may_not_be_there() -> None:
    assert read(Api(nodes=403)).nodes == []
    # Who may not look is told so of kinds that are not there as well.
    for api, keda in ((Api(scaledobjects=403), False), (Api(scaledobjects=404), True)):
        assert {each["kind"] for each in read(api, keda).autoscalers} == {"HorizontalPodAutoscaler"}


@pytest.mark.parametrize(
    "kind",
    ["horizontalpodautoscalers", "scaledobjects", "resourcequotas", "poddisruptionbudgets"],
)
def test_what_may_not_be_listed_is_not_taken_for_none(kind: str) -> None:
    with pytest.raises(KubeError, match="may not look at") as refused:
        read(Api(**{kind: 403}))
    assert refused.value.reason == "forbidden"
    for namespace in ("nx", "ny"):
        assert f"listing {kind} in {namespace}: {kind} is 403" in str(refused.value)


@pytest.mark.parametrize("given", [{"nodes": 500}, {"deployments": 500}, {"resourcequotas": 404}])
def test_what_cannot_be_listed_otherwise_is_a_failure(given: dict[str, Any]) -> None:
    with pytest.raises(KubeError) as failed:
        read(Api(**given))
    assert failed.value.reason == "failed"
