"""kube_apply against a real API server: create, change, again, in check mode and for real."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from tests.integration.kube_api import Api, result
from tests.integration.kube_objects import CONFIG, Apply, counted, definition, objects, only

pytestmark = [pytest.mark.kube, pytest.mark.slow]


def test_objects_come_change_and_stay(apply: Apply, kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    tried = apply(wanted, check=True, diff=True)
    assert counted(tried) == {"created": 6}
    assert tried["changed"]
    assert kube.get("namespaces", f"--field-selector=metadata.name={namespace}")["items"] == []
    # What the server adds is in the diff: it did try the object, though its namespace is not there.
    assert any("terminationGracePeriodSeconds: 30" in diff["after"] for diff in tried["diff"])

    assert counted(apply(wanted)) == {"created": 6}
    for check in (False, True):
        again = apply(wanted, check=check)
        assert counted(again) == {"unchanged": 6}
        assert not again["changed"]

    wanted[0]["spec"]["replicas"] = 3
    wanted[2]["data"] = {"b": "2"}
    for check in (True, False):
        changed = apply(wanted, check=check, diff=True)
        assert counted(changed) == {"updated": 2, "unchanged": 4}
        assert sorted(diff["after_header"] for diff in changed["diff"]) == [
            f"ConfigMap web in {namespace}",
            f"Deployment.apps web in {namespace}",
        ]
    assert kube.get("configmap", "web", "-n", namespace)["data"] == {"b": "2"}
    assert counted(apply(wanted)) == {"unchanged": 6}


def test_by_ansible_the_result_is_the_same(kube: Api, namespace: str) -> None:
    options = {"kubeconfig": str(kube.kubeconfig), "manifests": objects(namespace)}
    for flags, counts in (
        (["--check", "--diff"], {"created": 6}),
        ([], {"created": 6}),
        ([], {"unchanged": 6}),
    ):
        done = result("kube_apply", *flags, **options)
        assert counted(done) == counts
        assert done["changed"] == ("created" in counts)
        assert bool(done.get("diff")) == ("--diff" in flags)


def test_what_names_no_namespace_goes_to_the_contexts(
    apply: Apply, kube: Api, namespace: str, tmp_path: Path
) -> None:
    kube.kubectl("create", "namespace", namespace)
    file = tmp_path / "kubeconfig"
    config = yaml.safe_load(kube.kubeconfig.read_text())
    there = {**config["contexts"][0]["context"], "namespace": namespace}
    config["contexts"].append({"name": "there", "context": there})
    # A file of several contexts need not say which one is meant.
    del config["current-context"]
    file.write_text(yaml.safe_dump(config))
    for options, place in (
        ({"context": "there"}, namespace),
        ({"context": "lab"}, "default"),
        ({"context": "there", "namespace": "kube-public"}, "kube-public"),
    ):
        done = apply(CONFIG, kubeconfig=str(file), check=True, **options)
        assert only(done, kind="ConfigMap")["namespace"] == place


def test_a_controller_that_writes_the_status_meanwhile_is_no_change(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)[:1] + objects(namespace)[-1:]
    # A quantity that the server writes in another form: only the server can tell that it is the same.
    container = wanted[0]["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "1000m"}}
    apply(wanted)
    patch = '{"status": {"replicas": 9}}'
    for _number in range(3):
        kube.kubectl(
            "patch",
            "deployment",
            "web",
            "-n",
            namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        )
        assert counted(apply(wanted)) == {"unchanged": 2}


def test_a_fixed_field_is_named_and_replaced_on_demand(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)
    apply(wanted)
    before = kube.get("deployment", "web", "-n", namespace)["metadata"]["uid"]
    other = copy.deepcopy(wanted)
    other[0]["spec"]["selector"]["matchLabels"] = {"app": "other"}
    other[0]["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    refused = apply(other)
    assert counted(refused) == {"failed": 1, "unchanged": 5}
    assert only(refused, action="failed")["reason"] == "immutable"
    assert "spec.selector" in only(refused, action="failed")["message"]

    assert counted(apply(other, check=True, replace=True)) == {"replaced": 1, "unchanged": 5}
    assert kube.get("deployment", "web", "-n", namespace)["metadata"]["uid"] == before
    assert counted(apply(other, replace=True)) == {"replaced": 1, "unchanged": 5}
    assert kube.get("deployment", "web", "-n", namespace)["metadata"]["uid"] != before
    assert counted(apply(other)) == {"unchanged": 6}


def test_a_kind_comes_with_its_definition_in_one_call(apply: Apply, namespace: str) -> None:
    group = f"{namespace}.example.org"
    thing = {
        "apiVersion": f"{group}/v1",
        "kind": "Thing",
        "metadata": {"name": "t", "namespace": namespace},
        "spec": {"size": 1},
    }
    wanted = [thing, definition(group), objects(namespace)[-1]]
    tried = apply(wanted, check=True)
    assert counted(tried) == {"created": 3}
    assert only(tried, kind="Thing")["tried"] is False
    assert counted(apply(wanted)) == {"created": 3}
    assert counted(apply(wanted)) == {"unchanged": 3}
    thing["spec"] = {"size": "large"}
    wrong = apply(wanted)
    assert only(wrong, kind="Thing")["reason"] == "invalid"
    assert ".spec.size: expected numeric" in wrong["msg"]


def test_waiting_says_what_is_waited_for(apply: Apply, namespace: str) -> None:
    wanted = objects(namespace)
    late = apply(wanted, wait=True, wait_timeout=2)
    assert only(late, action="failed")["reason"] == "not_ready"
    # There are no nodes.
    assert "Deployment.apps web" in late["msg"]
    assert "0 of 1 pods" in late["msg"]
    wanted[0]["spec"]["replicas"] = 0
    assert counted(apply(wanted, wait=True, wait_timeout=30)) == {"updated": 1, "unchanged": 5}
