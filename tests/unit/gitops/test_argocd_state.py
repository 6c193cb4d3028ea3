"""What an Application says of itself, who else writes it, and the changes that a release makes to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_owner import (
    generator,
    has,
    parent_leaves,
    parent_of,
    set_leaves,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    HELD,
    Application,
    Held,
    automated,
    giving_back,
    holding,
    kept,
    out_of_sync,
    syncing,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

SALE = Application("sale")


def body(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "sale", **metadata}, "spec": spec or {}}


@pytest.mark.parametrize(
    "policy, found",
    [
        (None, None),
        ({}, None),
        ({"automated": None}, None),
        ({"automated": {}}, {}),
        ({"automated": {"prune": True}}, {"prune": True}),
        ({"automated": {"prune": True, "enabled": True}}, {"prune": True, "enabled": True}),
        ({"automated": {"prune": True, "enabled": False}}, None),
    ],
)
def test_whether_it_syncs_on_its_own(policy: Any, found: Any) -> None:
    assert automated(body({"syncPolicy": policy})) == found


@pytest.mark.parametrize("policy", [{}, {"prune": True, "selfHeal": True, "allowEmpty": False}])
def test_a_policy_that_is_held_is_kept(policy: dict[str, Any]) -> None:
    change = holding(policy, "release-7")
    assert change["spec"]["syncPolicy"]["automated"] is None
    held = body({}, annotations=change["metadata"]["annotations"])
    assert kept(held) == Held(policy, "release-7")
    assert giving_back(policy) == {
        "metadata": {"annotations": {HELD: None}},
        "spec": {"syncPolicy": {"automated": policy}},
    }


@pytest.mark.parametrize("text", ["", "yes", "[]", "{}", '{"automated": 1, "run": "x"}'])
def test_a_note_that_no_release_has_written_is_told(text: str) -> None:
    with pytest.raises(KubeError) as error:
        kept(body({}, annotations={HELD: text}))
    assert error.value.reason == "malformed"
    assert HELD in str(error.value)


def test_a_sync_is_asked_for_to_what_argo_cd_has_seen() -> None:
    spec = {"syncPolicy": {"syncOptions": ["ServerSideApply=true"], "retry": {"limit": 2}}}
    one = {**body(spec), "status": {"sync": {"revision": "abc"}}}
    asked = syncing(one)["operation"]
    assert asked["sync"] == {"revision": "abc", "syncOptions": ["ServerSideApply=true"]}
    assert asked["retry"] == {"limit": 2}
    many = {**body({**spec, "sources": [{}, {}]}), "status": {"sync": {"revisions": ["1.2", "abc"]}}}  # fmt: skip
    assert syncing(many)["operation"]["sync"]["revisions"] == ["1.2", "abc"]


def test_resources_are_named_up_to_a_number() -> None:
    many = [
        {"kind": "ConfigMap", "namespace": "shop", "name": f"c{n}", "status": "OutOfSync"}
        for n in range(7)
    ]
    many[0]["requiresPruning"] = True  # type: ignore[assignment]
    text = out_of_sync({"status": {"resources": [{"kind": "A", "status": "Synced"}, *many]}})
    assert text.startswith("ConfigMap shop/c0 (to be pruned), ConfigMap shop/c1,")
    assert text.endswith("ConfigMap shop/c4 and 2 more")


def test_who_generated_it() -> None:
    owners = [{"kind": "ApplicationSet", "name": "shops"}]
    assert generator(body()) == ""
    assert generator(body(ownerReferences=owners)) == "shops"


POINTERS = {"jsonPointers": ["/spec/syncPolicy/automated"]}
IGNORED, PRESERVED = "ignoreApplicationDifferences", {"preservedFields": {"annotations": [HELD]}}
BOTH = {"jsonPointers": ["/spec/syncPolicy", "/metadata/annotations"]}
OF_ALL = "all:argoproj.io/Application:argocd/sale"


@pytest.mark.parametrize(
    "spec, leaves",
    [
        ({}, False),
        ({"syncPolicy": {"applicationsSync": "create-only"}}, True),
        ({"syncPolicy": {"applicationsSync": "create-delete"}}, True),
        ({"syncPolicy": {"applicationsSync": "sync"}}, False),
        # The note would be lost, and the policy with it.
        ({IGNORED: [POINTERS]}, False),
        (PRESERVED, False),
        ({IGNORED: [POINTERS], **PRESERVED}, True),
        ({IGNORED: [BOTH]}, True),
        ({IGNORED: [{**POINTERS, "name": "other"}], **PRESERVED}, False),
        ({IGNORED: [{**POINTERS, "name": "sale"}], **PRESERVED}, True),
    ],
)  # fmt: skip
def test_what_an_application_set_leaves(spec: dict[str, Any], leaves: bool) -> None:
    assert set_leaves({"spec": spec}, "sale") is leaves


@pytest.mark.parametrize(
    "marks, parent",
    [
        ({}, None),
        ({"annotations": {"argocd.argoproj.io/tracking-id": OF_ALL}}, Application("all")),
        ({"annotations": {"argocd.argoproj.io/tracking-id": f"ops_{OF_ALL}"}}, Application("all", "ops")),
        ({"labels": {"app.kubernetes.io/instance": "all"}}, Application("all")),
        ({"labels": {"argocd.argoproj.io/instance": "all"}}, Application("all")),
    ],
)  # fmt: skip
def test_whose_resource_it_may_be(marks: dict[str, Any], parent: Application | None) -> None:
    assert parent_of(SALE, body(**marks)) == parent


def test_whose_resource_it_is() -> None:
    resource = {"group": "argoproj.io", "kind": "Application", "name": "sale", "namespace": "argocd"}  # fmt: skip
    assert has({"status": {"resources": [resource]}}, SALE)
    assert not has({"status": {"resources": [{**resource, "name": "other"}]}}, SALE)
    assert not has({"status": {"resources": [{**resource, "namespace": "other"}]}}, SALE)
    # Helm sets the label, too, and there is no such Application or it knows nothing of this one.
    assert not has({}, SALE)


@pytest.mark.parametrize(
    "spec, leaves",
    [
        ({}, True),
        ({"syncPolicy": {"automated": {}}}, False),
        ({"syncPolicy": {"automated": {}}, "ignoreDifferences": [{"kind": "Application", **POINTERS}]}, False),
        (
            {
                "syncPolicy": {"automated": {}, "syncOptions": ["RespectIgnoreDifferences=true"]},
                "ignoreDifferences": [{"kind": "Application", **POINTERS}],
            },
            True,
        ),
        (
            {
                "syncPolicy": {"automated": {}, "syncOptions": ["RespectIgnoreDifferences=true"]},
                "ignoreDifferences": [{"kind": "Deployment", **POINTERS}],
            },
            False,
        ),
    ],
)  # fmt: skip
def test_what_another_application_leaves(spec: dict[str, Any], leaves: bool) -> None:
    assert parent_leaves({"spec": spec}, "sale") is leaves


def test_an_application_by_its_names() -> None:
    assert json.dumps(str(SALE)) == '"Application sale in argocd"'
    assert SALE.path == "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/sale"
