"""What a cluster is held against, and how it is shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.choose import (
    chosen_clusters,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.table import (
    cluster_lines,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.verdict import (
    Expectation,
    judge,
    may_pass,
)

Info = dict[str, Any]


def node(name: str = "n1", **more: Any) -> Info:
    good = {"ready": True, "reason": "", "schedulable": True, "pressures": [], "pool": "default"}
    return {"name": name, **good, **more}


def entry(kind: str, name: str = "web", **more: Any) -> Info:
    return {"kind": kind, "namespace": "nx", "name": name, "reason": "", **more}


def service(**more: Any) -> Info:
    return {"namespace": "nx", "name": "web", "ready": 1, "idle": False, "reason": "", **more}


def certificate(days: int | None, kind: str = "Secret", **more: Any) -> Info:
    until = "2026-12-01T00:00:00Z"
    return entry(kind, subject="CN=a", days_left=days, not_after=until, **more)


def limit(percent: float | None, resource: str = "pods") -> Info:
    amounts = {"used": "9", "hard": "10", "percent": percent}
    return {"namespace": "nx", "name": "q", "resource": resource, **amounts}


def good(**parts: Any) -> Info:
    """A cluster that is as it should be, but for ``parts``."""
    return {
        "version": "v1.36.3",
        "nodes": [node()],
        "pools": {"default": {"ready": 1, "total": 1}},
        "capacity": {"cpu": 2.0, "memory": 4 * 1024**3, "pods": 110},
        "namespaces": [{"name": "nx", "phase": "Active", "labels": {}}],
        "quotas": [limit(50.0)],
        "workloads": [entry("Deployment")],
        "failed_jobs": [],
        "services": [service()],
        "ingresses": [entry("Ingress", hosts=["a.example.com"])],
        "certificates": [certificate(99)],
        "unread": [],
        **parts,
    }


def found(info: Info, **expected: Any) -> list[tuple[str, str, str]]:
    return [
        (finding.level, finding.reason, finding.subject)
        for finding in judge(info, Expectation(**expected))
    ]


EMPTY = {"ready": 0, "reason": "no pod"}
#: What is wrong, and what is said of it.
WRONG: list[tuple[Info, list[tuple[str, str, str]]]] = [
    ({"nodes": []}, [("problem", "no_node", "Cluster")]),
    (
        {"nodes": [node(), node("n2", ready=False)]},
        [("problem", "node_not_ready", "Node n2")],
    ),
    (
        {"nodes": [node(), node("n2", schedulable=False, pressures=["DiskPressure"])]},
        [("warning", "cordoned", "Node n2"), ("warning", "pressure", "Node n2")],
    ),
    ({"quotas": [limit(90.0)]}, []),
    (
        {"quotas": [limit(90.1)]},
        [("warning", "quota_nearly_used_up", "ResourceQuota nx/q pods")],
    ),
    ({"quotas": [limit(100.0)]}, [("problem", "quota_used_up", "ResourceQuota nx/q pods")]),
    ({"quotas": [limit(None)]}, [("warning", "quota_not_counted", "ResourceQuota nx/q pods")]),
    (
        {"workloads": [entry("StatefulSet", reason="0 of 1 pods are ready")]},
        [("problem", "not_ready", "StatefulSet nx/web")],
    ),
    ({"failed_jobs": [entry("Job")]}, [("problem", "job_failed", "Job nx/web")]),
    ({"services": [service(**EMPTY)]}, [("problem", "no_endpoints", "Service nx/web")]),
    ({"services": [service(**EMPTY, idle=True)]}, []),
    (
        {"ingresses": [entry("Ingress", reason="no address", hosts=[])]},
        [("warning", "not_in_use", "Ingress nx/web")],
    ),
    (
        {"ingresses": [entry("Gateway", reason="Programmed: False", hosts=[])]},
        [("problem", "not_in_use", "Gateway nx/web")],
    ),
    ({"certificates": [certificate(21)]}, []),
    (
        {"certificates": [certificate(20)]},
        [("warning", "certificate_ends_soon", "Secret nx/web")],
    ),
    ({"certificates": [certificate(7)]}, [("warning", "certificate_ends_soon", "Secret nx/web")]),
    ({"certificates": [certificate(6)]}, [("problem", "certificate_ends_soon", "Secret nx/web")]),
    ({"certificates": [certificate(-1)]}, [("problem", "certificate_ended", "Secret nx/web")]),
    (
        {"certificates": [certificate(None, reason="none")]},
        [("problem", "certificate_unreadable", "Secret nx/web")],
    ),
    (
        {"certificates": [certificate(3, "APIServer", namespace="")]},
        [("problem", "certificate_ends_soon", "APIServer")],
    ),
    (
        {"certificates": [certificate(3, "Certificate", secret="web", reason="acme")]},
        [
            ("problem", "certificate_not_ready", "Certificate nx/web"),
            ("problem", "certificate_ends_soon", "Certificate nx/web"),
        ],
    ),
    # The Secret that the Certificate keeps tells of its end.
    (
        {"certificates": [certificate(3), certificate(3, "Certificate", secret="web")]},
        [("problem", "certificate_ends_soon", "Secret nx/web")],
    ),
    (
        {"unread": [{"resource": "secrets", "namespace": "nx", "message": "forbidden"}]},
        [("warning", "unread", "secrets")],
    ),
]


def test_a_good_cluster_has_no_problem() -> None:
    assert found(good(), namespaces=["nx"], nodes={"default": 1}) == []


@pytest.mark.parametrize("parts, told", WRONG)
def test_what_is_wrong_is_told(parts: Info, told: list[tuple[str, str, str]]) -> None:
    assert found(good(**parts)) == told


#: What follows from pools at 0, and nothing else, is left out in standby.
RESTING = {"no_node", "not_ready", "job_failed", "no_endpoints", "not_in_use"}


@pytest.mark.parametrize("parts, told", WRONG)
def test_a_cluster_in_standby_is_judged_by_what_needs_no_node(
    parts: Info, told: list[tuple[str, str, str]]
) -> None:
    left = [one for one in told if one[1] not in RESTING | {"certificate_not_ready"}]
    assert found(good(**parts), standby=True) == left


def test_pools_have_a_least_number_of_nodes() -> None:
    wanted = {"default": 2, "gone": 1}
    told = [("problem", "too_few_nodes", "Pool default"), ("problem", "too_few_nodes", "Pool gone")]
    assert found(good(), nodes=wanted) == told
    assert found(good(), nodes=wanted, standby=True) == []


def test_expected_namespaces_are_there_and_stay() -> None:
    going = good(namespaces=[{"name": "nx", "phase": "Terminating", "labels": {}}])
    told = [
        ("problem", "namespace_terminating", "Namespace nx"),
        ("problem", "no_namespace", "Namespace other"),
    ]
    assert found(going, namespaces=["nx", "other"], standby=True) == told
    hidden = good(
        namespaces=[], unread=[{"resource": "namespaces", "namespace": "nx", "message": "no"}]
    )
    assert found(hidden, namespaces=["nx", "other"]) == [
        ("problem", "no_namespace", "Namespace other"),
        ("warning", "unread", "namespaces"),
    ]


def test_what_was_not_gathered_is_not_judged() -> None:
    bare = {"version": "", "unread": []}
    assert found(bare, namespaces=["nx"], nodes={"default": 1}) == []


def test_subjects_can_be_left_out_by_pattern() -> None:
    wrong = good(
        services=[service(**EMPTY), service(**EMPTY, name="db-ro")], quotas=[limit(100, "cpu")]
    )
    assert found(wrong, ignore=["Service */*-ro", "ResourceQuota nx/q *"]) == [
        ("problem", "no_endpoints", "Service nx/web")
    ]


def test_only_what_time_may_mend_is_waited_for() -> None:
    passing = {
        finding.reason
        for parts, _told in WRONG
        for finding in judge(good(**parts), Expectation())
        if may_pass(finding)
    }
    assert passing == {"no_node", "node_not_ready", "not_ready", "no_endpoints", "not_in_use"}


def test_each_problem_is_one_sentence() -> None:
    (finding,) = judge(
        good(workloads=[entry("Deployment", reason="Unschedulable: no.")]), Expectation()
    )
    assert finding.message == "Deployment nx/web is not ready: Unschedulable: no."
    (finding,) = judge(good(workloads=[entry("Deployment", reason="a page…")]), Expectation())
    assert finding.message.endswith("a page…")


def test_unread_lists_are_told_once_with_their_namespaces() -> None:
    unread = [
        {"resource": "pods", "namespace": name, "message": "pods is forbidden"}
        for name in ("a", "b")
    ]
    (finding,) = judge(good(unread=unread), Expectation())
    assert finding.message == "Not looked at: pods in a, b: pods is forbidden."


def test_the_table_has_a_line_for_each_namespace_and_each_problem() -> None:
    problems = [
        {"level": "problem", "message": "Something is wrong."},
        {"level": "warning", "message": "Something may be."},
    ]
    hosts = [entry("Ingress", hosts=["a", "b", "c"])]
    info = good(problems=problems, ingresses=hosts, failed_jobs=[entry("Job")])
    assert cluster_lines(info, "cluster-main") == [
        "cluster-main: NOT well, Kubernetes v1.36.3, 1 of 1 nodes ready, 1 namespace, "
        "1 of 1 workloads ready, 1 service, certificates good for 99 days",
        "pools: default 1/1; room: 2 cores, 4.0 GiB, 110 pods",
        "namespace  phase   workloads          services  hosts            fullest quota  certificates",
        "nx         Active  1/1, 1 failed job  1/1       a, b and 1 more  pods 50%       99 days",
        "! Something is wrong.",
        "~ Something may be.",
    ]


def test_the_table_tells_nothing_from_unknown() -> None:
    info = {"version": "", "unread": [], "namespaces": good()["namespaces"], "services": []}
    assert cluster_lines(info, "c", standby=True) == [
        "c: standby, well, 1 namespace, 0 services",
        "namespace  phase   workloads  services  hosts  fullest quota  certificates",
        "nx         Active  ?          -         ?      ?              ?",
    ]
    empty = good(quotas=[], workloads=[], services=[], ingresses=[], certificates=[])
    assert cluster_lines(empty)[-1].split() == ["nx", "Active", "-", "-", "-", "-", "-"]


GROUPS = {"kube_clusters": ["cluster-main", "cluster-failover", "hub"], "all": ["db-1"]}


@pytest.mark.parametrize(
    "asked, hosts",
    [
        ("", ["cluster-main", "cluster-failover", "hub"]),
        ("main", ["cluster-main"]),
        (" failover , cluster-main,main", ["cluster-failover", "cluster-main"]),
        ("hub", ["hub"]),
    ],
)
def test_clusters_are_named_with_or_without_their_prefix(asked: str, hosts: list[str]) -> None:
    assert chosen_clusters(GROUPS, asked) == hosts


def test_an_unknown_cluster_is_named_with_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"no such Kubernetes cluster: failovre \(did you mean failover\?"
    ):
        chosen_clusters(GROUPS, "main,failovre")
    with pytest.raises(ValueError, match="db-1"):
        chosen_clusters(GROUPS, "db-1")
    with pytest.raises(ValueError, match="no Kubernetes cluster"):
        chosen_clusters({"all": []}, "main")
