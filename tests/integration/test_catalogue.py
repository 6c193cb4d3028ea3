"""The catalogue of components against a real API server: charts rendered, manifests applied, and applied again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.kube_api import Api, api, build, result
from tests.integration.labs import ROOT
from tests.unit.kube.catalogue import Objects, definitions, objects, render, templates

pytestmark = [pytest.mark.kube, pytest.mark.slow]

MODULES: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "tests/integration/catalogue_modules.yml").read_text(encoding="utf-8")
)
DEFINITION = "CustomResourceDefinition"
#: What would call pods that do not run here; tried, but not left in the cluster.
CALLS_PODS = (
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
#: Settings that make templates print what they leave out by default.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "atlantis": [{"forge": "gitlab"}],
    "cert-manager-issuers": [{"email": "ops@example.com"}],
    "debezium": [{"replicas": 2, "connectors": {"core": {"connector.class": "x"}}}],
    "gateways": [{"google_load_balancer": True}],
    "grafana": [{"host": "grafana.example.com"}],
    "kafka": [{"replicas": 1}],
    "kong": [{"mode": "database", "alias_namespace": "banking"}],
    "otel-collector": [{"traces": "tempo:4317", "remote_write": ""}],
    "portainer": [
        {
            "host": "portainer.example.com",
            "namespaces": ["nx-backend"],
            "groups": {"admin": ["a"], "operator": ["o"], "read_only": ["r"]},
        }
    ],
    "postgresql": [
        {
            "backup": {
                "destination": "s3://b/p",
                "endpoint": "https://s3.example.com",
                "secret": "archive",
                "retention": "30d",
                "schedule": "0 0 3 * * *",
            }
        }
    ],
    "prometheus": [
        {
            "replicas": 2,
            "remote_write": "https://x/api/v1/receive",
            "alertmanager": "alertmanager:9093",
        }
    ],
    "scaled-objects": [{"token_secret": "querier"}],
    "thanos": [
        {"google_account": "thanos@p.iam.gserviceaccount.com", "receive_host": "t.example.com"}
    ],
    "traefik": [
        {"replicas": 1, "routes_namespace": "nx-internal"},
        {
            "trusted_proxies": [],
            "tls_secret": "edge",
            "gateway_api": True,
            "gateway_namespaces": ["banking"],
            "service": {"type": "NodePort", "externalTrafficPolicy": "Local"},
            "node_ports": {"web": 30080, "websecure": 30443},
        },
    ],
    "typesense": [{"replicas": 3}],
}


def folder(name: str) -> Path:
    """Where the Go module of a component is; fetched at first."""
    command = ["go", "mod", "download", "-json", MODULES[name]["module"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    found = json.loads(done.stdout)
    assert "Error" not in found, found["Error"]
    return Path(found["Dir"])


def helm() -> Path:
    """Helm, as it is compiled beside the lab's Kubernetes, or as the machine has it."""
    compiled = build().with_name("helm")
    program = str(compiled) if compiled.exists() else shutil.which("helm")
    if program is None:
        pytest.skip("there is no helm")
    return Path(program)


