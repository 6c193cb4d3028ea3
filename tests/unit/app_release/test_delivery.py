"""How a service gets to what it is brought to, and back: patches, and what a rollback takes away."""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import replace
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.delivery import (
    Delivery,
    before,
    imaged,
    restored,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.gitops import Gitops
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Target
from ansible_collections.groundwork.platform.plugins.module_utils.gitops import git
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import GitSource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Kind

from tests.unit.app_release.samples import Body, deployment, front, service, target

SIDE = {"containers": [{"name": "proxy", "image": "r/proxy:1"}, {"name": "app", "image": "r/a:1"}]}


class Api:
    """Answers from a table of paths, and notes what was sent."""

    def __init__(self, **found: Any) -> None:
        self.found = found
        self.sent: list[tuple[str, str, Any]] = []

    async def get(self, path: str, **_query: str) -> Answer:
        body = self.found.get(path.rpartition("/")[2])
        return Answer(200, body) if body else Answer(404, {})

    async def send(self, method: str, path: str, body: Any = None, *_more: Any) -> Answer:
        self.sent.append((method, path, body))
        return Answer(200, self.found.get(path.rpartition("/")[2]))


def delivery(api: Api) -> Delivery:
    client = cast(Client, api)
    made = Delivery(client, False, Gitops(client, "argocd", False, "", lambda *_said: None))
    resources = [
        Resource(
            Kind(version, kind), plural, namespaced, frozenset(("create", "get", "list", "patch"))
        )
        for version, kind, plural, namespaced in (
            ("apps/v1", "Deployment", "deployments", True),
            ("v1", "Service", "services", True),
            ("v1", "ConfigMap", "configmaps", True),
            ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
            ("v1", "Namespace", "namespaces", False),
        )
    ]
    made._catalogue = Catalogue({each.kind: each for each in resources}, frozenset())
    return made


def test_what_the_cluster_serves_is_known_from_its_discovery() -> None:
    made = delivery(Api())
    assert made.serves("apps/v1", "Deployment")
    assert not made.serves("keda.sh/v1alpha1", "ScaledObject")


@pytest.mark.parametrize(
    "said, status, has, holds",
    [
        ("2", "Synced", True, True),
        ("1", "Synced", True, False),
        # What is committed may not have come to the cluster yet.
        ("2", "OutOfSync", True, False),
        ("2", "Synced", False, False),
    ],
)
def test_what_git_says_is_there_once_argo_cd_has_brought_it(
    monkeypatch: pytest.MonkeyPatch, said: str, status: str, has: bool, holds: bool
) -> None:
    async def read(_source: GitSource) -> str:
        return said

    async def at(_source: GitSource, value: str, revisions: tuple[str, ...]) -> bool:
        assert (value, revisions) == ("2", ("c0ffee",))
        return has

    monkeypatch.setattr(git, "read", read)
    monkeypatch.setattr(git, "at", at)
    application = {"status": {"sync": {"status": status, "revision": "c0ffee"}}}
    source = GitSource("https://git.test/shop", "main", "values.yaml", "image.tag")
    meant = replace(service("2"), git=source, application="shop")
    made = delivery(Api(shop=application))
    assert asyncio.run(made.holds(meant, deployment())) is holds


def named(kind: str, name: str) -> Body:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}


def test_an_image_alone_goes_to_the_container_that_is_the_version() -> None:
    live = deployment(pod=SIDE)
    first = imaged(service("2"), target("2"), live)
    assert first["spec"]["template"]["spec"]["containers"] == [
        {"name": "proxy", "image": "r/sale:2"}
    ]
    named_one = imaged(service("2", container="app"), target("2"), live)
    assert named_one["spec"]["template"]["spec"]["containers"][0]["name"] == "app"
    assert "metadata" not in first["spec"]["template"]


def test_the_label_of_the_version_goes_with_the_image_where_it_is_there() -> None:
    live = deployment()
    live["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] = "1"
    patch = imaged(service("2"), target("2"), live)
    labels = patch["spec"]["template"]["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/version": "2"}


def test_a_container_that_is_not_there_is_refused_with_those_that_are() -> None:
    meant = service("2", container="ap")
    with pytest.raises(KubeError, match="no container ap; it has proxy, app") as refused:
        imaged(meant, target("2"), deployment(pod=SIDE))
    assert refused.value.reason == "no_container"
    # Before anything is changed.
    with pytest.raises(KubeError, match="no container ap"):
        asyncio.run(delivery(Api()).holds(meant, deployment(pod=SIDE)))


def test_an_image_for_what_is_not_there_is_refused() -> None:
    with pytest.raises(KubeError, match="nx has no Deployment nx-sale") as refused:
        asyncio.run(delivery(Api()).holds(service("2"), None))
    assert refused.value.reason == "not_there"


def test_whether_an_image_is_there_is_asked_of_its_container() -> None:
    made, live = delivery(Api()), deployment("r/sale:2")
    assert asyncio.run(made.holds(service("2"), live))
    assert not asyncio.run(made.holds(service("3"), live))


def test_the_way_back_of_what_nobody_recorded_is_its_template() -> None:
    live = deployment("r/sale:0")
    back = before(service("2"), live, "0")
    assert back == Target("0", image="r/sale:0", template=live["spec"]["template"])
    assert asyncio.run(delivery(Api()).runs(service("2"), None)) is None
    assert restored(live["spec"]["template"]) == [
        {"op": "replace", "path": "/spec/template", "value": live["spec"]["template"]}
    ]


def test_a_template_is_brought_back_by_a_patch_of_it() -> None:
    live = deployment("r/sale:0")
    api = Api(**{"nx-sale": live})
    back = before(service("2"), live, "0")
    assert back
    assert asyncio.run(delivery(api).bring(service("2"), back)) == ("image: r/sale:0",)
    [(method, path, patch)] = api.sent
    assert (method, path) == ("PATCH", "/apis/apps/v1/namespaces/nx/deployments/nx-sale")
    assert patch == restored(live["spec"]["template"])


def test_a_rollback_takes_away_what_came_and_never_what_holds_data() -> None:
    old = target("1", deployment(), front())
    new = target(
        "2",
        deployment("r/sale:2"),
        named("ConfigMap", "new"),
        named("PersistentVolumeClaim", "data"),
        named("Namespace", "nx-more"),
    )
    api = Api()
    asyncio.run(delivery(api).remove(service("2"), new, old))
    assert [(method, path) for method, path, _body in api.sent] == [
        ("DELETE", "/api/v1/namespaces/nx/configmaps/new")
    ]
    api.sent.clear()
    # Of what was brought by an image alone nobody knows the objects.
    asyncio.run(delivery(api).remove(service("2"), new, target("1")))
    assert api.sent == []


def test_a_patch_of_an_image_does_not_change_what_it_was_made_of() -> None:
    live = deployment()
    whole = copy.deepcopy(live)
    json.dumps(imaged(service("2"), target("2"), live))
    assert live == whole


def test_only_a_deployment_with_the_label_is_taken_away() -> None:
    api = Api(**{"nx-sale": deployment()})
    assert not asyncio.run(delivery(api).without(service("2"), "groundwork.platform/track"))
    assert api.sent == []
    assert asyncio.run(delivery(api).without(service("2"), "tier"))
    assert [(method, path) for method, path, _body in api.sent] == [
        ("DELETE", "/apis/apps/v1/namespaces/nx/deployments/nx-sale")
    ]
    assert not asyncio.run(delivery(Api()).without(service("2"), "tier"))
