"""kube_apply against a real API server: create, change, again, in check mode and for real; refusals."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.kube_api import NOBODY, Api, api, module, result

pytestmark = [pytest.mark.kube, pytest.mark.slow]

Apply = Callable[..., dict[str, Any]]
Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("kube")) as served:
        yield served


@pytest.fixture
def apply(kube: Api) -> Apply:
    """Run the module; a failure is returned like any result."""

    def run(manifests: Any, *flags: str, **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(kube.kubeconfig), "manifests": manifests, **options}
        return result("kube_apply", *flags, **given)

    return run


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A name of the test's own; the namespace is not made."""
    return str(request.node.name).partition("[")[0].removeprefix("test_").replace("_", "-")[:60]


def objects(namespace: str) -> Objects:
    """A namespace with what usually comes with it; a Deployment whose port's protocol is defaulted."""
    labels = {"app": "web"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "c", "image": "busybox", "ports": [{"containerPort": 80}]}]
        },
    }
    listed: list[tuple[str, str, dict[str, Any]]] = [
        # The last is needed first.
        ("apps/v1", "Deployment", {"spec": {"selector": {"matchLabels": labels}, "template": pod}}),
        ("v1", "Secret", {"stringData": {"password": "Gehe1m"}}),
        ("v1", "ConfigMap", {"data": {"a": "1"}}),
        ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "20", "requests.cpu": "1000m"}}}),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
        ),
    ]
    found = [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "web", "namespace": namespace},
            **body,
        }
        for version, kind, body in listed
    ]
    return [*found, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}]


def counted(result: dict[str, Any]) -> dict[str, int]:
    return {action: number for action, number in result["counts"].items() if number}


def only(result: dict[str, Any], **fields: str) -> dict[str, Any]:
    """The one result with these fields."""
    (found,) = [item for item in result["results"] if fields.items() <= item.items()]
    return dict(found)


