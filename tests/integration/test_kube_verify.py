"""The role kube_verify and the playbook cluster_status against a real API server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.kube_api import Api
from tests.integration.kube_world import (
    Node,
    Put,
    deployment,
    place,
    pods,
    run_pod,
    secret,
    tls,
    until,
)
from tests.integration.labs import Run, run

pytestmark = [pytest.mark.kube, pytest.mark.slow]


def inventory(folder: Path, kube: Api, others: Mapping[str, Any] | None = None) -> Path:
    """Clusters: ``cluster-main`` is the API, others as they are described."""
    clusters = {
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "kube_kubeconfig": str(kube.kubeconfig),
        },
        "hosts": {"cluster-main": {}, **(others or {})},
    }
    path = folder / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"children": {"kube_clusters": clusters}}}))
    return path


def playbook(hosts: Path, name: str, *flags: str, **extra_vars: Any) -> Run:
    command = ["ansible-playbook", "-i", str(hosts), name, *flags, "-e", json.dumps(extra_vars)]
    return run(command, timeout=300)


def test_the_status_of_a_cluster_is_shown_though_another_is_away(
    kube: Api, put: Put, tmp_path: Path, namespace: str
) -> None:
    put(place(namespace, "{pods: '5'}") + deployment("web", namespace))
    away = yaml.safe_load(kube.kubeconfig.read_text())
    away["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "away").write_text(yaml.safe_dump(away))
    hosts = inventory(
        tmp_path,
        kube,
        {
            "cluster-away": {"kube_kubeconfig": str(tmp_path / "away")},
            "hub": {"kube_standby": True},
        },
    )
    status_playbook = "playbooks/cluster_status.yml"
    whole = playbook(hosts, status_playbook, kube_verify_only_namespaces=[namespace])
    assert whole.returncode == 2
    assert "cluster-main: NOT well, Kubernetes v" in whole.text
    assert f"{namespace} Active 0/1 0/1 - pods" in whole.text
    assert f"! Deployment {namespace}/web is not ready: 0 of 1 pods are available" in whole.text
    assert "hub: standby, well, Kubernetes v" in whole.text
    assert "https://127.0.0.1:9" in whole.failures
    assert "unreachable" in whole.failures
    assert {name: host.failed for name, host in whole.recap.items()} == {
        "cluster-away": 1,
        "cluster-main": 0,
        "hub": 0,
        "localhost": 0,
    }
    # A cluster that is not well is shown, not failed.
    some = playbook(hosts, status_playbook, clusters="main,hub")
    assert some.returncode == 0
    assert some.changed == 0
    assert "cluster-away" not in some.output

    none = playbook(hosts, status_playbook, clusters="mian")
    assert none.returncode == 2
    assert "no such Kubernetes cluster: mian (did you mean main?" in none.text


ROLE = """
- hosts: kube_clusters
  gather_facts: false
  roles: [groundwork.platform.kube_verify]
"""


def test_the_role_fails_with_everything_and_shows_the_rest(
    kube: Api,
    put: Put,
    node: Node,
    tmp_path: Path,
    namespace: str,
) -> None:
    node("verify-c", ready=True)
    put(place(namespace, "{configmaps: '1'}") + secret(namespace, *tls(10)))
    put(deployment("web", namespace))
    until(lambda: bool(pods(kube, namespace, "web")))
    (tmp_path / "role.yml").write_text(ROLE)
    hosts, role = inventory(tmp_path, kube), str(tmp_path / "role.yml")
    good = {"url": f"{kube.url}/livez", "ca_cert": str(kube.ca_cert)}
    given: dict[str, Any] = {
        "kube_namespaces": {namespace: None, "gone": {}, "off": {"enabled": False}},
        "kube_verify_only_namespaces": [namespace, "gone", "off"],
        "kube_verify_patience": 2,
    }
    broken = playbook(hosts, role, **given, kube_verify_urls=[good, {"url": f"{kube.url}/livez"}])
    assert broken.returncode == 2
    message = broken.text.partition("cluster-main is not as it should be:")[2]
    for problem in (
        "- Namespace gone is not there.",
        f"- ResourceQuota {namespace}/q configmaps is used up (1 of 1)",
        f"- Deployment {namespace}/web is not ready: 0 of 1 pods are available",
        f"- Service {namespace}/web has no endpoint that is ready: Deployment web is not ready.",
        f"- {kube.url}/livez: Status code was -1 and not [200]",
        "CERTIFICATE_VERIFY_FAILED",
    ):
        assert problem in message
    assert "Namespace off" not in message
    assert f"The certificate of Secret {namespace}/web-tls" not in message
    assert f"The certificate of Secret {namespace}/web-tls" in broken.text

    # The same in check mode is shown and fails nothing: the cluster may be built in this very run.
    tried = playbook(hosts, role, "--check", **given)
    assert tried.returncode == 0
    assert "Namespace gone is not there." in tried.text

    run_pod(kube, namespace, pods(kube, namespace, "web")[0], ready=True, on="verify-c")
    given["kube_namespaces"].pop("gone")
    given["kube_verify_ignore"] = [f"ResourceQuota {namespace}/q configmaps"]
    given["kube_verify_patience"] = 30
    well = playbook(hosts, role, **given, kube_verify_urls=[good])
    assert well.returncode == 0
    assert well.changed == 0
    assert "cluster-main: well, Kubernetes v" in well.text
    assert "1 of 1 nodes ready, 1 namespace, 1 of 1 workloads ready, 1 service" in well.text
