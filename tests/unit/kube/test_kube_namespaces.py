"""Namespaces from one description, their flows, and whether their quotas fit into the cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.capacity import (
    capacity,
    quota_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.namespaces import (
    cluster_objects,
    namespace_objects,
    operator_role,
)

CLUSTER: dict[str, Any] = {
    "dns_namespace": "kube-system",
    "dns_labels": {"k8s-app": "kube-dns"},
    "node_cidrs": ["10.0.0.0/16"],
}


def made(**description: Any) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (item["kind"], item["metadata"]["name"]): item
        for item in namespace_objects("nx-backend", description, CLUSTER)
    }


def test_a_namespace_without_wishes_is_closed() -> None:
    found = made()
    assert set(found) == {
        ("Namespace", "nx-backend"),
        ("ServiceAccount", "default"),
        ("NetworkPolicy", "default-deny"),
    }
    assert found["Namespace", "nx-backend"]["metadata"]["labels"] == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
    }
    assert found["ServiceAccount", "default"]["automountServiceAccountToken"] is False
    assert found["NetworkPolicy", "default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_all_parts() -> None:
    found = made(
        pod_security={"enforce": "baseline"},
        mesh=True,
        pool="app",
        quota={"requests.cpu": 4, "pods": 20},
        limits={"default": {"cpu": "500m"}, "default_request": {"cpu": "100m"}},
        service_accounts=["api", {"name": "worker", "token": True, "annotations": {"a": "b"}}],
        pull_secret="bcr-registry",
        access={"operator": ["group:backend"], "read_only": ["user:qa", "serviceaccount:ci/bot"]},
    )
    labels = found["Namespace", "nx-backend"]["metadata"]["labels"]
    assert labels["istio.io/dataplane-mode"] == "ambient"
    assert labels["groundwork.platform/pool"] == "app"
    assert found["ResourceQuota", "groundwork"]["spec"]["hard"] == {
        "requests.cpu": "4",
        "pods": "20",
    }
    assert found["LimitRange", "groundwork"]["spec"]["limits"] == [
        {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}}
    ]
    assert found["ServiceAccount", "worker"]["automountServiceAccountToken"] is True
    assert found["ServiceAccount", "default"]["imagePullSecrets"] == [{"name": "bcr-registry"}]
    operator = found["RoleBinding", "groundwork-operator"]
    assert operator["roleRef"]["name"] == operator_role()["metadata"]["name"]
    assert [
        subject["kind"] for subject in found["RoleBinding", "groundwork-read-only"]["subjects"]
    ] == [
        "User",
        "ServiceAccount",
    ]


def test_what_another_tool_owns_is_left_to_it() -> None:
    found = made(quota={"pods": 5}, owners={"quota": "argo-cd", "network_policies": "kyverno"})
    assert {kind for kind, _name in found} == {"Namespace", "ServiceAccount"}


def test_who_operates_sees_no_secret() -> None:
    assert not [
        rule for rule in operator_role()["rules"] if {"secrets", "*"} & {*rule["resources"]}
    ]


def test_flows_by_name() -> None:
    found = made(allow=["dns", "ztunnel", "kubelet", "namespace"])
    dns = found["NetworkPolicy", "allow-dns"]["spec"]
    assert dns["policyTypes"] == ["Egress"]
    assert dns["egress"][0]["ports"] == [
        {"port": 53, "protocol": "UDP"},
        {"port": 53, "protocol": "TCP"},
    ]
    assert dns["egress"][0]["to"][0]["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
    }
    tunnel = found["NetworkPolicy", "allow-ztunnel"]["spec"]
    assert tunnel["policyTypes"] == ["Ingress", "Egress"]
    assert tunnel["ingress"] == [{"ports": [{"port": 15008, "protocol": "TCP"}]}]
    probes = found["NetworkPolicy", "allow-kubelet"]["spec"]["ingress"][0]["from"]
    assert [peer["ipBlock"]["cidr"] for peer in probes] == ["10.0.0.0/16", "169.254.7.127/32"]
    assert found["NetworkPolicy", "allow-namespace"]["spec"]["ingress"] == [
        {"from": [{"podSelector": {}}]}
    ]


def test_flows_that_are_described() -> None:
    found = made(
        allow=[
            {
                "name": "gateway",
                "from": {"namespace": "nx-internal", "pods": {"app": "traefik"}},
                "ports": [3000],
            },
            {
                "name": "partners",
                "to": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}],
                "pods": {"app": "payment"},
            },
        ]
    )
    gateway = found["NetworkPolicy", "allow-gateway"]["spec"]
    assert gateway["policyTypes"] == ["Ingress"]
    assert gateway["ingress"][0]["from"][0]["podSelector"] == {"matchLabels": {"app": "traefik"}}
    partners = found["NetworkPolicy", "allow-partners"]["spec"]
    assert partners["podSelector"] == {"matchLabels": {"app": "payment"}}
    assert partners["egress"] == [
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}
    ]


@pytest.mark.parametrize(
    "description,words",
    [
        ({"qouta": {}}, "nobody knows qouta"),
        ({"owners": {"secrets": "x"}}, "owners names secrets"),
        ({"access": {"boss": ["user:x"]}}, "access has no boss"),
        ({"access": {"admin": ["devops"]}}, "devops is nobody"),
        ({"allow": ["everything"]}, "everything is no flow"),
        ({"allow": [{"name": "x", "from": {}, "to": {}}]}, "either from or to"),
        ({"allow": [{"from": {}}]}, "a flow has a name"),
    ],
)
def test_what_is_written_wrong_names_the_namespace(description: dict[str, Any], words: str) -> None:
    with pytest.raises(KubeError, match=f"namespace nx-backend: .*{words}") as caught:
        made(**description)
    assert caught.value.reason == "bad_namespace"


def node(cpu: str, memory: str, **spec: Any) -> dict[str, Any]:
    return {"spec": spec, "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}}}


def test_quotas_have_to_leave_room() -> None:
    there = capacity(
        [node("4", "8Gi"), node("3500m", "8Gi"), node("64", "1Ti", unschedulable=True)]
    )
    assert {name: str(amount) for name, amount in there.items()} == {
        "cpu": "7.500",
        "memory": str(16 * 1024**3),
        "pods": "220",
    }
    fits = {"a": {"quota": {"requests.cpu": "4"}}, "b": {"quota": {"cpu": "2000m"}}}
    assert quota_problems(fits, there, 20) == []
    much = {**fits, "c": {"quota": {"requests.cpu": "1m"}}}
    (problem,) = quota_problems(much, there, 20)
    assert problem.startswith(
        "quotas of cpu add up to 6.001 and the cluster has 6 for them (7.5 less the 20%"
    )
    assert problem.endswith("the largest are a (4), b (2), c (0.001)")


def test_a_namespace_without_a_quota_beside_others_is_named() -> None:
    (problem,) = quota_problems(
        {"a": {"quota": {"requests.memory": "1Gi"}}, "b": {}}, {"memory": "8Gi"}, 20
    )
    assert problem.startswith("no quota of memory in b:")


def test_priority_classes_and_the_operators_role_come_with_the_namespaces() -> None:
    found = cluster_objects({"nx-app": {}}, {"nx-high": {"value": 1000}}, CLUSTER, {})
    assert [item["kind"] for item in found[:2]] == ["ClusterRole", "PriorityClass"]
    assert found[1]["value"] == 1000
    with pytest.raises(KubeError, match="nx-low"):
        cluster_objects({}, {"nx-low": {"value": "many"}}, CLUSTER, {})


def test_a_namespace_that_is_switched_off_is_not_made_and_not_left_open() -> None:
    off = {"nx-watcher": {"enabled": False}}
    assert len(cluster_objects(off, {}, CLUSTER, {})) == 1
    kept = cluster_objects(off, {}, CLUSTER, {"nx-watcher": {}})
    assert "NetworkPolicy" in {item["kind"] for item in kept}


def test_a_namespace_that_is_forgotten_is_refused() -> None:
    ours = {"groundwork.platform/inventory": "namespaces"}
    with pytest.raises(KubeError) as refused:
        cluster_objects({}, {}, CLUSTER, {"nx-old": ours, "somebodys": {}})
    assert refused.value.reason == "namespace_not_described"
    assert "nx-old was made" in str(refused.value)


def test_a_namespace_that_is_switched_off_needs_no_capacity() -> None:
    quota = {"requests.cpu": 3, "requests.memory": "1Gi", "pods": 5}
    namespaces: dict[str, dict[str, Any]] = {
        "a": {"quota": quota},
        "b": {"quota": quota, "enabled": False},
    }
    available = {"cpu": 4, "memory": "4Gi", "pods": 20}
    assert quota_problems(namespaces, available, 20) == []
    namespaces["b"]["enabled"] = True
    assert "add up to 6" in quota_problems(namespaces, available, 20)[0]