def test_objects_come_change_and_stay(apply: Apply, kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    tried = apply(wanted, "--check", "--diff")
    assert counted(tried) == {"created": 6}
    assert tried["changed"]
    assert kube.get("namespaces", f"--field-selector=metadata.name={namespace}")["items"] == []
    # What the server adds is in the diff: it did try the object, though its namespace is not there.
    assert any("terminationGracePeriodSeconds: 30" in diff["after"] for diff in tried["diff"])

    assert counted(apply(wanted)) == {"created": 6}
    for flags in ([], ["--check"]):
        again = apply(wanted, *flags)
        assert counted(again) == {"unchanged": 6}
        assert not again["changed"]

    wanted[0]["spec"]["replicas"] = 3
    wanted[2]["data"] = {"b": "2"}
    for flags in (["--check", "--diff"], ["--diff"]):
        changed = apply(wanted, *flags)
        assert counted(changed) == {"updated": 2, "unchanged": 4}
        assert sorted(diff["after_header"] for diff in changed["diff"]) == [
            f"ConfigMap web in {namespace}",
            f"Deployment.apps web in {namespace}",
        ]
    assert kube.get("configmap", "web", "-n", namespace)["data"] == {"b": "2"}
    assert counted(apply(wanted)) == {"unchanged": 6}


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


def test_what_is_edited_by_hand_is_a_conflict_and_what_is_added_is_drift(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)
    apply(wanted)
    edit = ["patch", "-n", namespace, "--type=merge", "--field-manager=kubectl-edit"]
    kube.kubectl(*edit, "quota", "web", "-p", '{"spec": {"hard": {"pods": "99"}}}')
    kube.kubectl(*edit, "configmap", "web", "-p", '{"data": {"by-hand": "x"}}')
    kube.kubectl(*edit, "secret", "web", "-p", '{"stringData": {"by-hand": "x"}}')

    for flags in (("--check",), ()):
        met = apply(wanted, *flags)
        assert counted(met) == {"failed": 1, "unchanged": 5}
        conflict = only(met, kind="ResourceQuota")
        assert conflict["reason"] == "conflict"
        assert '.spec.hard.pods: conflict with "kubectl-edit"' in conflict["message"]
        assert only(met, kind="ConfigMap")["drift"] == ["data.by-hand (by kubectl-edit)"]
        assert only(met, kind="Secret")["drift"] == ["data.by-hand (by kubectl-edit)"]

    tried = apply(wanted, "--check", "--diff", force_conflicts=True, exclusive=True)
    assert counted(tried) == {"updated": 3, "unchanged": 3}
    done = apply(wanted, "--diff", force_conflicts=True, exclusive=True)
    assert counted(done) == {"updated": 3, "unchanged": 3}
    assert done["diff"] == tried["diff"]
    assert kube.get("quota", "web", "-n", namespace)["spec"]["hard"] == {
        "pods": "20",
        "requests.cpu": "1",
    }
    assert set(kube.get("secret", "web", "-n", namespace)["data"]) == {"password"}
    assert counted(apply(wanted, force_conflicts=True, exclusive=True)) == {"unchanged": 6}


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

    assert counted(apply(other, "--check", replace=True)) == {"replaced": 1, "unchanged": 5}
    assert kube.get("deployment", "web", "-n", namespace)["metadata"]["uid"] == before
    assert counted(apply(other, replace=True)) == {"replaced": 1, "unchanged": 5}
    assert kube.get("deployment", "web", "-n", namespace)["metadata"]["uid"] != before
    assert counted(apply(other)) == {"unchanged": 6}


def definition(group: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def test_a_kind_comes_with_its_definition_in_one_call(apply: Apply, namespace: str) -> None:
    group = f"{namespace}.example.org"
    thing = {
        "apiVersion": f"{group}/v1",
        "kind": "Thing",
        "metadata": {"name": "t", "namespace": namespace},
        "spec": {"size": 1},
    }
    wanted = [thing, definition(group), objects(namespace)[-1]]
    tried = apply(wanted, "--check")
    assert counted(tried) == {"created": 3}
    assert only(tried, kind="Thing")["tried"] is False
    assert counted(apply(wanted)) == {"created": 3}
    assert counted(apply(wanted)) == {"unchanged": 3}
    thing["spec"] = {"size": "large"}
    wrong = apply(wanted)
    assert only(wrong, kind="Thing")["reason"] == "invalid"
    assert ".spec.size: expected numeric" in wrong["msg"]


def test_what_is_not_wanted_any_more_is_pruned(apply: Apply, kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    options = {"inventory": namespace, "prune": True}
    assert counted(apply(wanted, **options)) == {"created": 6}
    kube.kubectl("create", "configmap", "somebody-elses", "-n", namespace)
    fewer = [wanted[1], wanted[3]]
    for flags in (("--check", "--diff"), ("--diff",)):
        pruned = apply(fewer, *flags, **options)
        # The namespace is left, as with it went what nobody else has.
        assert counted(pruned) == {"unchanged": 2, "pruned": 3}
        assert all(diff["after"] == "" for diff in pruned["diff"])
    assert counted(apply(fewer, **options)) == {"unchanged": 2}
    names = [item["metadata"]["name"] for item in kube.get("configmap", "-n", namespace)["items"]]
    assert "somebody-elses" in names
    assert counted(apply(fewer[:1], prune_kinds=["Namespace"], **options))["pruned"] == 2


def test_waiting_says_what_is_waited_for(apply: Apply, namespace: str) -> None:
    wanted = objects(namespace)
    late = apply(wanted, wait=True, wait_timeout=2)
    assert only(late, action="failed")["reason"] == "not_ready"
    # There are no nodes.
    assert "Deployment.apps web" in late["msg"]
    assert "0 of 1 pods" in late["msg"]
    wanted[0]["spec"]["replicas"] = 0
    assert counted(apply(wanted, wait=True, wait_timeout=30)) == {"updated": 1, "unchanged": 5}


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


@pytest.mark.parametrize(
    "manifests,reason,words",
    [
        (CONFIG + "data:\n  N: x\n", "malformed_yaml", "manifests:5:3: N without quotes"),
        (CONFIG + "data: [\n", "malformed_yaml", "manifests:5:1: "),
        ([CONFIG, CONFIG], "twice", "is in manifests, item 1:1 and in manifests, item 2:1"),
        (CONFIG.replace("ConfigMap", "Foo"), "unknown_kind", "is its definition (CRD) installed?"),
        (
            CONFIG.replace(": v1", ": apps/v1beta1").replace("ConfigMap", "Deployment"),
            "unknown_kind",
            "but at apps/v1",
        ),
        (CONFIG.replace("{", "{namespace: nowhere, "), "no_namespace", "no namespace nowhere"),
    ],
)
def test_bad_manifests_are_refused_before_any_change(
    apply: Apply, manifests: Any, reason: str, words: str
) -> None:
    refused = apply(manifests)
    assert refused["failed"]
    assert refused["reason"] == reason
    assert words in refused["msg"]


def test_what_is_refused_stops_what_is_good(apply: Apply, kube: Api, namespace: str) -> None:
    assert (
        apply([objects(namespace)[-1], CONFIG.replace("ConfigMap", "Foo")])["reason"]
        == "unknown_kind"
    )
    assert kube.get("namespaces", f"--field-selector=metadata.name={namespace}")["items"] == []


def test_a_field_that_the_kind_does_not_have_fails_alone(apply: Apply, namespace: str) -> None:
    wanted = objects(namespace)
    wanted[2]["dat"] = {"a": "b"}
    failed = apply(wanted)
    assert counted(failed) == {"created": 5, "failed": 1}
    assert ".dat: field not declared in schema" in failed["msg"]


def test_a_quota_below_what_is_in_use_is_refused(apply: Apply, kube: Api, namespace: str) -> None:
    wanted = objects(namespace)
    wanted[3]["spec"]["hard"] = {"configmaps": "20"}
    # First the quota: what comes after it is counted as it is admitted.
    apply([wanted[3], wanted[-1]])
    counts = "--for=jsonpath={.status.hard.configmaps}=20"
    kube.kubectl("wait", counts, "quota/web", "-n", namespace, "--timeout=60s")
    apply(wanted)
    wanted[3]["spec"]["hard"] = {"configmaps": "0"}
    refused = apply(wanted)
    assert refused["reason"] == "quota_below_use"
    assert "would allow 0 of configmaps, and" in refused["msg"]


def test_a_namespace_that_is_being_deleted_is_refused(
    apply: Apply, kube: Api, namespace: str
) -> None:
    wanted = objects(namespace)
    wanted[2]["metadata"]["finalizers"] = ["example.org/held"]
    apply(wanted)
    kube.kubectl("delete", "namespace", namespace, "--wait=false")
    try:
        refused = apply(wanted)
        assert refused["reason"] == "namespace_terminating"
        assert namespace in refused["msg"]
    finally:
        free = ["patch", "configmap", "web", "-n", namespace, "--type=json"]
        kube.kubectl(*free, "-p", '[{"op": "remove", "path": "/metadata/finalizers"}]')


def test_who_may_not_and_who_is_not_known(apply: Apply, kube: Api) -> None:
    address = {"host": kube.url, "ca_cert": str(kube.ca_cert), "kubeconfig": None}
    forbidden = apply(CONFIG, api_key=NOBODY, **address)
    assert forbidden["reason"] == "forbidden"
    unknown = apply(CONFIG, api_key="wrong", **address)
    assert unknown["reason"] == "unauthorized"
    assert kube.url in unknown["msg"]


def test_an_api_that_is_not_there_is_named(apply: Apply) -> None:
    gone = apply(CONFIG, host="https://127.0.0.1:1", kubeconfig=None, timeout=2)
    assert gone["reason"] == "unreachable"
    assert "https://127.0.0.1:1" in gone["msg"]


def test_a_webhook_that_rejects_is_heard(apply: Apply, kube: Api, namespace: str) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["configmaps"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            },
            "validations": [{"expression": "'a' in object.data", "message": "It needs an a."}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    }
    wanted = objects(namespace)
    apply([policy, binding, wanted[-1]])
    wanted[2]["data"] = {"b": "1"}
    wanted[2]["metadata"]["name"] = "denied"
    rejected: dict[str, Any] = {}
    # The policy takes hold a moment after it was made.
    for _number in range(50):
        rejected = apply(wanted)
        if rejected.get("failed"):
            break
        kube.kubectl("delete", "configmap", "denied", "-n", namespace)
    assert "It needs an a." in rejected["msg"]
    assert only(rejected, action="failed")["reason"] in ("rejected", "invalid")
