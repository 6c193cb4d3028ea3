"""The manifests carry what a payment platform is asked for, and the service map is the only source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from examples.payments.render import Object, everything, load, migration_of, objects, service_of
from tests.unit.payments.platform import ORDER, SERVICES, Platform

SETTINGS = load("lab.yml")
MAP = load("services.yml")
NAMES = sorted(MAP["services"])


def made(name: str, version: str = "1", **settings: Any) -> dict[str, Object]:
    """A service's objects by kind."""
    about = {"service": service_of(name), "version": version, "settings": SETTINGS | settings}
    found = objects("service.yml.j2", **about)
    assert len({entry["kind"] for entry in found}) == len(found)
    return {entry["kind"]: entry for entry in found}


def pods() -> list[tuple[str, Object]]:
    parts = everything(SETTINGS, "1")
    return [
        (entry["metadata"]["name"], entry["spec"]["template"]["spec"])
        for entry in parts["services"] + parts["migrations"]
        if entry["kind"] in ("Deployment", "Job")
    ]


def test_the_map_names_the_services_that_the_tests_run() -> None:
    assert sorted(SERVICES) == NAMES
    assert list(MAP["migrations"]) == list(ORDER)


def test_migrations_need_what_the_map_says(empty: Platform) -> None:
    listed = json.loads(empty.payments("migrations").stdout)
    for name, entry in MAP["migrations"].items():
        needs = {
            need.rpartition("_")[0]
            for revision in listed
            if revision["service"] == name
            for need in revision["needs"]
        }
        assert needs == set(entry["needs"]), name
    assert {revision["phase"] for revision in listed} <= {"expand", "contract"}


@pytest.mark.parametrize("name", [name for name, _spec in pods()])
def test_pods_are_guaranteed_and_restricted(name: str) -> None:
    spec = dict(pods())[name]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"] + spec.get("initContainers", []):
        resources = container["resources"]
        assert resources["requests"] == resources["limits"]
        assert set(resources["limits"]) == {"cpu", "memory"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_probes_spread_and_a_rolling_update(name: str) -> None:
    found = made(name, replicas=2)
    entry, spec = service_of(name), found["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    paths = {
        kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")
    }
    assert paths == {
        "liveness": f"/v1/api/{entry['app']}/live",
        "readiness": f"/v1/api/{entry['app']}/ready",
    }
    rolling = spec["strategy"]["rollingUpdate"]
    assert rolling == {"maxUnavailable": 0 if entry["ha"] else 1, "maxSurge": 1}
    assert pod["affinity"]["podAntiAffinity"]
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"
    assert ("PodDisruptionBudget" in found) is entry["ha"]
    assert ("HTTPRoute" in found) is bool(entry["public"])
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    waits = [entry["name"] for entry in pod.get("initContainers", [])]
    backend = entry["namespace"] == "nx-backend"
    assert waits == (["wait-for-identity"] if backend and name != "identity" else [])


@pytest.mark.parametrize(
    "autoscaler, kind", [("hpa", "HorizontalPodAutoscaler"), ("keda", "ScaledObject")]
)
def test_one_autoscaler_sets_replicas_and_nobody_else(autoscaler: str, kind: str) -> None:
    both = {"HorizontalPodAutoscaler", "ScaledObject"}
    for name in NAMES:
        found = made(name, autoscaler=autoscaler, vpa=True)
        assert both & set(found) == ({kind} if service_of(name)["ha"] else set())
        assert ("replicas" in found["Deployment"]["spec"]) is (kind not in found)
        assert found["VerticalPodAutoscaler"]["spec"]["updatePolicy"] == {"updateMode": "Off"}


def test_a_migration_is_the_seeds_job() -> None:
    for name in MAP["migrations"]:
        about = {"service": migration_of(name), "version": "abc1234", "settings": SETTINGS}
        (job,) = objects("migration.yml.j2", **about)
        assert job["metadata"]["name"] == f"nx-{name}-migrate-abc1234"
        spec = job["spec"]
        assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (3, 300)
        pod = spec["template"]["spec"]
        assert pod["restartPolicy"] == "OnFailure"
        waits = [entry["name"] for entry in pod["initContainers"]]
        assert waits == (["wait-for-identity"] if name != "identity" else []) + ["wait-for-db"]
        names = [next(iter(source.values()))["name"] for source in pod["containers"][0]["envFrom"]]
        assert names == [
            "nx-shared-config",
            f"nx-{name}-config",
            "nx-shared-secret",
            f"nx-{name}-secret",
        ]


def test_another_version_is_told_by_the_environment() -> None:
    broken = service_of("payment-api", env=[{"name": "FAULTS", "value": "errors:after=10"}])
    found = objects("service.yml.j2", service=broken, version="3", settings=SETTINGS)
    (deployment,) = [entry for entry in found if entry["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert (environment["APP_VERSION"], environment["FAULTS"]) == ("3", "errors:after=10")
    assert container["image"] == "localhost/lab/payments:1"
