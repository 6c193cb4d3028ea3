"""What the module returns of a look, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.info import describe
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    PARTS,
    Question,
    Unread,
)

from tests.unit.kube_cluster.objects import body, look, node

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_only_parts_that_were_asked_for_are_told() -> None:
    told = describe(look(node("a")), Question(["nodes"]), NOW)
    assert set(told) == {"version", "nodes", "pools", "capacity", "unread"}


def test_all_parts_of_an_empty_cluster_are_told() -> None:
    told = describe(look(), Question(), NOW)
    several = {"pools", "capacity", "failed_jobs", "version", "unread"}
    assert set(told) == set(PARTS) | several


def test_what_could_not_be_read_is_not_told_as_empty() -> None:
    unread = tuple(
        Unread(resource, "", "forbidden")
        for resource in ("nodes", "namespaces", "deployments", "services", "secrets", "pods")
    )
    told = describe(look(unread=unread), Question(), NOW)
    assert not {"nodes", "capacity", "namespaces", "workloads", "services"} & told.keys()
    # The API server's own certificate may still be there, and Ingresses have been read.
    assert {"certificates", "ingresses", "quotas"} <= told.keys()
    assert told["unread"][0] == {"resource": "nodes", "namespace": "", "message": "forbidden"}


def test_what_could_not_be_read_in_one_namespace_is_told_of_the_others() -> None:
    unread = (Unread("services", "secret", "forbidden"),)
    told = describe(look(body("Service", "s", spec={}), unread=unread), Question(), NOW)
    assert [entry["name"] for entry in told["services"]] == ["s"]
