"""kube_secrets against a real API server and the real sealed-secrets controller."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.kube_api import NOBODY, Api, api, direct, module
from tests.integration.kube_objects import counted
from tests.integration.labs import run
from tests.integration.sealed_secrets import NAMESPACE as CONTROLLER_NAMESPACE
from tests.integration.sealed_secrets import controller
from tests.unit.kube_secrets.google import TOKEN, google_is

pytestmark = [pytest.mark.kube, pytest.mark.slow]

Run = Callable[..., dict[str, Any]]
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
RESTART_DUE = "groundwork.platform/restart-due"


@pytest.fixture(scope="module")
def opener(kube: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The sealed-secrets controller."""
    with controller(kube, tmp_path_factory.mktemp("sealed")):
        yield


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def secrets(kube: Api, state: Path) -> Run:
    """Run the module; a failure is returned like any result."""

    def run(described: Any, **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(kube.kubeconfig), "state_dir": str(state), **options}
        return direct("kube_secrets", secrets=described, **given)

    return run


@pytest.fixture
def namespace(request: pytest.FixtureRequest, kube: Api) -> str:
    """A namespace of the test's own."""
    name = str(request.node.name).partition("[")[0].removeprefix("test_").replace("_", "-")[:60]
    kube.kubectl("create", "namespace", name.strip("-"))
    return name.strip("-")


def app(namespace: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "app", "namespaces": [namespace], "data": data, **more}


def data(kube: Api, namespace: str, name: str = "app") -> dict[str, str]:
    """The values of a Secret."""
    body = kube.get("secret", name, "-n", namespace)
    return {key: base64.b64decode(text).decode() for key, text in body["data"].items()}


def keys(result: dict[str, Any]) -> dict[str, str]:
    """What becomes of the keys of the only object."""
    (one,) = result["results"]
    return dict(one.get("keys", {}))


def restarted(result: dict[str, Any]) -> list[str]:
    return sorted(f"{item['kind']}/{item['name']}" for item in result["restarted"])


def workload(
    kube: Api, namespace: str, name: str, pod: dict[str, Any], kind: str = "Deployment", **spec: Any
) -> None:
    """Make a workload; there are no nodes, so one without replicas is ready."""
    labels = {"app": name}
    container = {"name": "c", "image": "busybox", **pod.pop("container", {})}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [container], **pod},
    }
    scale = {} if kind == "DaemonSet" else {"replicas": 0}
    body = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **scale, **spec},
    }
    kube.apply(json.dumps(body))


def env(secret: str, key: str) -> dict[str, Any]:
    reference = {"secretKeyRef": {"name": secret, "key": key}}
    return {"container": {"env": [{"name": "X", "valueFrom": reference}]}}


def env_from(*secrets: str) -> dict[str, Any]:
    return {"container": {"envFrom": [{"secretRef": {"name": name}} for name in secrets]}}


def volume(source: dict[str, Any]) -> dict[str, Any]:
    return {"volumes": [{"name": "v", **source}]}


def restarted_at(kube: Api, namespace: str, name: str, kind: str = "deployment") -> str:
    template = kube.get(kind, name, "-n", namespace)["spec"]["template"]
    return str(template["metadata"].get("annotations", {}).get(RESTARTED_AT, ""))


