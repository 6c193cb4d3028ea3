"""The catalogue of components: what each definition and each manifest of ours has to keep to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents

from tests.unit.kube.catalogue import (
    DASHBOARDS,
    ROLE,
    TEMPLATES,
    Definition,
    definitions,
    mirrored,
    objects,
    pods,
    render,
    templates,
    values,
)
from tools.catalogue_docs import PAGE, page

KEYS = {
    *("description", "namespace", "needs", "source", "pinned", "tried"),
    *("values", "settings", "wait", "verify", "notes"),
}
NAMES = list(definitions())
OWN = list(templates())
#: Pods that look into all others of their node, as root.
PRIVILEGED = {"DaemonSet node-agent", "DaemonSet otel-logs"}
#: Programs whose image writes beside its volumes.
WRITES = {"Deployment nx-debezium"}
IMAGE = re.compile(r"^[a-z0-9.-]+\.[a-z]+(/[a-z0-9._-]+)+:[A-Za-z0-9][\w.-]*$")


def all_settings(within: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each setting with its path."""
    if isinstance(within, dict):
        for key, value in within.items():
            yield from all_settings(value, f"{path}.{key}".lstrip("."))
    else:
        yield path, within


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_is_whole(name: str) -> None:
    definition = definitions()[name]
    assert set(definition) - {"step"} == KEYS
    assert definition["description"]
    assert not definition["description"].endswith(".")
    assert definition["tried"] in ("run", "applied", "rendered", "not")
    assert set(definition["wait"]) == {"timeout", "conditions"}
    # Names that settings change cannot stand here; what has them is waited for.
    named = {"name", "workloads", "network_policies"} & set(definition["settings"])
    assert bool(definition["verify"]) != bool(named), "Nothing says whether it works."
    for check in definition["verify"]:
        assert {"kind", "name"} <= set(check) <= {"kind", "name", "namespace", "condition"}
    assert bool(definition["settings"]) == (name in templates()), "Settings are for templates."
    assert not (definition["values"] and not definition["source"].get("chart"))


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_is_the_same_for_every_reader_of_yaml(name: str) -> None:
    text = (ROLE / f"files/catalogue/{name}.yml").read_text(encoding="utf-8")
    assert [found for found, _line in documents(text, name)] == [definitions()[name]]


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_of_one_version(name: str) -> None:
    source: Definition = definitions()[name]["source"]
    if not source:
        assert name in templates()
    elif "chart" in source:
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", source["version"])
        assert ("repository" in source) != source["chart"].startswith("oci://")
    else:
        assert set(source) == {"manifests"}
        for place in source["manifests"]:
            assert re.match(r"https://.*v?\d+\.\d+\.\d+", place), "It must name its version."
    text = json.dumps(source)
    # Bitnami took its images and charts away; the controller of Sealed Secrets is the project's own.
    assert "bitnami" not in text or name == "sealed-secrets"
    assert not re.search(r"/(latest|main|master|HEAD)/", text)


def test_needs_exist_and_have_an_order() -> None:
    needs = {name: set(definition["needs"]) for name, definition in definitions().items()}
    for name, needed in needs.items():
        assert needed <= set(definitions()), name
    # Raises CycleError.
    order = list(TopologicalSorter(needs).static_order())
    assert len(order) == len(needs)


#: Groups of kinds and who brings their definitions.
BRINGS = {
    "argoproj.io": "argocd",
    "cert-manager.io": "cert-manager",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "kyverno.io": "kyverno",
    "postgresql.cnpg.io": "cnpg",
    "secrets-store.csi.x-k8s.io": "secrets-store-csi",
    "security.istio.io": "istio-base",
    "traefik.io": "traefik",
    "velero.io": "velero",
}
BUILT_IN = ("", "apps", "batch", "policy", "autoscaling")


def all_needed(name: str) -> set[str]:
    """What must be there before a component, and the component."""
    return {name}.union(*map(all_needed, definitions()[name]["needs"]))


@pytest.mark.parametrize("name", OWN)
def test_whose_kinds_are_used_is_needed(name: str) -> None:
    for found in objects(render(name)):
        group = found["apiVersion"].rpartition("/")[0]
        if group not in BUILT_IN and group not in (
            "rbac.authorization.k8s.io",
            "networking.k8s.io",
        ):
            assert BRINGS[group] in all_needed(name), f"{found['kind']} is of {group}"


def secrets(manifests: list[dict[str, Any]]) -> set[str]:
    """Names of all Secrets that manifests refer to."""
    found = set(values(manifests, "secretName"))
    for key in ("secretKeyRef", "secretRef", "secret", "accessKeyId", "secretAccessKey"):
        referred = (value for value in values(manifests, key) if isinstance(value, dict))
        found |= {value.get("name", value.get("secretName", "")) for value in referred}
    found |= {entry["name"] for listed in values(manifests, "secretTargetRef") for entry in listed}
    return found


