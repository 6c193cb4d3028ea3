"""What is read of Velero's lists, reports and objects."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.velero.contents import (
    Item,
    choose,
    describe,
    items,
    messages,
    unpack,
)

LISTED = {
    "apps/v1/Deployment": ["pay-app/web"],
    "v1/ConfigMap": ["pay-app/kube-root-ca.crt", "pay-log/web(created)"],
    "v1/Namespace": ["pay-app", "pay-log(updated)"],
    "v1/Pod": ["pay-app/web-1(skipped)"],
    "rbac.authorization.k8s.io/v1/ClusterRole": ["system:web"],
}


def listed() -> list[Item]:
    return list(items(LISTED))


def test_a_list_says_kind_namespace_name_and_what_was_done() -> None:
    told = {
        (item.kind.api_version, item.kind.name, item.namespace, item.name, item.action)
        for item in listed()
    }
    assert told == {
        ("apps/v1", "Deployment", "pay-app", "web", ""),
        ("v1", "ConfigMap", "pay-app", "kube-root-ca.crt", ""),
        ("v1", "ConfigMap", "pay-log", "web", "created"),
        ("v1", "Namespace", "", "pay-app", ""),
        ("v1", "Namespace", "", "pay-log", "updated"),
        ("v1", "Pod", "pay-app", "web-1", "skipped"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:web", ""),
    }


def test_a_namespace_belongs_to_itself_and_goes_where_it_is_restored_to() -> None:
    chosen = choose(listed(), ["pay-app"], {"pay-app": "pay-tried"})
    assert {item.namespace or item.name for item in chosen} == {"pay-tried"}
    assert len(chosen) == 4


def test_without_a_choice_everything_counts() -> None:
    assert choose(listed(), [], {}) == listed()


def test_what_controllers_make_does_not_last_and_what_namespaces_get_is_given() -> None:
    assert {item.kind.name for item in listed() if not item.lasting} == {"Pod"}
    assert [item.name for item in listed() if item.given] == ["kube-root-ca.crt"]


def test_an_object_is_told_with_its_group() -> None:
    told = [item.told(there=True)["label"] for item in listed()]
    assert "Deployment.apps web in pay-app" in told
    assert "Namespace pay-app" in told


def test_messages_name_their_namespace() -> None:
    report = {"velero": ["v"], "cluster": None, "namespaces": {"b": ["2"], "a": ["1", "3"]}}
    assert messages(report) == ["v", "a: 1", "a: 3", "b: 2"]
    assert messages({}) == []


def test_files_are_packed_or_not() -> None:
    text = json.dumps(LISTED).encode()
    assert unpack(text) == unpack(gzip.compress(text)) == LISTED
    for broken in (b"<html>", gzip.compress(text)[:20]):
        with pytest.raises(ValueError, match=r"Expecting value|unpacked"):
            unpack(broken)


def body(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "b"}, "spec": {"includedNamespaces": ["a"]}, "status": status}


def test_what_velero_has_not_seen_is_new() -> None:
    told = describe({"metadata": {"name": "b"}, "spec": {}})
    assert (told["phase"], told["ended"], told["items_total"]) == ("New", False, 0)


@pytest.mark.parametrize("phase", ["WaitingForPluginOperationsPartiallyFailed", "Finalizing"])
def test_what_is_nearly_done_has_not_ended(phase: str) -> None:
    assert not describe(body(phase=phase))["ended"]


def test_reasons_are_those_of_validation_and_of_the_failure() -> None:
    told = describe(body(phase="FailedValidation", validationErrors=["v"], failureReason="f"))
    assert told["ended"]
    assert told["reasons"] == ["v", "f"]


def test_backups_and_restores_count_alike() -> None:
    for done in ("itemsBackedUp", "itemsRestored"):
        told = describe(body(progress={done: 3, "totalItems": 4}))
        assert (told["items_done"], told["items_total"]) == (3, 4)


def test_what_is_being_deleted_says_so() -> None:
    going = body(phase="Completed")
    going["metadata"]["deletionTimestamp"] = "2026-11-22T05:00:00Z"
    assert describe(going)["phase"] == "Deleting"


def test_nothing_is_told_of_what_is_not_there() -> None:
    assert describe(None) == {"exists": False, "phase": "", "ended": False}