def test_a_secret_comes_changes_and_stays(
    secrets: Run, kube: Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NX_API_KEY", "fr0m-outside")
    wanted = app(
        namespace, {"A": {"value": "Gehe1m"}, "B": {"env": "NX_API_KEY"}, "C": {"base64": "AAEC"}}
    )
    tried = secrets([wanted], check=True, diff=True)
    assert counted(tried) == {"created": 1}
    assert keys(tried) == {"A": "added", "B": "added", "C": "added"}
    assert kube.get("secrets", "-n", namespace)["items"] == []
    assert counted(secrets([wanted])) == {"created": 1}
    assert data(kube, namespace) == {"A": "Gehe1m", "B": "fr0m-outside", "C": "\0\1\2"}
    for check in (False, True):
        again = secrets([wanted], check=check)
        assert counted(again) == {"unchanged": 1}
        assert not again["changed"]

    wanted["data"] = {"A": {"value": "An0ther"}, "B": {"env": "NX_API_KEY"}, "D": {"value": "d"}}
    kube.kubectl(
        "patch", "secret", "app", "-n", namespace, "-p", '{"stringData": {"by-hand": "x"}}'
    )
    expected = {"A": "changed", "C": "removed", "D": "added", "by-hand": "removed"}
    tried = secrets([wanted], check=True, diff=True)
    done = secrets([wanted], diff=True)
    assert keys(tried) == keys(done) == expected
    assert tried["diff"] == done["diff"]
    assert "A: (hidden, the new value)" in done["diff"][0]["after"]
    assert done["changes"] == [
        f"Secret app in {namespace}: updated (A changed, C removed, D added, by-hand removed)"
    ]
    assert data(kube, namespace) == {"A": "An0ther", "B": "fr0m-outside", "D": "d"}
    assert not secrets([wanted])["changed"]


def test_no_value_is_shown_anywhere(
    kube: Api, namespace: str, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = app(
        namespace, {"A": {"value": "Gehe1m"}, "B": {"env": "NX_API_KEY"}, "C": {"generate": {}}}
    )
    registry = {
        "name": "r",
        "namespaces": [namespace],
        "server": "registry.example.com",
        "username": {"value": "u5er"},
        "password": {"value": "Regi5try"},
    }
    shown = ""
    for number, word in enumerate(("0utside", "0ther"), start=1):
        monkeypatch.setenv("NX_API_KEY", word)
        described["data"]["C"] = {"generate": {"version": number}}
        options = {
            "kubeconfig": str(kube.kubeconfig),
            "state_dir": str(state),
            "secrets": [described],
            "registries": [registry],
            "files_dir": str(tmp_path / "files"),
        }
        for flags in (["--check"], []):
            shown += module(
                "kube_secrets", "--diff", "-vvvv", *flags, callback="default", **options
            )
    generated = [path.read_text() for path in state.rglob("C.*")]
    assert len(generated) == 2
    assert "B changed" in shown
    journal = subprocess.run(
        ["journalctl", "--no-pager"], capture_output=True, text=True, check=False
    ).stdout
    for word in ("Gehe1m", "0utside", "0ther", "Regi5try", *generated):
        for text in (word, base64.b64encode(word.encode()).decode().rstrip("=")[:-1]):
            assert text not in shown
            assert text not in journal


def test_all_that_is_missing_is_told_at_once_and_nothing_is_written(
    secrets: Run, kube: Api, namespace: str
) -> None:
    described = [
        app(namespace, {"GOOD": {"value": "x"}, "A": {"env": "NX_NOT_SET"}, "B": {"value": " "}}),
        app(namespace, {"A": {"value": "y"}}),
        {"name": "Bad_Name", "namespaces": ["nowhere"], "data": {"A": {"value": "z"}}},
        {"name": "away", "namespaces": ["nowhere"], "data": {"a b": {"value": "z"}}},
        {"name": "far", "namespaces": ["nowhere"], "data": {"A": {"value": "<password>"}}},
    ]
    for check in (False, True):
        refused = secrets(described, check=check)
        assert refused["failed"]
        told = {problem["where"]: problem["reason"] for problem in refused["problems"]}
        expected = {
            "app (secrets, item 1), key A": "missing_value",
            "app (secrets, item 1), key B": "missing_value",
            "app (secrets, item 2)": "twice",
            "Bad_Name (secrets, item 3)": "malformed_secret",
            "away (secrets, item 4)": "malformed_secret",
            "far (secrets, item 5), key A": "missing_value",
            "the cluster": "no_namespace",
        }
        assert told == expected
        assert "the environment variable NX_NOT_SET is not set" in refused["msg"]
        assert "Nothing was changed." in refused["msg"]
    assert kube.get("secrets", "-n", namespace)["items"] == []


def test_a_namespace_that_is_missing_is_refused_unless_it_is_to_come(secrets: Run) -> None:
    described = app("not-there-yet", {"A": {"value": "x"}})
    for check in (True, False):
        refused = secrets([described], check=check)
        assert refused["reason"] == "no_namespace"
        assert "no namespace not-there-yet" in refused["msg"]
    expected = {"expected_namespaces": ["not-there-yet"]}
    assert counted(secrets([described], check=True, diff=True, **expected)) == {"created": 1}
    assert secrets([described], **expected)["reason"] == "no_namespace"


def test_a_generated_value_is_kept_and_outlives_cluster_and_folder(
    secrets: Run, kube: Api, namespace: str, state: Path
) -> None:
    described = app(namespace, {"JWT": {"generate": {"length": 48}}})
    tried = secrets([described], check=True)
    assert tried["changed"]
    assert not state.exists()
    secrets([described])
    value = data(kube, namespace)["JWT"]
    assert len(value) == 48
    # The cluster is built anew, or is another one of the environment.
    kube.kubectl("delete", "secret", "app", "-n", namespace)
    secrets([described])
    assert data(kube, namespace) == {"JWT": value}

    # The folder is lost: the cluster's value is taken over, nothing changes there.
    (file,) = state.rglob("JWT.1")
    file.unlink()
    found = secrets([described])
    assert counted(found) == {"unchanged": 1}
    assert found["generated"] == [str(file)]
    assert file.read_text() == value
    assert file.stat().st_mode & 0o777 == 0o600

    # Another folder has another value: nobody but a person can say which one counts.
    file.write_text("an0ther")
    refused = secrets([described])
    assert refused["reason"] == "values_differ"
    assert str(file) in refused["msg"]
    assert f"the Secret {namespace}/app" in refused["msg"]
    file.write_text(value)

    described["data"]["JWT"]["generate"]["version"] = 2
    assert keys(secrets([described])) == {"JWT": "changed"}
    assert data(kube, namespace)["JWT"] != value
    assert not secrets([described])["changed"]
    described["data"]["JWT"]["generate"]["version"] = 1
    secrets([described])
    assert data(kube, namespace)["JWT"] == value


def test_values_of_secret_manager_are_fetched_and_what_is_not_there_is_told(
    secrets: Run, kube: Api, namespace: str
) -> None:
    described = app(namespace, {"A": {"secret_manager": "projects/p/secrets/partner"}})
    with google_is() as google:
        options = {"google_endpoint": google.url, "google_token": TOKEN}
        secrets([described], **options)
        assert data(kube, namespace) == {"A": "value of partner"}
        assert not secrets([described], **options)["changed"]
        described["data"]["B"] = {"secret_manager": "projects/p/secrets/gone/versions/7"}
        refused = secrets([described], **options)
        assert refused["reason"] == "missing_value"
        assert "projects/p/secrets/gone/versions/7 is 404" in refused["msg"]
        assert TOKEN not in str(refused)


def test_another_type_is_another_secret(secrets: Run, kube: Api, namespace: str) -> None:
    described = app(namespace, {"username": {"value": "u"}, "password": {"value": "p"}})
    secrets([described])
    described["type"] = "kubernetes.io/basic-auth"
    refused = secrets([described])
    assert refused["results"][0]["reason"] == "immutable"
    assert counted(secrets([described], replace=True)) == {"replaced": 1}
    assert kube.get("secret", "app", "-n", namespace)["type"] == "kubernetes.io/basic-auth"
    assert not secrets([described])["changed"]


def test_two_namespaces_with_different_values_are_refused(
    secrets: Run, kube: Api, namespace: str
) -> None:
    kube.kubectl("create", "namespace", f"{namespace}-2")
    for number, place in enumerate((namespace, f"{namespace}-2")):
        kube.kubectl(
            "create", "secret", "generic", "app", f"--from-literal=JWT=v{number}", "-n", place
        )
    described = app(namespace, {"JWT": {"generate": {}}})
    described["namespaces"].append(f"{namespace}-2")
    assert secrets([described])["reason"] == "values_differ"


def test_what_was_made_by_hand_is_taken_over_and_what_differs_is_a_conflict(
    secrets: Run, kube: Api, namespace: str
) -> None:
    kube.kubectl("create", "secret", "generic", "app", "--from-literal=A=by-hand", "-n", namespace)
    described = app(namespace, {"A": {"value": "Gehe1m"}})
    conflict = secrets([described])
    assert conflict["results"][0]["reason"] == "conflict"
    assert 'conflict with "kubectl-create"' in conflict["msg"]
    assert data(kube, namespace) == {"A": "by-hand"}
    assert keys(secrets([described], force_conflicts=True)) == {"A": "changed"}
    assert data(kube, namespace) == {"A": "Gehe1m"}


def test_only_what_uses_a_changed_value_is_restarted_and_once(
    secrets: Run, kube: Api, namespace: str
) -> None:
    first = app(namespace, {"A": {"value": "a"}, "B": {"value": "b"}})
    second = {**app(namespace, {"C": {"value": "c"}}), "name": "second"}
    workload(kube, namespace, "by-env-a", env("app", "A"))
    workload(kube, namespace, "by-env-b", env("app", "B"))
    workload(kube, namespace, "by-env-from", env_from("app", "second"))
    workload(kube, namespace, "by-volume", volume({"secret": {"secretName": "app"}}), "StatefulSet")
    workload(
        kube,
        namespace,
        "by-projection",
        volume({"projected": {"sources": [{"secret": {"name": "app"}}]}}),
        "DaemonSet",
    )
    items = {"secretName": "app", "items": [{"key": "B", "path": "b"}]}
    workload(kube, namespace, "by-item-b", volume({"secret": items}))
    workload(kube, namespace, "none", env_from("other"))

    # What comes into being changes nothing for what runs.
    assert restarted(secrets([first, second])) == []
    first["data"]["A"]["value"], second["data"]["C"]["value"] = "a2", "c2"
    expected = [
        "DaemonSet/by-projection",
        "Deployment/by-env-a",
        "Deployment/by-env-from",
        "StatefulSet/by-volume",
    ]
    tried = secrets([first, second], check=True)
    assert restarted(tried) == expected
    assert restarted_at(kube, namespace, "by-env-a") == ""
    done = secrets([first, second])
    assert restarted(done) == expected
    (twice,) = [item for item in done["restarted"] if item["name"] == "by-env-from"]
    assert twice["secrets"] == ["app", "second"]
    assert kube.get("deployment", "by-env-from", "-n", namespace)["metadata"]["generation"] == 2
    assert restarted_at(kube, namespace, "by-env-b") == ""
    again = secrets([first, second])
    assert restarted(again) == []
    assert not again["changed"]
    for name in ("app", "second"):
        body = kube.get("secret", name, "-n", namespace)
        assert RESTART_DUE not in body["metadata"].get("annotations", {})


def test_restarts_can_be_named_and_left_out(secrets: Run, kube: Api, namespace: str) -> None:
    workload(kube, namespace, "user", env_from("app"))
    workload(kube, namespace, "named", {})
    described = app(namespace, {"A": {"value": "1"}}, restart=["Deployment/named"])
    secrets([described])
    described["data"]["A"]["value"] = "2"
    assert restarted(secrets([described])) == ["Deployment/named"]
    described.update(restart=[], data={"A": {"value": "3"}})
    assert restarted(secrets([described])) == []
    del described["restart"]
    described["data"]["A"]["value"] = "4"
    assert restarted(secrets([described], restart=False)) == []
    described["data"]["A"]["value"] = "5"
    assert restarted(secrets([described], standby=True)) == []
    described.update(restart=["Deployment/gone"], data={"A": {"value": "6"}})
    refused = secrets([described])
    assert refused["reason"] == "no_such_workload"
    assert data(kube, namespace) == {"A": "5"}


def test_a_rollout_that_does_not_end_fails_and_the_next_run_goes_on(
    secrets: Run, kube: Api, namespace: str
) -> None:
    # Without nodes it never is ready.
    workload(kube, namespace, "stuck", env_from("app"), replicas=1)
    described = app(namespace, {"A": {"value": "1"}})
    secrets([described])
    described["data"]["A"]["value"] = "2"
    at = []
    for _number in range(2):
        late = secrets([described], wait_timeout=2)
        assert late["results"][-1]["reason"] == "not_ready"
        assert "Deployment.apps stuck" in late["msg"]
        assert "after app changed" in late["msg"]
        at.append(restarted_at(kube, namespace, "stuck"))
    assert at[0] == at[1]
    kube.kubectl("scale", "deployment/stuck", "--replicas=0", "-n", namespace)
    assert restarted(secrets([described])) == []
    assert not secrets([described])["changed"]


def test_a_restart_that_was_not_done_is_done_by_the_next_run(
    secrets: Run, kube: Api, namespace: str
) -> None:
    workload(kube, namespace, "user", env("app", "A"))
    workload(kube, namespace, "other", env("app", "B"))
    described = app(namespace, {"A": {"value": "1"}, "B": {"value": "1"}})
    secrets([described])
    # Who may write the secret and may not restart is cut short between the two.
    create = ["create", "-n", namespace]
    kube.kubectl(*create, "role", "writer", "--verb=get,patch,create", "--resource=secrets")
    apps = "--resource=deployments.apps,statefulsets.apps,daemonsets.apps"
    kube.kubectl(*create, "role", "reader", "--verb=list", apps)
    for role in ("writer", "reader"):
        kube.kubectl(*create, "rolebinding", role, f"--role={role}", "--user=nobody")
    less = {
        "host": kube.url,
        "ca_cert": str(kube.ca_cert),
        "kubeconfig": None,
        "api_key": NOBODY,
    }
    described["data"]["A"]["value"] = "2"
    failed = secrets([described], **less)
    assert failed["results"][-1]["reason"] == "forbidden"
    assert data(kube, namespace)["A"] == "2"
    tried = secrets([described], check=True)
    assert restarted(tried) == ["Deployment/user"]
    assert tried["changed"]
    assert restarted(secrets([described])) == ["Deployment/user"]
    assert not secrets([described])["changed"]


def test_what_does_not_follow_by_itself_is_told(secrets: Run, kube: Api, namespace: str) -> None:
    workload(kube, namespace, "paused", env_from("app"), replicas=1, paused=True)
    described = app(namespace, {"A": {"value": "1"}})
    secrets([described])
    described["data"]["A"]["value"] = "2"
    done = secrets([described])
    assert restarted(done) == ["Deployment/paused"]
    assert "it is paused" in str(done["warnings"])


def test_registries_go_into_each_application_namespace(
    secrets: Run, kube: Api, namespace: str
) -> None:
    registry = {
        "name": "bcr-registry",
        "server": "bcr.example.com",
        "username": {"value": "deploy"},
        "password": {"generate": {}},
    }
    # Where secrets come by CSI, the kubelet still needs this one.
    options = {"registries": [registry], "application_namespaces": [namespace], "form": "csi"}
    assert counted(secrets([], **options)) == {"created": 1}
    body = kube.get("secret", "bcr-registry", "-n", namespace)
    assert body["type"] == "kubernetes.io/dockerconfigjson"
    (entry,) = json.loads(data(kube, namespace, "bcr-registry")[".dockerconfigjson"])[
        "auths"
    ].items()
    assert entry[0] == "bcr.example.com"
    pair = base64.b64decode(entry[1]["auth"]).decode()
    assert pair == f"deploy:{entry[1]['password']}"
    assert not secrets([], **options)["changed"]


def test_what_nobody_describes_any_more_is_pruned_on_demand(
    secrets: Run, kube: Api, namespace: str
) -> None:
    options = {"inventory": namespace}
    both = [
        app(namespace, {"A": {"value": "1"}}),
        {**app(namespace, {"A": {"value": "1"}}), "name": "b"},
    ]
    secrets(both, **options)
    assert counted(secrets(both[:1], **options)) == {"unchanged": 1}
    assert counted(secrets(both[:1], prune=True, **options)) == {"unchanged": 1, "pruned": 1}
    assert [item["metadata"]["name"] for item in kube.get("secrets", "-n", namespace)["items"]] == [
        "app"
    ]


def test_who_may_not_read_is_told(secrets: Run, kube: Api, namespace: str) -> None:
    address = {"host": kube.url, "ca_cert": str(kube.ca_cert), "kubeconfig": None}
    refused = secrets([app(namespace, {"A": {"value": "1"}})], api_key=NOBODY, **address)
    assert refused["reason"] == "forbidden"
    assert f"{namespace}/app" in refused["msg"]


def sealed(kube: Api, namespace: str) -> dict[str, Any]:
    return kube.get("sealedsecret", "app", "-n", namespace)


@pytest.mark.usefixtures("opener")
def test_a_sealed_value_is_opened_stays_and_is_rotated(
    secrets: Run, kube: Api, namespace: str, tmp_path: Path
) -> None:
    options = {"form": "sealed", "files_dir": str(tmp_path / "git")}
    described = app(namespace, {"A": {"value": "Gehe1m"}, "B": {"generate": {}}}, labels={"l": "x"})
    workload(kube, namespace, "user", env("app", "A"))
    tried = secrets([described], check=True, **options)
    assert keys(tried) == {"A": "added", "B": "added"}
    assert not list(tmp_path.rglob("*.yaml"))
    secrets([described], **options)
    assert data(kube, namespace)["A"] == "Gehe1m"
    assert kube.get("secret", "app", "-n", namespace)["metadata"]["labels"] == {"l": "x"}
    before = sealed(kube, namespace)
    file = tmp_path / "git" / namespace / "app.yaml"
    assert yaml.safe_load(file.read_text())["spec"] == before["spec"]

    for check in (True, False):
        again = secrets([described], check=check, diff=True, **options)
        assert not again["changed"]
    assert (
        sealed(kube, namespace)["metadata"]["resourceVersion"]
        == before["metadata"]["resourceVersion"]
    )

    described["data"]["A"]["value"] = "An0ther"
    tried = secrets([described], check=True, diff=True, **options)
    assert keys(tried) == {"A": "changed"}
    assert restarted(tried) == ["Deployment/user"]
    assert sealed(kube, namespace)["spec"] == before["spec"]
    done = secrets([described], diff=True, **options)
    assert keys(done) == {"A": "changed"}
    assert restarted(done) == ["Deployment/user"]
    assert done["files"] == [str(file)]
    assert data(kube, namespace)["A"] == "An0ther"
    after = sealed(kube, namespace)["spec"]["encryptedData"]
    assert after["A"] != before["spec"]["encryptedData"]["A"]
    assert after["B"] == before["spec"]["encryptedData"]["B"]
    assert not secrets([described], **options)["changed"]
    assert RESTART_DUE not in sealed(kube, namespace)["metadata"]["annotations"]
    for shown in (str(tried), str(done), file.read_text()):
        assert "An0ther" not in shown


@pytest.mark.usefixtures("opener")
@pytest.mark.parametrize("scope", ["strict", "namespace-wide", "cluster-wide"])
def test_the_controller_opens_each_scope(secrets: Run, kube: Api, scope: str) -> None:
    kube.kubectl("create", "namespace", scope)
    described = app(scope, {"A": {"value": "Gehe1m"}}, scope=scope)
    secrets([described], form="sealed")
    assert data(kube, scope) == {"A": "Gehe1m"}
    assert not secrets([described], form="sealed")["changed"]
    # A copy under another name: what opens it is the scope's business.
    body = sealed(kube, scope)
    for meta in (body["metadata"], body["spec"]["template"]["metadata"]):
        meta["name"] = "copy"
    body["metadata"] = {
        name: body["metadata"][name] for name in ("name", "namespace", "annotations")
    }
    kube.apply(json.dumps(body))
    opened = "True" if scope != "strict" else "False"
    kube.kubectl(
        "wait",
        f"--for=condition=Synced={opened}",
        "sealedsecret/copy",
        "-n",
        scope,
        "--timeout=30s",
    )


@pytest.mark.usefixtures("opener")
def test_a_new_certificate_seals_anew_and_restarts_nothing(
    secrets: Run, kube: Api, namespace: str, tmp_path: Path
) -> None:
    workload(kube, namespace, "user", env_from("app"))
    described = app(namespace, {"A": {"value": "Gehe1m"}})
    path = f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/services/http:sealed-secrets-controller:http/proxy/v1/cert.pem"
    certificate = tmp_path / "cluster.pem"
    certificate.write_text(kube.kubectl("get", "--raw", path))
    other = tmp_path / "other.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout"]
    subprocess.run([*make, tmp_path / "key", "-out", other], check=True, capture_output=True)

    secrets([described], form="sealed", certificate=str(certificate))
    # The file is the one that the controller gives.
    assert not secrets([described], form="sealed")["changed"]
    wrong = secrets([described], form="sealed", certificate=str(other), standby=True)
    assert keys(wrong) == {"A": "sealed anew"}
    assert restarted(wrong) == []
    not_opened = secrets([described], form="sealed", certificate=str(other))
    assert not_opened["results"][0]["reason"] == "not_ready"
    assert "no key could decrypt" in not_opened["msg"]
    version = sealed(kube, namespace)["metadata"]["resourceVersion"]
    secrets([described], form="sealed", certificate=str(other))
    assert sealed(kube, namespace)["metadata"]["resourceVersion"] == version
    back = secrets([described], form="sealed")
    assert keys(back) == {"A": "sealed anew"}
    assert restarted(back) == []
    assert data(kube, namespace) == {"A": "Gehe1m"}


@pytest.mark.usefixtures("opener")
def test_what_is_edited_in_the_opened_secret_is_sealed_anew(
    secrets: Run, kube: Api, namespace: str
) -> None:
    described = app(namespace, {"A": {"value": "Gehe1m"}, "B": {"value": "b"}})
    secrets([described], form="sealed")
    for patch in ('{"stringData": {"A": "by-hand"}}', '{"stringData": {"more": "by-hand"}}'):
        kube.kubectl("patch", "secret", "app", "-n", namespace, "-p", patch)
        repaired = secrets([described], form="sealed")
        assert "changed" in keys(repaired).values() or "removed" in keys(repaired).values()
        assert data(kube, namespace) == {"A": "Gehe1m", "B": "b"}
    assert not secrets([described], form="sealed")["changed"]


@pytest.mark.usefixtures("opener")
def test_a_secret_is_handed_over_to_the_controller_and_not_back(
    secrets: Run, kube: Api, namespace: str
) -> None:
    described = app(namespace, {"A": {"value": "Gehe1m"}})
    secrets([described])
    workload(kube, namespace, "user", env_from("app"))
    uid = kube.get("secret", "app", "-n", namespace)["metadata"]["uid"]
    done = secrets([described], form="sealed")
    assert restarted(done) == []
    body = kube.get("secret", "app", "-n", namespace)
    assert body["metadata"]["uid"] == uid
    assert body["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret"
    pruning = {"prune": True, "inventory": namespace}
    secrets([described], form="sealed", **pruning)
    assert not secrets([described], form="sealed", **pruning)["changed"]

    refused = secrets([described])
    assert refused["reason"] == "owned"
    assert "--cascade=orphan" in refused["msg"]
    kube.kubectl("delete", "sealedsecret", "app", "-n", namespace, "--cascade=orphan")
    secrets([described], force_conflicts=True)
    assert data(kube, namespace) == {"A": "Gehe1m"}
    assert kube.get("secret", "app", "-n", namespace)["metadata"]["uid"] == uid


@pytest.mark.usefixtures("opener")
def test_a_secret_of_somebody_elses_is_handed_over_on_demand_alone(
    secrets: Run, kube: Api, namespace: str
) -> None:
    kube.kubectl("create", "secret", "generic", "app", "--from-literal=A=by-hand", "-n", namespace)
    described = app(namespace, {"A": {"value": "Gehe1m"}})
    refused = secrets([described], form="sealed")
    assert refused["reason"] == "not_handed_over"
    assert keys(secrets([described], form="sealed", force_conflicts=True)) == {"A": "changed"}
    assert data(kube, namespace) == {"A": "Gehe1m"}


@pytest.mark.usefixtures("opener")
def test_the_type_of_an_opened_secret_stays(secrets: Run, kube: Api, namespace: str) -> None:
    described = app(namespace, {"username": {"value": "u"}, "password": {"value": "p"}})
    secrets([described], form="sealed")
    described["type"] = "kubernetes.io/basic-auth"
    refused = secrets([described], form="sealed")
    assert refused["reason"] == "immutable"
    assert f"kubectl delete sealedsecret app -n {namespace}" in refused["msg"]
    kube.kubectl("delete", "sealedsecret", "app", "-n", namespace)
    kube.kubectl("wait", "--for=delete", "secret/app", "-n", namespace, "--timeout=60s")
    secrets([described], form="sealed")
    assert kube.get("secret", "app", "-n", namespace)["type"] == "kubernetes.io/basic-auth"


@pytest.mark.usefixtures("opener")
def test_while_a_cluster_stands_by_there_is_no_controller(secrets: Run, namespace: str) -> None:
    absent = {"form": "sealed", "standby": True, "controller_name": "not-there"}
    described = app(namespace, {"A": {"value": "Gehe1m"}})
    assert (
        secrets([described], form="sealed", controller_name="not-there")["reason"]
        == "no_certificate"
    )
    refused = secrets([described], **absent)
    assert refused["reason"] == "no_certificate"
    assert "kubeseal --fetch-cert" in refused["msg"]
    assert counted(secrets([described], check=True, **absent)) == {"created": 1}
    secrets([described], form="sealed")
    # Nothing is new, so nothing has to be sealed.
    assert not secrets([described], **absent)["changed"]


@pytest.mark.usefixtures("opener")
def test_a_sealed_value_whose_file_is_lost_is_not_made_anew(
    secrets: Run, kube: Api, namespace: str, state: Path
) -> None:
    described = app(namespace, {"JWT": {"generate": {}}})
    secrets([described], form="sealed")
    value = data(kube, namespace)["JWT"]
    (file,) = state.rglob("JWT.1")
    file.unlink()
    assert not keys(secrets([described], form="sealed"))
    assert file.read_text() == value
    file.unlink()
    # As in a cluster whose controller has not opened it, or where the Secret may not be read.
    kube.kubectl("delete", "sealedsecret", "app", "-n", namespace, "--cascade=orphan")
    kube.kubectl("delete", "secret", "app", "-n", namespace)
    body = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {"encryptedData": {"JWT": "AAAA"}},
    }
    kube.apply(json.dumps(body))
    refused = secrets([described], form="sealed")
    assert refused["reason"] == "value_lost"
    assert str(file) in refused["msg"]


CLASSES: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "secretproviderclasses.secrets-store.csi.x-k8s.io"},
    "spec": {
        "group": "secrets-store.csi.x-k8s.io",
        "names": {"kind": "SecretProviderClass", "plural": "secretproviderclasses"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "provider": {"type": "string"},
                                    "parameters": {
                                        "type": "object",
                                        "additionalProperties": {"type": "string"},
                                    },
                                    "secretObjects": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "x-kubernetes-preserve-unknown-fields": True,
                                        },
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


@pytest.mark.usefixtures("opener")
def test_what_somebody_else_applies_from_git_is_only_filed(
    secrets: Run, kube: Api, namespace: str, tmp_path: Path
) -> None:
    described = app(namespace, {"A": {"value": "Gehe1m"}})
    options = {"form": "sealed", "files_dir": str(tmp_path), "git_only": True, "digest_key": "k"}
    file = tmp_path / namespace / "app.yaml"
    first = secrets([described], **options)
    assert first["changes"] == [f"{file}: written (A added)"]
    assert kube.get("sealedsecrets", "-n", namespace)["items"] == []
    before = file.read_text()
    assert not secrets([described], **options)["changed"]
    assert not list(tmp_path.rglob("digest.key"))
    kube.apply(before)
    kube.kubectl("wait", "--for=condition=Synced", "sealedsecret/app", "-n", namespace)
    assert data(kube, namespace) == {"A": "Gehe1m"}
    assert not secrets([described], **options)["changed"]
    assert file.read_text() == before
    described["data"]["A"]["value"] = "An0ther"
    assert secrets([described], **options)["changes"] == [f"{file}: written (A changed)"]
    assert file.read_text() != before
    # Argo CD's mark says whose it is.
    mark = "argocd.argoproj.io/tracking-id=app"
    kube.kubectl("annotate", "sealedsecret", "app", "-n", namespace, mark)
    refused = secrets([described], form="sealed")
    assert refused["reason"] == "owned_elsewhere"
    assert "Argo CD" in refused["msg"]
    assert not secrets([described], **options)["changed"]


def test_a_provider_class_names_secrets_and_holds_none(
    secrets: Run, kube: Api, namespace: str
) -> None:
    stored = "projects/p/secrets/s/versions/"
    described = app(namespace, {"A": {"secret_manager": f"{stored}1"}}, sync=True)
    missing = secrets([described], form="csi")
    assert missing["reason"] == "unknown_kind"
    tried = secrets([described], check=True, form="csi")
    assert tried["results"][0]["tried"] is False
    kube.apply(json.dumps(CLASSES))
    kube.kubectl("wait", "--for=condition=Established", f"crd/{CLASSES['metadata']['name']}")

    secrets([described], form="csi")
    spec = kube.get("secretproviderclass", "app", "-n", namespace)["spec"]
    assert spec["provider"] == "gcp"
    assert yaml.safe_load(spec["parameters"]["secrets"]) == [
        {"resourceName": f"{stored}1", "path": "A"}
    ]
    assert spec["secretObjects"][0]["secretName"] == "app"
    assert not secrets([described], form="csi")["changed"]
    by_csi = {
        "driver": "secrets-store.csi.k8s.io",
        "volumeAttributes": {"secretProviderClass": "app"},
    }
    workload(kube, namespace, "mounts", volume({"csi": by_csi}))
    workload(kube, namespace, "reads", env("app", "A"))
    described["data"]["A"]["secret_manager"] = f"{stored}2"
    done = secrets([described], form="csi")
    assert keys(done) == {"A": "changed"}
    assert restarted(done) == ["Deployment/mounts", "Deployment/reads"]
    assert not secrets([described], form="csi")["changed"]


PLAY = """
- hosts: kube_clusters
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: groundwork.platform.kube_secrets
        tasks_from: "{{ item }}"
      loop: [preflight, main]
"""


def test_the_role_gives_main_and_failover_the_same(
    kube: Api, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NX_REGISTRY_PASSWORD", "Regi5try")
    (tmp_path / "failover").mkdir()
    (tmp_path / "play.yml").write_text(PLAY)
    variables: dict[str, Any] = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "groundwork_state_dir": str(tmp_path / "state"),
        "kube_secrets_application_namespaces": [namespace],
        "vault_db_password": "Gehe1m",
        "kube_secrets": [
            app(
                namespace,
                {
                    "DB_PASSWORD": {"value": "{{ vault_db_password }}"},
                    "JWT_SECRET": {"generate": {"length": 48}},
                },
            )
        ],
        "kube_secrets_registries": [
            {
                "name": "bcr-registry",
                "server": "bcr.example.com",
                "username": {"value": "deploy"},
                "password": {"env": "NX_REGISTRY_PASSWORD"},
            }
        ],
    }
    with api(tmp_path / "failover") as failover:
        failover.kubectl("create", "namespace", namespace)
        hosts = {
            "cluster-main": {"kube_kubeconfig": str(kube.kubeconfig)},
            "cluster-failover": {"kube_kubeconfig": str(failover.kubeconfig), "kube_standby": True},
        }
        inventory = {"kube_clusters": {"hosts": hosts, "vars": variables}}
        (tmp_path / "hosts.json").write_text(json.dumps(inventory))
        for cluster in (kube, failover):
            workload(cluster, namespace, "user", env_from("app"))
        command = [
            "ansible-playbook",
            "-i",
            str(tmp_path / "hosts.json"),
            str(tmp_path / "play.yml"),
        ]

        assert run([*command, "--check", "--diff"]).changed == 2
        first = run([*command, "--diff"])
        assert first.returncode == 0
        assert f"Secret app in {namespace}: created" in first.text
        assert run(command).changed == 0
        assert run([*command, "--check", "--diff"]).changed == 0
        assert data(kube, namespace) == data(failover, namespace)
        assert data(kube, namespace)["DB_PASSWORD"] == "Gehe1m"

        changed = run([*command, "-e", "vault_db_password=An0ther"])
        assert changed.changed == 2
        assert restarted_at(kube, namespace, "user") != ""
        assert restarted_at(failover, namespace, "user") == ""
        assert data(kube, namespace) == data(failover, namespace)

        monkeypatch.delenv("NX_REGISTRY_PASSWORD")
        refused = run(command)
        assert refused.returncode == 2
        assert "the environment variable NX_REGISTRY_PASSWORD is not set" in refused.text
        for text in ("Gehe1m", "An0ther", "Regi5try", data(kube, namespace)["JWT_SECRET"]):
            assert text not in first.output + changed.output.replace("password=An0ther", "")