@pytest.mark.parametrize("name", OWN)
def test_secrets_are_named_by_settings_and_passwords_stand_nowhere(name: str) -> None:
    settings = dict(all_settings(definitions()[name]["settings"]))
    named = {value for path, value in settings.items() if path.endswith("secret")}
    manifests = objects(render(name))
    assert not [found for found in manifests if found["kind"] == "Secret"]
    assert secrets(manifests) <= named
    for path, value in settings.items():
        if re.search(r"password|token|api_key", path):
            assert path.endswith("_secret"), f"{path} is {value}"
    for entry in (entry for listed in values(manifests, "env") for entry in listed):
        if re.search(r"PASSWORD|TOKEN|SECRET|API_KEY|REDISCLI_AUTH", entry["name"]):
            assert "valueFrom" in entry, entry["name"]


@pytest.mark.parametrize("name", OWN)
def test_images_are_of_one_release_and_can_come_from_a_mirror(name: str) -> None:
    definition = definitions()[name]
    given = [
        value
        for path, value in all_settings(definition["settings"])
        if path.rpartition(".")[2].endswith("image")
    ]
    for image in given:
        assert IMAGE.match(image), image
        assert not image.endswith(":latest")
        assert "bitnami" not in image
    used = {
        container["image"]
        for _workload, pod in pods(objects(mirrored(name, "mirror.example.com/all")))
        for container in [*pod.get("initContainers", []), *pod["containers"]]
    }
    assert all(image.startswith("mirror.example.com/all/") for image in used)
    assert {image.removeprefix("mirror.example.com/all/") for image in used} <= {
        image.partition("/")[2] for image in given
    }


@pytest.mark.parametrize("name", OWN)
def test_pods_have_limits_probes_and_few_rights(name: str) -> None:
    for workload, pod in pods(objects(render(name))):
        security = pod["securityContext"]
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, workload
        if workload not in PRIVILEGED:
            assert security["runAsNonRoot"], workload
        # Else a Service named like a program (KONG_, TRAEFIK_) would become a part of its configuration.
        assert pod["enableServiceLinks"] is False, workload
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            asked = container["resources"]
            assert {"cpu", "memory"} <= set(asked["requests"]), workload
            assert "memory" in asked["limits"], workload
            if workload not in PRIVILEGED:
                rights = container["securityContext"]
                assert rights["capabilities"] == {"drop": ["ALL"]}, workload
                assert not rights["allowPrivilegeEscalation"], workload
                assert rights["readOnlyRootFilesystem"] or workload in WRITES, workload
        # pause does nothing that could be asked for.
        if not workload.startswith("Job") and pod["containers"][0]["name"] != "pause":
            for container in pod["containers"]:
                assert {"readinessProbe", "livenessProbe"} <= set(container), workload


@pytest.mark.parametrize("name", OWN)
def test_several_pods_have_a_budget_for_disruptions(name: str) -> None:
    manifests = objects(render(name))
    budgets = [
        found["spec"]["selector"]["matchLabels"]
        for found in manifests
        if found["kind"] == "PodDisruptionBudget"
    ]
    for found in manifests:
        spec = found.get("spec", {})
        if found["kind"] in ("Deployment", "StatefulSet"):
            assert (spec["selector"]["matchLabels"] in budgets) == (spec["replicas"] > 1)


@pytest.mark.parametrize("name", OWN)
def test_what_is_verified_is_what_is_made(name: str) -> None:
    made = {(found["kind"], found["metadata"]["name"]) for found in objects(render(name))}
    for check in definitions()[name]["verify"]:
        assert (check["kind"], check["name"]) in made


def test_every_template_has_a_definition_and_every_part_is_used() -> None:
    assert set(templates()) <= set(definitions())
    for part in TEMPLATES.glob("_*.j2"):
        users = [path for path in TEMPLATES.glob("*.j2") if f"'{part.name}'" in path.read_text()]
        assert users, part.name


def test_dashboards_are_those_that_grafana_gets_and_ask_a_source_of_choice() -> None:
    (listed,) = (
        found
        for found in objects(render("grafana"))
        if found["metadata"]["name"] == "grafana-dashboards"
    )
    files = {path.name: json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")}
    assert {name: json.loads(text) for name, text in listed["data"].items()} == files
    assert len(files) == 5
    assert len({dashboard["uid"] for dashboard in files.values()}) == 5
    for dashboard in files.values():
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        assert "datasource" in variables
        for panel in dashboard["panels"]:
            assert panel["datasource"]["uid"] == "${datasource}"
            for target in panel["targets"]:
                assert target["datasource"]["uid"] == "${datasource}"
                used = set(re.findall(r"\$(\w+)", target["expr"]))
                assert used <= variables, panel["title"]


def test_the_page_of_the_documentation_is_of_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tools/catalogue_docs.py writes it."
