"""The Job that a service's description becomes: seed 001's template."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import (
    service_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    DEFINITION,
    SERVICE,
    checksum,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.template import job

WANTED = """
apiVersion: batch/v1
kind: Job
metadata:
  name: nx-commerce-migrate-4f2a91c
  namespace: nx-backend
  labels:
    app.kubernetes.io/name: commerce
    app.kubernetes.io/component: migration
    app.kubernetes.io/version: 4f2a91c
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 300
  template:
    metadata:
      labels:
        app.kubernetes.io/name: commerce
        app.kubernetes.io/component: migration
        app.kubernetes.io/version: 4f2a91c
    spec:
      restartPolicy: OnFailure
      automountServiceAccountToken: false
      nodeSelector: {node.kubernetes.io/pool: app}
      imagePullSecrets: [{name: bcr-registry}]
      initContainers:
        - name: wait-for-identity
          image: busybox:1.36
          command: [sh, -c, "until wget -qO- http://nx-identity; do sleep 2; done"]
          resources: &resources {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 500m, memory: 256Mi}}
      containers:
        - name: migrate
          image: registry/commerce:4f2a91c
          command: [bun, run, migrate]
          envFrom: [{configMapRef: {name: nx-shared-config}}, {secretRef: {name: nx-commerce-secret}}]
          resources: *resources
"""
WAIT = {
    "name": "wait-for-identity",
    "image": "busybox:1.36",
    "command": ["sh", "-c", "until wget -qO- http://nx-identity; do sleep 2; done"],
}


def given(**more: Any) -> dict[str, Any]:
    """Options of a service as Ansible hands them over."""
    empty = {name: option.get("default") for name, option in service_options().items()}
    return {**empty, "name": "commerce", **more}


def commerce() -> dict[str, Any]:
    return given(
        image="registry/commerce:4f2a91c",
        command=["bun", "run", "migrate"],
        node_selector={"node.kubernetes.io/pool": "app"},
        pull_secrets=["bcr-registry"],
        wait_for=[WAIT],
        env_from=[
            {"configMapRef": {"name": "nx-shared-config"}},
            {"secretRef": {"name": "nx-commerce-secret"}},
        ],
        resources={
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
    )


def test_it_is_the_seeds_template_and_carries_its_digest() -> None:
    wanted = yaml.safe_load(WANTED)
    wanted["metadata"]["labels"][SERVICE] = "commerce"
    wanted["metadata"]["annotations"] = {DEFINITION: checksum(wanted["spec"])}
    assert job(commerce(), "4f2a91c", "nx-backend") == wanted


def test_services_of_one_application_have_its_name_in_their_job() -> None:
    made = job({**commerce(), "name": "payment-api", "app": "payment"}, "4f2a91c", "nx-backend")
    assert made["metadata"]["name"] == "nx-payment-migrate-4f2a91c"
    assert made["metadata"]["labels"]["app.kubernetes.io/name"] == "payment"
    # By which it is found again.
    assert made["metadata"]["labels"][SERVICE] == "payment-api"


def test_what_is_not_given_is_not_there_so_that_the_digest_does_not_know_it() -> None:
    made = job(given(image="i", command=["c"]), "1", "nx")
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert set(container) == {"name", "image", "command"}


def test_a_job_of_ones_own_stays_as_it_is() -> None:
    own = {"kind": "Job", "metadata": {"name": "mine", "labels": {"a": "b"}}, "spec": {"x": 1}}
    made = job(given(job=own), "1", "nx")
    assert made["spec"] == {"x": 1}
    assert made["metadata"]["labels"] == {"a": "b", SERVICE: "commerce"}
    assert made["metadata"]["namespace"] == "nx"
    assert own["metadata"] == {"name": "mine", "labels": {"a": "b"}}


@pytest.mark.parametrize(
    "more, version, reason",
    [
        ({"image": "i", "command": ["c"]}, "v" * 60, "bad_name"),
        ({"job": {"kind": "Pod", "metadata": {"name": "a"}}}, "1", "bad_job"),
        ({"job": {"kind": "Job"}}, "1", "bad_job"),
    ],
)
def test_what_is_no_job_is_refused(more: dict[str, Any], version: str, reason: str) -> None:
    with pytest.raises(KubeError) as refused:
        job(given(**more), version, "nx")
    assert refused.value.reason == reason
