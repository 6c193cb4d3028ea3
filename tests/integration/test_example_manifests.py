"""The API takes the example's manifests, and pods of them where only restricted ones may be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from examples.payments.render import Object, everything, load
from tests.integration.kube_api import Api, build

pytestmark = pytest.mark.kube
SETTINGS = load("lab.yml") | {"replicas": 2, "autoscaler": "hpa"}


@pytest.fixture(scope="module")
def served(kube: Api) -> Api:
    definitions = build().parent / "manifests/gateway-api"
    for path in sorted(definitions.glob("*httproutes.yaml")):
        kube.apply(path.read_text())
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    for name in ("nx-backend", "nx-app"):
        space = {"kind": "Namespace", "metadata": {"name": name, "labels": level}}
        kube.apply(json.dumps({"apiVersion": "v1", **space}))
    classes = {"kind": "PriorityClass", "metadata": {"name": "nx-default"}, "value": 1000}
    kube.apply(json.dumps({"apiVersion": "scheduling.k8s.io/v1", **classes}))
    kube.await_(lambda: "httproutes" in kube.kubectl("api-resources", "-o", "name"))
    return kube


def pod_of(entry: Object) -> Object:
    template: dict[str, Any] = entry["spec"]["template"]
    metadata = {
        "name": f"{entry['metadata']['name']}-{entry['kind'].lower()}",
        "namespace": entry["metadata"]["namespace"],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.mark.usefixtures("served")
def test_all_objects_are_taken_and_a_second_run_changes_nothing(
    apply: Callable[..., dict[str, Any]],
) -> None:
    parts = everything(SETTINGS, "1")
    manifests = yaml.safe_dump_all([entry for part in parts.values() for entry in part])
    first = apply(manifests)
    assert not first.get("failed"), first["msg"]
    assert first["changed"]
    assert not apply(manifests)["changed"]


def test_its_pods_are_restricted(served: Api) -> None:
    parts = everything(SETTINGS, "1")
    for entry in parts["services"] + parts["migrations"]:
        if entry["kind"] in ("Deployment", "Job"):
            pod = yaml.safe_dump(pod_of(entry))
            (served.folder / "pod.yml").write_text(pod)
            path = str(served.folder / "pod.yml")
            served.kubectl("create", "--dry-run=server", "-f", path)
