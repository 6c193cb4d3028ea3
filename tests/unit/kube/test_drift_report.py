"""Drift in words, from results of check mode."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.drift_report import (
    differences,
    lines,
)


def result(action: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "ResourceQuota",
        "name": "groundwork",
        "namespace": "nx-app",
        "action": action,
        **more,
    }


def test_what_is_as_described_is_not_told() -> None:
    assert differences([result("unchanged")]) == []
    assert lines("cluster-main", []) == ["cluster-main: as in the inventory"]


def test_each_difference_has_its_word_and_its_fields_once() -> None:
    found = differences(
        [
            result("created"),
            result(
                "updated",
                changes=[
                    "spec.hard.pods: 7 → 12 (by kubectl-edit)",
                    "spec.hard.services: 3 → (none)",
                ],
                drift=["spec.hard.services (by kubectl-edit)"],
            ),
            result("pruned"),
            result("failed", message="ResourceQuota groundwork was rejected."),
            result("unchanged", drift=["data.more (by k9s)"]),
            result("updated", keys={"TOKEN": "changed"}),
        ]
    )
    assert [entry["is"] for entry in found] == [
        "missing",
        "changed",
        "not in the inventory",
        "cannot be compared",
        "changed",
        "changed",
    ]
    assert [entry["details"] for entry in found] == [
        [],
        ["spec.hard.pods: 7 → 12 (by kubectl-edit)", "spec.hard.services: 3 → (none)"],
        [],
        ["ResourceQuota groundwork was rejected."],
        ["data.more (by k9s): not in the inventory"],
        ["TOKEN: changed"],
    ]


def test_lines_name_cluster_object_and_field() -> None:
    found = differences([result("updated", changes=["spec.hard.pods: 7 → 12"])])
    assert lines("cluster-main", found) == [
        "cluster-main: 1 object differs",
        "  ResourceQuota groundwork in nx-app: changed",
        "    spec.hard.pods: 7 → 12",
    ]
