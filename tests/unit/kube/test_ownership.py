"""Whether a manifest is applied already, told from managed fields as a Kubernetes 1.36 API wrote them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.ownership import (
    holds,
    untouched,
)

MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "namespace": "n", "labels": {"team": "a"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "image": "busybox",
                        "args": ["a", "b"],
                        "ports": [{"containerPort": 80}],
                    }
                ],
                "volumes": [{"name": "v", "emptyDir": {}}],
            },
        },
    },
}
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:team": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"c"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:args": {},
                        # The protocol is a part of the key, and the server's default.
                        "f:ports": {
                            'k:{"containerPort":80,"protocol":"TCP"}': {
                                ".": {},
                                "f:containerPort": {},
                            }
                        },
                    }
                },
                "f:volumes": {'k:{"name":"v"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
            },
        },
    },
}


def live(manager: str = "groundwork") -> dict[str, Any]:
    body = copy.deepcopy(MANIFEST)
    body["metadata"] |= {
        "generation": 1,
        "resourceVersion": "7",
        "managedFields": [
            {
                "manager": manager,
                "operation": "Apply",
                "apiVersion": "apps/v1",
                "time": "2026-01-01T00:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": FIELDS,
            },
            {
                "manager": "kube-controller-manager",
                "operation": "Update",
                "apiVersion": "apps/v1",
                "subresource": "status",
                "fieldsV1": {"f:status": {}},
            },
        ],
    }
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["ports"][0]["protocol"] = "TCP"
    container["imagePullPolicy"] = "Always"
    body["status"] = {"replicas": 2}
    return body


def test_what_the_server_defaulted_is_no_difference() -> None:
    assert holds(MANIFEST, live(), "groundwork")


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(MANIFEST)
    place: Any = body
    for name in path[:-1]:
        place = place[name]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return body


CONTAINER: list[Any] = ["spec", "template", "spec", "containers", 0]


@pytest.mark.parametrize(
    "path,value",
    [
        (["spec", "replicas"], 3),
        (["spec", "replicas"], None),
        (["spec", "replicas"], True),
        (["spec", "paused"], True),
        (["metadata", "labels"], None),
        (["metadata", "labels", "more"], "b"),
        (["metadata", "annotations"], {"a": "b"}),
        (["spec", "selector", "matchLabels", "more"], "x"),
        ([*CONTAINER, "args"], ["b", "a"]),
        ([*CONTAINER, "imagePullPolicy"], "Always"),
        ([*CONTAINER, "ports"], [{"containerPort": 81}]),
        ([*CONTAINER, "ports"], [{"containerPort": 80}, {"containerPort": 81}]),
        ([*CONTAINER, "name"], "other"),
        (["spec", "template", "spec", "volumes"], []),
        (["apiVersion"], "apps/v2"),
    ],
)
def test_any_difference_is_one(path: list[Any], value: Any) -> None:
    assert not holds(changed(path, value), live(), "groundwork")


def test_another_ones_fields_are_not_ours() -> None:
    assert not holds(MANIFEST, live("kubectl"), "groundwork")


def test_a_value_that_somebody_edited_is_one() -> None:
    body = live()
    body["spec"]["replicas"] = 5
    assert not holds(MANIFEST, body, "groundwork")


def test_a_set_is_compared_without_its_order() -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "finalizers": ["a/b", "c/d"]},
    }
    body = copy.deepcopy(manifest)
    body["metadata"] |= {  # type: ignore[operator]
        "managedFields": [
            {
                "manager": "m",
                "operation": "Apply",
                "apiVersion": "v1",
                "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"c/d"': {}, 'v:"a/b"': {}}}},
            }
        ]
    }
    assert holds(manifest, body, "m")
    manifest["metadata"]["finalizers"] = ["a/b"]  # type: ignore[index]
    assert not holds(manifest, body, "m")


def test_a_status_that_was_written_meanwhile_is_no_change() -> None:
    before, after = live(), live()
    after["metadata"]["resourceVersion"] = "8"
    after["status"] = {"replicas": 3}
    assert untouched(before, after, "groundwork")
    after["spec"]["replicas"] = 3
    assert not untouched(before, after, "groundwork")


def test_to_become_the_manager_of_a_field_is_a_change() -> None:
    assert not untouched(live("kubectl"), live(), "groundwork")
