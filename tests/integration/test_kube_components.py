"""kube_components against a real API server: order, side by side, failures, prune, check mode, refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.kube_api import Api, direct
from tests.integration.kube_objects import config, config_names, definition, thing

pytestmark = [pytest.mark.kube, pytest.mark.slow]

Install = Callable[..., dict[str, Any]]
Body = dict[str, Any]


@pytest.fixture
def install(kube: Api) -> Install:
    """Run the module; a failure is returned like any result."""

    def run(components: list[Body], **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(kube.kubeconfig), "components": components, **options}
        return direct("kube_components", **given)

    return run


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own for all that it makes."""
    return str(request.node.name).removeprefix("test_").replace("_", "-")[:25].rstrip("-")


def states(found: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["state"] for entry in found["components"]}


def one(found: dict[str, Any], name: str) -> dict[str, Any]:
    (entry,) = [entry for entry in found["components"] if entry["name"] == name]
    return dict(entry)


def with_status(group: str) -> Body:
    """A definition whose objects have a status, which says when they are ready."""
    found = definition(group)
    (version,) = found["spec"]["versions"]
    version["schema"]["openAPIV3Schema"]["properties"]["status"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    return found


def say_ready(kube: Api, plural: str, *names: str) -> None:
    """Wait until all are there, then say of each that it is ready."""
    deadline = time.monotonic() + 60
    while True:
        found = kube.get(plural)["items"] if _served(kube, plural) else []
        if set(names) <= {item["metadata"]["name"] for item in found}:
            break
        assert time.monotonic() < deadline, f"{names} never came together"
        time.sleep(0.1)
    patch = '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}'
    for name in names:
        kube.kubectl("patch", plural, name, "--type=merge", "-p", patch)


def _served(kube: Api, plural: str) -> bool:
    found = kube.get("crds")["items"]
    return any(
        item["metadata"]["name"] == plural
        and any(
            entry["type"] == "Established" and entry["status"] == "True"
            for entry in item.get("status", {}).get("conditions", ())
        )
        for item in found
    )


def test_independent_ones_go_side_by_side_and_what_needs_them_comes_after(
    install: Install, kube: Api, name: str
) -> None:
    group = f"{name}.example.org"
    wait = {"timeout": 60, "conditions": {"Thing": "Ready"}}
    components = [
        {"name": f"{name}-last", "needs": [f"{name}-a", f"{name}-b"], "manifests": [config(name)]},
        {"name": f"{name}-a", "manifests": [thing("a", group)], "wait": wait},
        {"name": f"{name}-b", "manifests": [thing("b", group)], "wait": wait},
        {"name": f"{name}-kind", "manifests": [with_status(group)]},
    ]
    seen: list[list[str]] = []

    def controller() -> None:
        # Neither gets ready before both are there: one after the other would never end.
        say_ready(kube, f"things.{group}", "a", "b")
        seen.append(config_names(kube, name))

    watcher = threading.Thread(target=controller)
    watcher.start()
    done = install(components)
    watcher.join()
    assert set(states(done).values()) == {"changed"}
    assert done["counts"]["created"] == 4
    assert config_names(kube, name) == [name]
    assert seen in ([[]], [[name]])
    entries = {entry["name"].removeprefix(f"{name}-"): entry for entry in done["components"]}
    assert entries["a"]["needs"] == [f"{name}-kind"]
    assert entries["a"]["started"] < entries["b"]["started"] + entries["b"]["seconds"]
    assert entries["b"]["started"] < entries["a"]["started"] + entries["a"]["seconds"]
    for before in ("a", "b"):
        ended = entries[before]["started"] + entries[before]["seconds"]
        assert entries["last"]["started"] >= ended - 0.002
    assert done["critical_path"][0] == f"{name}-kind"
    assert done["critical_path"][-1] == f"{name}-last"
    assert done["critical_seconds"] <= done["makespan"] + 0.002

    for check in (False, True):
        again = install(components, check=check)
        assert not again["changed"]
        assert set(states(again).values()) == {"unchanged"}


def test_a_bare_cluster_is_told_in_check_mode_what_would_come(
    install: Install, kube: Api, name: str
) -> None:
    group = f"{name}.example.org"
    housed = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    components = [
        {"name": f"{name}-user", "namespace": name, "manifests": [thing("t", group)]},
        {"name": f"{name}-house", "manifests": [housed, definition(group)]},
        {"name": f"{name}-plain", "namespace": name, "manifests": [config("c", name)]},
        {
            "name": f"{name}-guest",
            "namespace": f"{name}-promised",
            "manifests": [config("g", f"{name}-promised", a="b")],
        },
    ]
    refused = install(components, check=True)
    assert refused["reason"] == "no_namespace"
    assert f"{name}-guest: The cluster has no namespace {name}-promised" in refused["msg"]
    promised = {"expected_namespaces": [f"{name}-promised"]}
    tried = install(components, check=True, diff=True, **promised)
    assert set(states(tried).values()) == {"changed"}
    assert tried["counts"] == {**dict.fromkeys(tried["counts"], 0), "created": 5}
    (promised_diff,) = [
        diff for diff in tried["diff"] if diff["after_header"].startswith("ConfigMap g")
    ]
    assert "a: b" in promised_diff["after"]
    assert kube.get("namespaces", f"--field-selector=metadata.name={name}")["items"] == []
    # A promise is none for a real run.
    assert install(components, **promised)["reason"] == "no_namespace"
    assert kube.get("namespaces", f"--field-selector=metadata.name={name}")["items"] == []

    assert install(components[:3])["counts"]["created"] == 4
    assert not install(components[:3], check=True)["changed"]


def test_a_failure_stops_what_needs_it_and_nothing_else(
    install: Install, kube: Api, name: str
) -> None:
    broken = config(f"{name}-broken")
    components: list[Body] = [
        {"name": f"{name}-broken", "manifests": [{**broken, "dat": {}}, config(f"{name}-beside")]},
        {"name": f"{name}-after", "needs": [f"{name}-broken"], "manifests": [config(f"{name}-x")]},
        {"name": f"{name}-then", "needs": [f"{name}-after"], "manifests": [config(f"{name}-y")]},
        {"name": f"{name}-other", "manifests": [config(f"{name}-other")]},
    ]
    failed = install(components)
    assert failed["failed"]
    assert list(states(failed).values()) == ["failed", "skipped", "skipped", "changed"]
    assert config_names(kube, name) == [f"{name}-beside", f"{name}-other"]
    assert ".dat: field not declared in schema" in one(failed, f"{name}-broken")["message"]
    for later in ("after", "then"):
        entry = one(failed, f"{name}-{later}")
        assert entry["message"] == f"it was left out, as it needs {name}-broken, which failed."
        assert entry["reason"] == "needs"
        assert "started" not in entry
    assert failed["msg"].startswith("3 of 4 components are not as they should be.")

    components[0]["manifests"][0] = broken
    repaired = install(components)
    assert list(states(repaired).values()) == ["changed", "changed", "changed", "unchanged"]


def test_what_a_new_version_does_not_have_goes_away_with_its_own_component_alone(
    install: Install, kube: Api, name: str
) -> None:
    def component(which: str, *objects: Body) -> Body:
        return {"name": f"{name}-{which}", "manifests": list(objects)}

    first, second, moved = (config(f"{name}-{which}") for which in ("first", "second", "moved"))
    install([component("a", first, second, moved), component("b", config(f"{name}-b"))])
    kube.kubectl("create", "configmap", f"{name}-by-hand")
    fewer = [component("a", first), component("b", config(f"{name}-b"), moved)]
    for check in (True, False):
        done = install(fewer, check=check, diff=True)
        assert done["counts"]["pruned"] == 1
        assert done["counts"]["updated"] == 1
        (gone,) = [diff for diff in done["diff"] if diff["after"] == ""]
        assert gone["before_header"] == f"ConfigMap {name}-second in default"
        assert one(done, f"{name}-a")["objects"][-1]["action"] == "pruned"
    left = [f"{name}-{which}" for which in ("b", "by-hand", "first", "moved")]
    assert config_names(kube, name) == left
    assert not install(fewer)["changed"]

    # A component that failed keeps all it has, and one that is not named any more is left alone.
    install([component("a", first, second)])
    assert install([component("a", {**first, "dat": {}})])["counts"]["pruned"] == 0
    assert f"{name}-second" in config_names(kube, name)
    assert install([component("a", first)])["counts"]["pruned"] == 1
    assert install([component("b", moved)], prune=False)["counts"]["pruned"] == 0
    assert config_names(kube, name) == left


def test_a_value_that_somebody_set_is_a_conflict_and_what_was_added_is_told(
    install: Install, kube: Api, name: str
) -> None:
    components = [{"name": name, "manifests": [config(name, a="1")]}]
    install(components)
    edit = ["patch", "configmap", name, "--type=merge", "--field-manager=kubectl-edit", "-p"]
    kube.kubectl(*edit, '{"data": {"by-hand": "x"}}')
    assert one(install(components), name)["objects"][0]["drift"] == [
        "data.by-hand (by kubectl-edit)"
    ]
    kube.kubectl(*edit, '{"data": {"a": "2"}}')
    failed = install(components)
    assert one(failed, name)["state"] == "failed"
    assert '.data.a: conflict with "kubectl-edit"' in failed["msg"]
    done = install(components, force_conflicts=True, exclusive=True)
    assert one(done, name)["state"] == "changed"
    assert kube.get("configmap", name)["data"] == {"a": "1"}


def test_verification_asks_the_api(install: Install, kube: Api, name: str) -> None:
    group = f"{name}.example.org"
    component: Body = {
        "name": name,
        "manifests": [definition(group), thing("t", group, size=1)],
        "wait": {"timeout": 3},
        "verify": [
            {"api": f"/apis/{group}/v1"},
            {"kind": "Thing", "name": "t", "api_version": f"{group}/v1"},
            {"kind": "Namespace", "name": "default"},
            {"accepts": thing("probe", group, size=2)},
        ],
    }
    # In check mode nothing is there to verify.
    assert states(install([component], check=True)) == {name: "changed"}
    assert states(install([component])) == {name: "changed"}
    assert [item["metadata"]["name"] for item in kube.get(f"things.{group}")["items"]] == ["t"]

    component["verify"] = [
        {"api": "/apis/nowhere/v1"},
        {"kind": "ConfigMap", "name": "nobody-made-it"},
        {"accepts": thing("probe", group, size="large")},
    ]
    after = {"name": f"{name}-after", "needs": [name], "manifests": [config(name)]}
    failed = install([component, after])
    assert states(failed) == {name: "failed", f"{name}-after": "skipped"}
    entry = one(failed, name)
    assert entry["reason"] == "not_verified"
    for words in (
        "/apis/nowhere/v1 answers with 404",
        "ConfigMap nobody-made-it in default: it is not there",
        "is not accepted: ",
    ):
        assert words in entry["message"]
    assert states(install([component], standby=True)) == {name: "unchanged"}

    component["verify"] = [{"kind": "Foo", "name": "x"}]
    assert install([component])["reason"] == "unknown_kind"


def test_a_cluster_in_standby_gets_everything_and_is_not_awaited(
    install: Install, name: str
) -> None:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    components: list[Body] = [
        {"name": f"{name}-a", "manifests": [deployment], "wait": {"timeout": 2}},
        {"name": f"{name}-b", "needs": [f"{name}-a"], "manifests": [config(name)]},
    ]
    begun = time.monotonic()
    assert set(states(install(components, standby=True)).values()) == {"changed"}
    assert time.monotonic() - begun < 20
    # There are no nodes; leaving standby waits for everything.
    failed = install(components)
    assert list(states(failed).values()) == ["failed", "skipped"]
    assert "0 of 1 pods" in failed["msg"]
    components[0]["wait"]["timeout"] = 0
    assert list(states(install(components)).values()) == ["unchanged", "unchanged"]


def test_in_standby_webhooks_of_all_components_give_way_before_anything_else(
    install: Install, kube: Api, name: str
) -> None:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    hook = {
        "name": "nobody.example.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"url": "https://127.0.0.1:1"},
        "failurePolicy": "Fail",
        "namespaceSelector": selector,
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["*"],
                "resources": ["configmaps"],
            }
        ],
    }
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }
    components = [
        {"name": f"{name}-a", "namespace": name, "manifests": [config("c", name)]},
        {"name": f"{name}-b", "needs": [f"{name}-a"], "manifests": [webhook]},
    ]
    kube.kubectl("create", "namespace", name)
    install([{**components[1], "needs": []}])
    done = install(components, standby=True)
    assert list(states(done).values()) == ["changed", "changed"]
    assert done["counts"]["updated"] == 1
    again = install(components, standby=True)
    assert not again["changed"]
    # Leaving standby, the webhook blocks again.
    assert one(install(components), f"{name}-b")["counts"]["updated"] == 1
    live = kube.get("validatingwebhookconfiguration", name)
    assert live["webhooks"][0]["failurePolicy"] == "Fail"
    kube.kubectl("delete", "validatingwebhookconfiguration", name)


def test_what_others_own_or_is_not_enabled_is_left_alone(
    install: Install, kube: Api, name: str
) -> None:
    components = [
        {"name": f"{name}-theirs", "owner": "argocd", "source": {"path": "nowhere"}},
        {"name": f"{name}-off", "enabled": False},
        {"name": f"{name}-ours", "needs": [f"{name}-theirs"], "manifests": [config(name)]},
    ]
    done = install(components)
    assert list(states(done).values()) == ["left", "off", "changed"]
    assert one(done, f"{name}-theirs")["message"] == "argocd applies it"
    assert config_names(kube, name) == [name]
