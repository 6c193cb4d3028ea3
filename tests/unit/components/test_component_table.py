"""The table at the end of a run."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.components.table import (
    component_table,
)


def test_each_component_has_a_line_and_each_failure_its_words() -> None:
    lines = component_table(
        {
            "components": [
                {
                    "name": "cert-manager",
                    "state": "changed",
                    "seconds": 12.34,
                    "counts": {"created": 40, "updated": 0, "pruned": 1},
                    "hooks_left_out": ["Job check (test)"],
                    "kept": ["Secret s: data.password", "Secret s: data.key"],
                },
                {
                    "name": "issuers",
                    "state": "failed",
                    "seconds": 1.0,
                    "counts": {"failed": 1},
                    "reason": "objects",
                    "message": "The API said no.",
                },
                {"name": "argo", "state": "left", "message": "argocd applies it"},
            ],
            "makespan": 13.4,
            "critical_path": ["cert-manager", "issuers"],
            "critical_seconds": 13.34,
        }
    )
    assert lines == [
        "component     state    seconds  objects               note",
        "cert-manager  changed  12.3     40 created, 1 pruned  hooks left out: 1, made-up values kept: 2",
        "issuers       failed   1.0      1 failed",
        "argo          left     -        -                     argocd applies it",
        "13.4 s in all; longest chain 13.3 s: cert-manager → issuers",
        "! issuers: The API said no.",
    ]


def test_a_refusal_is_told_in_its_words() -> None:
    assert component_table({"msg": "No."}) == ["No."]
