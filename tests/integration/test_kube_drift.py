"""kube_apply and what others did: edited by hand, added, not wanted any more; and secrets in all that is shown."""

from __future__ import annotations

import subprocess

import pytest

from tests.integration.kube_api import Api, module
from tests.integration.kube_objects import Apply, counted, objects, only

pytestmark = [pytest.mark.kube, pytest.mark.slow]


def test_what_is_edited_by_hand_is_a_conflict_and_what_is_added_is_drift(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)
    apply(wanted)
    edit = ["patch", "-n", namespace, "--type=merge", "--field-manager=kubectl-edit"]
    kube.kubectl(*edit, "quota", "web", "-p", '{"spec": {"hard": {"pods": "99"}}}')
    kube.kubectl(*edit, "configmap", "web", "-p", '{"data": {"by-hand": "x"}}')
    kube.kubectl(*edit, "secret", "web", "-p", '{"stringData": {"by-hand": "x"}}')

    for check in (True, False):
        met = apply(wanted, check=check)
        assert counted(met) == {"failed": 1, "unchanged": 5}
        conflict = only(met, kind="ResourceQuota")
        assert conflict["reason"] == "conflict"
        assert '.spec.hard.pods: conflict with "kubectl-edit"' in conflict["message"]
        assert only(met, kind="ConfigMap")["drift"] == ["data.by-hand (by kubectl-edit)"]
        assert only(met, kind="Secret")["drift"] == ["data.by-hand (by kubectl-edit)"]

    tried = apply(wanted, check=True, diff=True, force_conflicts=True, exclusive=True)
    assert counted(tried) == {"updated": 3, "unchanged": 3}
    done = apply(wanted, diff=True, force_conflicts=True, exclusive=True)
    assert counted(done) == {"updated": 3, "unchanged": 3}
    assert done["diff"] == tried["diff"]
    assert kube.get("quota", "web", "-n", namespace)["spec"]["hard"] == {
        "pods": "20",
        "requests.cpu": "1",
    }
    assert set(kube.get("secret", "web", "-n", namespace)["data"]) == {"password"}
    assert counted(apply(wanted, force_conflicts=True, exclusive=True)) == {"unchanged": 6}


def test_in_check_mode_drift_is_told_in_words(apply: Apply, kube: Api, namespace: str) -> None:
    options = {"inventory": namespace, "prune": True, "force_conflicts": True, "exclusive": True}
    wanted = objects(namespace)
    apply(wanted, **options)
    assert counted(apply(wanted, check=True, **options)) == {"unchanged": 6}

    edit = ["patch", "-n", namespace, "--type=merge", "--field-manager=kubectl-edit"]
    kube.kubectl(*edit, "quota", "web", "-p", '{"spec": {"hard": {"pods": "99", "services": "1"}}}')
    kube.kubectl(*edit, "secret", "web", "-p", '{"stringData": {"password": "An0ther"}}')
    kube.kubectl("scale", "deployment", "web", "-n", namespace, "--replicas=3")
    kube.kubectl("set", "image", "deployment/web", "c=alpine", "-n", namespace)
    kube.kubectl("delete", "networkpolicy", "web", "-n", namespace)
    without = [item for item in wanted if item["kind"] != "ConfigMap"]

    for check in (True, False):
        told = apply(without, check=check, **options)
        assert counted(told) == {"created": 1, "updated": 3, "unchanged": 1, "pruned": 1}
        assert only(told, action="created")["kind"] == "NetworkPolicy"
        assert only(told, action="pruned")["kind"] == "ConfigMap"
        assert only(told, kind="ResourceQuota")["changes"] == [
            "spec.hard.pods: 99 → 20 (by kubectl-edit)",
            "spec.hard.services: 1 → (none) (by kubectl-edit)",
        ]
        assert only(told, kind="Secret")["changes"] == [
            "data.password: (hidden, the old value) → (hidden, the new value) (by kubectl-edit)"
        ]
        # How many replicas there are is nobody's wish in the manifest.
        assert only(told, kind="Deployment")["changes"] == [
            "spec.template.spec.containers[name=c].image: alpine → busybox (by kubectl-set)"
        ]
    assert counted(apply(without, **options)) == {"unchanged": 5}


def test_what_was_there_before_its_inventory_is_compared_as_well(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)
    kube.kubectl("create", "namespace", namespace)
    kube.kubectl("create", "configmap", "web", "--from-literal=a=0", "-n", namespace)
    told = apply(wanted, check=True, inventory="before", force_conflicts=True)
    assert counted(told) == {"created": 4, "updated": 2}
    assert only(told, kind="ConfigMap")["changes"] == [
        "data.a: 0 → 1 (by kubectl-create)",
        'metadata.labels: (none) → {"groundwork.platform/inventory": "before"}',
    ]


def test_secrets_are_shown_nowhere(kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    shown = ""
    for word in ("Gehe1m", "An0ther"):
        wanted[1]["stringData"]["password"] = word
        options = {"kubeconfig": str(kube.kubeconfig), "manifests": wanted}
        shown += module("kube_apply", "--diff", "-vvv", callback="default", **options)
    assert "(hidden, the new value)" in shown
    journal = subprocess.run(
        ["journalctl", "--no-pager"], capture_output=True, text=True, check=False
    )
    # As they are written, and as the API has them.
    for word in ("Gehe1m", "An0ther", "R2VoZTFt", "QW4wdGhlcg"):
        assert word not in shown
        assert word not in journal.stdout


def test_what_is_not_wanted_any_more_is_pruned(apply: Apply, kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    options = {"inventory": namespace, "prune": True}
    assert counted(apply(wanted, **options)) == {"created": 6}
    kube.kubectl("create", "configmap", "somebody-elses", "-n", namespace)
    fewer = [wanted[1], wanted[3]]
    for check in (True, False):
        pruned = apply(fewer, check=check, diff=True, **options)
        # The namespace is left, as with it went what nobody else has.
        assert counted(pruned) == {"unchanged": 2, "pruned": 3}
        assert all(diff["after"] == "" for diff in pruned["diff"])
    assert counted(apply(fewer, **options)) == {"unchanged": 2}
    names = [item["metadata"]["name"] for item in kube.get("configmap", "-n", namespace)["items"]]
    assert "somebody-elses" in names
    assert counted(apply(fewer[:1], prune_kinds=["Namespace"], **options))["pruned"] == 2
