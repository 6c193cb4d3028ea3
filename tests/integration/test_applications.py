"""The playbooks of the applications on the lab's real cluster: a site, a release, the way back, scaling, a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.labs import ROOT, Lab
from tests.integration.real_cluster import Cluster
from tests.integration.test_example import HOSTS

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]

BACKEND = "nx-backend"
HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "nx-sale", "namespace": BACKEND},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nx-sale"},
        "minReplicas": 1,
        "maxReplicas": 2,
    },
}


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("t-applications", HOSTS, kubernetes=True)


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Cluster:
    return Cluster(lab, "main")


def deployment(cluster: Cluster, name: str) -> dict[str, Any]:
    """A Deployment of nx-backend."""
    found: dict[str, Any] = json.loads(
        cluster.do("get", "deployment", name, "-n", BACKEND, "-o", "json")
    )
    return found


def version(cluster: Cluster, name: str) -> str:
    """The version that a Deployment's pods play."""
    template = deployment(cluster, name)["spec"]["template"]
    return str(template["metadata"]["annotations"]["app.kubernetes.io/version"])


def records() -> set[str]:
    """Results that runs have written."""
    return {path.name for path in (ROOT / "artifacts/releases").glob("cluster-main-*.json")}


def test_site_ends_with_a_payment_and_a_second_run_changes_nothing(lab: Lab) -> None:
    before = records()
    first = lab.succeed("site")
    assert "a payment through the Gateway" in first.output
    # What the payment is made with.
    assert (lab.state / "secrets/nx_identity").read_text().strip() not in first.output
    (written,) = records() - before
    told = json.loads((ROOT / "artifacts/releases" / written).read_text())
    assert {entry["state"] for entry in told["services"]} == {"released"}
    again = lab.succeed("site")
    assert again.changed == 0
    assert lab.succeed("site", "--check").changed == 0


def test_one_service_gets_a_version_and_goes_back(lab: Lab, cluster: Cluster) -> None:
    planned = lab.succeed("app_deploy", "--check", service="payment-api", version="2")
    assert "would_release" in planned.output
    assert version(cluster, "nx-payment-api") == "1"
    done = lab.succeed("app_deploy", service="payment-api", version="2")
    # It is marked sensitive, so a few pods went first.
    assert "payment-api: canary" in done.output
    assert version(cluster, "nx-payment-api") == "2"
    assert version(cluster, "nx-payment-worker") == "1"
    lab.succeed("app_rollback", service="payment-api")
    assert version(cluster, "nx-payment-api") == "1"
    status = lab.succeed("release_status", service="payment-api")
    assert "rollback of 2 (revision 2)" in status.text
    # By its number.
    lab.succeed("app_rollback", service="payment-api", revision=2)
    assert version(cluster, "nx-payment-api") == "2"
    # The inventory has the last word about versions.
    lab.succeed("applications")
    assert version(cluster, "nx-payment-api") == "1"


@pytest.mark.parametrize(
    "playbook, asked, reason",
    [
        ("app_deploy", {"service": "payment-api"}, "not_said"),
        ("app_deploy", {"service": "payment-ap", "version": "2"}, "did you mean payment-api"),
        ("app_rollback", {"service": "sale", "revision": 77}, "no_revision"),
        ("app_rollback", {"service": "sale,finance", "revision": 1}, "bad_revision"),
        ("app_scale", {"service": "sale", "replicas": 0}, "zero"),
        ("app_scale", {"service": "sale", "replicas": "many"}, "bad_number"),
        ("app_scale", {"service": "sale", "minimum": 2}, "not_autoscaled"),
        ("app_scale", {"service": "sale", "replicas": 60}, "no_headroom"),
        ("app_restart", {"service": "sales"}, "did you mean sale"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_changes(
    lab: Lab, playbook: str, asked: dict[str, Any], reason: str
) -> None:
    run = lab.playbook(playbook, **asked)
    assert run.returncode != 0
    assert reason in run.text
    assert run.changed == 0


def test_a_service_is_scaled_and_the_next_release_sets_its_manifest_again(
    lab: Lab, cluster: Cluster
) -> None:
    lab.succeed("app_scale", service="sale", replicas=2)
    found = deployment(cluster, "nx-sale")
    assert found["spec"]["replicas"] == found["status"]["readyReplicas"] == 2
    assert lab.succeed("app_scale", service="sale", replicas=2).changed == 0
    lab.succeed("app_deploy", service="sale", version="1")
    assert deployment(cluster, "nx-sale")["spec"]["replicas"] == 1


def test_what_is_autoscaled_is_not_fought(lab: Lab, cluster: Cluster) -> None:
    cluster.do("apply", "-f", "-", given=json.dumps(HPA))
    try:
        run = lab.playbook("app_scale", service="sale", replicas=2)
        assert run.returncode != 0
        assert "autoscaled: HorizontalPodAutoscaler nx-sale sets the replicas" in run.text
        assert "-e minimum= -e maximum=" in run.text
        lab.succeed("app_scale", service="sale", minimum=1, maximum=3)
        (found,) = cluster.items("hpa", "-n", BACKEND)
        assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (1, 3)
    finally:
        cluster.do("delete", "hpa", "nx-sale", "-n", BACKEND)


def test_services_are_restarted_in_the_order_in_which_they_are_named(
    lab: Lab, cluster: Cluster
) -> None:
    def begun(name: str) -> str:
        pods = cluster.items("pods", "-n", BACKEND, "-l", f"app.kubernetes.io/name={name}")
        return max(str(pod["metadata"]["creationTimestamp"]) for pod in pods)

    before = {name: begun(name) for name in ("signal", "pricing", "sale")}
    lab.succeed("app_restart", service="signal,pricing")
    assert before["signal"] < begun("signal") < begun("pricing")
    assert before["sale"] == begun("sale")
    # Who releases next finds nothing to do: the annotation is nobody's but the restart's.
    assert lab.succeed("applications").changed == 0


def test_a_cluster_in_standby_gets_no_release(lab: Lab) -> None:
    run = lab.playbook("app_deploy", service="sale", version="2", kube_standby=True)
    assert run.returncode != 0
    assert "standby: of cluster-main no cluster" in run.text
