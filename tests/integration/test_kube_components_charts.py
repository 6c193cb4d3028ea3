"""kube_components with charts (the real helm), kustomize and the role: rendered, applied, kept, made anew."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.kube_api import Api, build, direct
from tests.integration.kube_objects import definition
from tests.integration.labs import ROOT, environment

pytestmark = [pytest.mark.kube, pytest.mark.slow]

Install = Callable[..., dict[str, Any]]
Body = dict[str, Any]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Helm, which writes down how it is called."""
    folder = tmp_path_factory.mktemp("helm")
    script = folder / "helm"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/calls\nexec {build().with_name("helm")} "$@"\n'
    )
    script.chmod(0o755)
    return script


@pytest.fixture
def install(kube: Api, program: Path, tmp_path: Path) -> Install:
    """Run the module; a failure is returned like any result."""

    def run(components: list[Body], **options: Any) -> dict[str, Any]:
        given = {
            "kubeconfig": str(kube.kubeconfig),
            "helm": str(program),
            "cache": str(tmp_path / "cache"),
            "components": components,
            **options,
        }
        return direct("kube_components", **given)

    return run


def only(found: dict[str, Any]) -> dict[str, Any]:
    (entry,) = found["components"]
    return dict(entry)


def chart(folder: Path, version: str = "1.0.0", **templates: str) -> Path:
    """A chart with some templates; a name's `__` is a `/`."""
    folder.mkdir(exist_ok=True)
    about = {"apiVersion": "v2", "name": folder.name, "version": version}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
    for name, text in templates.items():
        file = folder / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return folder


CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data:
  word: {{ .Values.word | quote }}
  namespace: {{ .Release.Namespace | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
"""


def test_a_chart_becomes_objects_and_its_values_are_seen_by_nobody(
    install: Install, kube: Api, program: Path, tmp_path: Path
) -> None:
    path = chart(tmp_path / "plain", templates__config=CONFIG)
    component = {
        "name": "plain",
        "namespace": "kube-public",
        "source": {"path": str(path)},
        "values": {"word": "Gehe1m"},
    }
    tried = install([component], check=True, diff=True)
    assert "word: Gehe1m" in tried["diff"][0]["after"]
    done = install([component])
    assert only(done)["counts"]["created"] == 1
    assert "Gehe1m" not in json.dumps(done)
    data = kube.get("configmap", "plain", "-n", "kube-public")["data"]
    version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    assert data == {"word": "Gehe1m", "namespace": "kube-public", "kubernetes": version}
    assert "Gehe1m" not in program.with_name("calls").read_text()
    assert only(install([component]))["state"] == "unchanged"

    component["source"] = {"path": str(path), "release": "renamed"}
    assert only(install([component]))["counts"] == {
        **dict.fromkeys(tried["counts"], 0),
        "created": 1,
        "pruned": 1,
    }
    (path / "templates/config.yaml").write_text("{{ fail `no such luck` }}")
    refused = install([component])
    assert refused["reason"] == "not_rendered"
    assert refused["msg"].startswith("plain: ")
    assert "no such luck" in refused["msg"]


SEED = """\
apiVersion: v1
kind: Secret
metadata: {name: made-up}
stringData:
  password: {{ randAlphaNum 16 | quote }}
  user: {{ .Values.user | quote }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: made-up}
data: {random: {{ randAlphaNum 5 | quote }}}
"""


def test_what_a_chart_makes_up_stays_as_it_is_in_the_cluster(
    install: Install, kube: Api, tmp_path: Path
) -> None:
    path = chart(tmp_path / "made-up", templates__seed=SEED)
    component: Body = {"name": "made-up", "source": {"path": str(path)}, "values": {"user": "u"}}
    assert only(install([component]))["kept"] == []
    first = kube.get("secret", "made-up")["data"]
    again = install([component])
    assert only(again)["state"] == "unchanged"
    assert "Secret made-up in default: data.password" in only(again)["kept"]

    component["values"]["user"] = "other"
    assert only(install([component]))["counts"]["updated"] == 1
    second = kube.get("secret", "made-up")["data"]
    assert second["password"] == first["password"]
    assert second["user"] != first["user"]

    # Also where it came from another tool and has no label yet.
    kube.kubectl("label", "secret", "made-up", "groundwork.platform/inventory-")
    install([component], force_conflicts=True)
    assert kube.get("secret", "made-up")["data"] == second


HOOKS = """\
{{- range $name, $hook := .Values.hooks }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  annotations: {helm.sh/hook: {{ $hook | quote }}, helm.sh/hook-delete-policy: hook-succeeded}
spec:
  suspend: true
  ttlSecondsAfterFinished: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: {{ $.Values.image | quote }}}]
{{- end }}
"""


def test_hooks_are_objects_that_are_made_anew_where_they_changed(
    install: Install, kube: Api, tmp_path: Path
) -> None:
    path = chart(tmp_path / "hooked", templates__hooks=HOOKS, templates__config=CONFIG)
    hooks = {
        "before": "pre-install,pre-upgrade",
        "after": "post-install",
        "smoke": "test",
        "upgrade": "pre-upgrade",
    }
    component: Body = {
        "name": "hooked",
        "source": {"path": str(path)},
        "values": {"word": "a", "image": "one", "hooks": hooks},
    }
    done = only(install([component]))
    assert done["hooks_left_out"] == ["Job.batch smoke (test)", "Job.batch upgrade (pre-upgrade)"]
    assert [entry["name"] for entry in done["objects"]] == ["before", "hooked", "after"]
    job = kube.get("job", "before")
    assert "ttlSecondsAfterFinished" not in job["spec"]
    assert only(install([component]))["state"] == "unchanged"

    component["values"]["image"] = "two"
    for check in (True, False):
        assert only(install([component], check=check))["counts"]["replaced"] == 2
    assert kube.get("job", "before")["metadata"]["uid"] != job["metadata"]["uid"]
    assert only(install([component]))["state"] == "unchanged"


def test_a_hook_that_fails_stops_what_comes_after_it(
    install: Install, kube: Api, tmp_path: Path
) -> None:
    wrong = HOOKS.replace("suspend: true", "suspend: 7")
    path = chart(tmp_path / "stopped", templates__hooks=wrong, templates__config=CONFIG)
    values = {"word": "a", "image": "one", "hooks": {"wrong": "pre-install"}}
    failed = only(install([{"name": "stopped", "source": {"path": str(path)}, "values": values}]))
    assert failed["state"] == "failed"
    assert [(entry["name"], entry["action"]) for entry in failed["objects"]] == [
        ("wrong", "failed"),
        ("stopped", "skipped"),
    ]
    assert kube.get("configmap", "--field-selector=metadata.name=stopped")["items"] == []


ASKS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {things: "{{ .Capabilities.APIVersions.Has "asks.example.org/v1/Thing" }}"}
"""


def test_a_chart_is_told_of_the_kinds_that_its_needs_bring_and_of_no_others(
    install: Install, kube: Api, tmp_path: Path
) -> None:
    path = chart(tmp_path / "asks", templates__asks=ASKS)
    brings = chart(tmp_path / "brings", crds__thing=yaml.safe_dump(definition("asks.example.org")))
    components = [
        {"name": "asks-with", "needs": ["brings"], "source": {"path": str(path)}},
        {"name": "asks-without", "source": {"path": str(path)}},
        {"name": "brings", "source": {"path": str(brings)}},
    ]
    for changed in (True, False):
        assert install(components)["changed"] is changed
        told = [
            kube.get("configmap", name)["data"]["things"] for name in ("asks-with", "asks-without")
        ]
        assert told == ["true", "false"]


@pytest.fixture
def repository(program: Path, tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A repository with one chart, and how it is closed."""
    folder = tmp_path / "repository"
    folder.mkdir()
    path = chart(tmp_path / "served", templates__config=CONFIG)
    for command in (["package", str(path), "-d", str(folder)], ["repo", "index", str(folder)]):
        subprocess.run([program, *command], check=True, capture_output=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    yield f"http://127.0.0.1:{server.server_address[1]}", close
    if thread.is_alive():
        close()


def test_a_chart_of_an_exact_version_is_fetched_once(
    install: Install, repository: tuple[str, Callable[[], None]]
) -> None:
    url, close = repository
    source = {"chart": "served", "repository": url, "version": "1.0.0"}
    component: Body = {"name": "served", "source": source, "values": {"word": "a"}}
    found = only(install([component]))
    assert found["state"] == "changed"
    assert found["source"] == "chart served 1.0.0"
    close()
    assert only(install([component]))["state"] == "unchanged"
    source["version"] = "^1.0.0"
    refused = install([component])
    assert refused["reason"] == "not_rendered"
    assert url in refused["msg"]


def test_a_kustomization_is_built(
    kube: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(
        "configMapGenerator:\n- name: built\n  literals: [a=b]\n"
        "generatorOptions: {disableNameSuffixHash: true}\n"
    )
    component = {"name": "built", "source": {"kustomize": str(folder)}}
    programs = tmp_path / "bin"
    programs.mkdir()
    kubectl = programs / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nexec {kube.program} kubectl "$@"\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    options: Body = {"kubeconfig": str(kube.kubeconfig), "helm": "nowhere"}
    assert only(direct("kube_components", components=[component], **options))["state"] == "changed"
    assert kube.get("configmap", "built")["data"] == {"a": "b"}
    # The other module builds it the same way.
    same = direct("kube_apply", kustomize=str(folder), kubeconfig=str(kube.kubeconfig))
    assert same["counts"]["updated"] == 1
    (folder / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    refused = direct("kube_components", components=[component], **options)
    assert refused["reason"] == "not_rendered"
    assert f"kubectl kustomize {folder}" in refused["msg"]


def play(tmp_path: Path, kube: Api, program: Path, components: list[Body], *flags: str) -> str:
    """Run the role; return what was printed, the recap in the last lines."""
    catalogue = ROOT / "tests/integration/catalogue"
    book = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "kube_kubeconfig": str(kube.kubeconfig),
            "kube_components_helm": str(program),
            "kube_components_catalogues": [str(catalogue)],
            "kube_components": components,
        },
        "roles": ["groundwork.platform.kube_components"],
    }
    file = tmp_path / "play.yml"
    file.write_text(yaml.safe_dump([book]))
    done = subprocess.run(
        ["ansible-playbook", str(file), *flags],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done.stdout


def test_the_role_takes_definitions_from_catalogues_and_shows_a_table(
    kube: Api, program: Path, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    chart(tmp_path / "files/local", templates__config=CONFIG)
    components: list[Body] = [
        {"name": "things-definition"},
        {"name": "things", "settings": {"size": "{{ 3 + 4 }}"}},
        {"name": "more-things", "definition": "things", "settings": {"names": ["three"]}},
        # Found beside the playbook, as all files are.
        {"name": "local", "source": {"path": "local"}, "values": {"word": "yes"}},
    ]
    components[2]["verify"] = [{"kind": "Thing", "name": "three"}]
    tried = play(tmp_path, kube, program, components, "--check", "--diff")
    assert "+  size: 7" in tried
    assert "failed=0" in tried
    assert "changed=1" in play(tmp_path, kube, program, components)
    sizes = {
        item["metadata"]["name"]: item["spec"]["size"]
        for item in kube.get("things.example.org")["items"]
    }
    assert sizes == {"one": 7, "two": 7, "three": 1}
    again = play(tmp_path, kube, program, components)
    assert "changed=0" in again
    assert "- things             unchanged" in again
    assert "s in all; longest chain" in again

    components[1]["settings"]["size"] = "large"
    failed = play(tmp_path, kube, program, components)
    assert "- things             failed" in failed
    assert "! things: " in failed
    assert "failed=1" in failed
    components[0]["name"] = "thing-definition"
    assert "(the nearest are things-definition" in play(tmp_path, kube, program, components)