def rendered(name: str, scratch: Path) -> str:
    """What a component's chart makes of its values."""
    chart = scratch / name
    shutil.copytree(folder(name) / MODULES[name]["chart"], chart)
    # What comes out of Go's cache of modules may not be written to.
    subprocess.run(["chmod", "-R", "u+w", chart], check=True)
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    without = MODULES[name].get("without", [])
    parts = [part for part in about.get("dependencies", []) if part["name"] not in without]
    (chart / "Chart.lock").unlink(missing_ok=True)
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "dependencies": parts}))
    definition = definitions()[name]
    (scratch / f"{name}.yaml").write_text(yaml.safe_dump(definition["values"]))
    command = [str(helm()), "template", name, str(chart)]
    command += [f"--namespace={definition['namespace']}"]
    command += ["--include-crds", f"--values={scratch / name}.yaml", "--skip-tests"]
    done = subprocess.run(
        [*command, "--kube-version=v1.36.3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(module: Path, places: list[str]) -> str:
    """Manifests of files, and of all files of folders, of a module."""
    paths = [path for place in places for path in sorted((module / place).rglob("*.y*ml"))]
    paths += [module / place for place in places if (module / place).is_file()]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return "\n---\n".join(text for text in texts if "kind: Kustomization" not in text)


def source(name: str, kube: Api, scratch: Path) -> Objects | None:
    """What a component's source brings; None where that is not to be had."""
    definition = definitions()[name]
    if not definition["source"]:
        return []
    carried = MODULES.get(name, {})
    if "chart" in carried:
        return objects(rendered(name, scratch))
    if "files" in carried:
        return objects(files(folder(name), carried["files"]))
    if "kustomize" in carried:
        return objects(kube.kubectl("kustomize", str(folder(name) / carried["kustomize"])))
    return None


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("kube")) as served:
        yield served


@pytest.fixture(scope="module")
def sources(kube: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Objects | None]:
    scratch = tmp_path_factory.mktemp("charts")
    return {name: source(name, kube, scratch) for name in definitions()}


@pytest.fixture(scope="module")
def apply(kube: Api, sources: dict[str, Objects | None]) -> Callable[..., dict[str, Any]]:
    """Apply manifests to a cluster that has all definitions and namespaces."""

    def run(manifests: Objects, *flags: str, own: str = "", **options: Any) -> dict[str, Any]:
        # They would be too long for a process's arguments.
        given, text = kube.folder / "manifests.json", kube.folder / "own.yaml"
        given.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
        text.write_text(own)
        files = [str(given), str(text)]
        return result("kube_apply", *flags, kubeconfig=str(kube.kubeconfig), src=files, **options)

    brought = [found for listed in sources.values() for found in listed or []]
    for name, carried in MODULES.items():
        brought += objects(files(folder(name), carried.get("definitions", [])))
    known = [found for found in brought if found["kind"] == DEFINITION]
    everything = [*brought, *(found for name in templates() for found in objects(render(name)))]
    needed = {definition["namespace"] for definition in definitions().values()}
    needed |= {found["metadata"].get("namespace", "") for found in everything}
    names = sorted((needed | {"banking", "nx-backend"}) - {""})
    done = run([*known, *map(namespace, names)], wait=True, wait_timeout=120)
    assert not done.get("failed"), done["msg"]
    return run


def namespace(name: str) -> dict[str, Any]:
    """A namespace that warns of pods that are not restricted."""
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    metadata = {"name": name, "labels": {} if name.startswith("kube-") else labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


@pytest.mark.parametrize("name", definitions())
def test_a_component_is_tried_as_far_as_it_says(
    apply: Callable[..., dict[str, Any]], sources: dict[str, Objects | None], name: str
) -> None:
    definition = definitions()[name]
    brought, own = sources[name], render(name)
    place = {"namespace": definition["namespace"], "force_conflicts": True, "own": own}
    if brought is None:
        assert (definition["tried"], definition["pinned"]) == ("not", False)
        assert not own
        return
    tried = apply(brought, "--check", **place)
    if tried.get("reason") == "unknown_kind":
        assert definition["tried"] == "rendered", tried["msg"]
        return
    assert not tried.get("failed"), tried["msg"]
    assert definition["tried"] in ("applied", "run")
    if name in templates():
        # These two look into all other pods of their node. If nobody were warned, nothing would be tried.
        agents = {"otel-logs": {"DaemonSet otel-logs"}, "velero": {"DaemonSet node-agent"}}
        assert unrestricted(tried) == agents.get(name, set())
    left = [found for found in brought if found["kind"] not in CALLS_PODS]
    done = apply(left, **place)
    assert not done.get("failed"), done["msg"]
    again = apply(left, **place)
    assert not again["changed"], [item for item in again["results"] if item["action"] == "updated"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_settings_are_taken_too(apply: Callable[..., dict[str, Any]], name: str) -> None:
    for settings in VARIANTS[name]:
        place = definitions()[name]["namespace"]
        own = render(name, **settings)
        tried = apply([], "--check", own=own, namespace=place, force_conflicts=True)
        assert not tried.get("failed"), tried["msg"]
        assert not unrestricted(tried)


def unrestricted(tried: dict[str, Any]) -> set[str]:
    """What makes pods that the strictest level of pod security would not let in."""
    return {
        f"{item['kind']} {item['name']}"
        for item in tried["results"]
        if "would violate PodSecurity" in str(item.get("warnings"))
    }
