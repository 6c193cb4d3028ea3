# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module returns of all components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    OURS,
    Component,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.run import (
    Done,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import UNCHANGED
from ansible_collections.groundwork.platform.plugins.module_utils.kube.bulk import told
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import summary

CHANGED, SAME = "changed", "unchanged"
LEFT, OFF = "left", "off"


def shown(components: Sequence[Component], done: Done) -> dict[str, Any]:
    """The module's result. Times are seconds."""
    outcomes = [
        outcome
        for fate in done.fates.values()
        for outcome in (*fate.outcomes.values(), *fate.pruned)
    ]
    whole = summary(outcomes)
    return {
        "changed": whole["changed"],
        "counts": whole["counts"],
        "diff": whole["diff"],
        "components": [
            _installed(done.fates[component.name])
            if component.name in done.fates
            else _others(component)
            for component in components
        ],
        "makespan": round(done.makespan, 3),
        "critical_path": list(done.critical_path),
        "critical_seconds": round(done.critical_seconds, 3),
        **({"problem": done.problem} if done.problem else {}),
    }


def failures(result: Mapping[str, Any]) -> str:
    """One message of all that is not as it should be, empty where all is well."""
    entries = result["components"]
    broken = [entry for entry in entries if entry["state"] in (dag.FAILED, dag.SKIPPED)]
    texts = [f"{entry['name']}: {entry['message']}" for entry in broken]
    if broken:
        texts.insert(0, f"{len(broken)} of {len(entries)} components are not as they should be.")
    return " ".join([*texts, *filter(None, [result.get("problem")])])


def _installed(fate: Fate) -> dict[str, Any]:
    component, result = fate.part.component, fate.result
    outcomes = [*fate.outcomes.values(), *fate.pruned]
    told_objects = summary(outcomes)
    found: dict[str, Any] = {
        "name": component.name,
        "namespace": component.namespace,
        "source": str(component.source) or "manifests",
        "needs": list(fate.needs),
        "counts": told_objects["counts"],
        "objects": [
            entry
            for entry in told_objects["results"]
            if entry["action"] != UNCHANGED or "drift" in entry or "warnings" in entry
        ],
        "hooks_left_out": list(fate.part.rendered.left_out),
        "kept": list(fate.part.kept),
    }
    if result is None:
        raise ValueError(f"{component.name} has no result")
    if result.started is not None:
        found.update(started=round(result.started, 3), seconds=round(result.seconds, 3))
    return {**found, **_state(fate, result, told_objects["changed"])}


def _state(fate: Fate, result: dag.Result[None], changed: bool) -> dict[str, str]:
    if result.state == dag.SKIPPED:
        message = f"it was left out, as it needs {result.because}, which failed."
        return {"state": dag.SKIPPED, "reason": "needs", "message": message}
    if isinstance(result.error, KubeError):
        return {
            "state": dag.FAILED,
            "reason": result.error.reason,
            "message": str(result.error),
        }
    if fate.broken:
        return {
            "state": dag.FAILED,
            "reason": "objects",
            "message": told(fate.broken, len(fate.pruned)),
        }
    return {"state": CHANGED if changed else SAME}


def _others(component: Component) -> dict[str, Any]:
    found = {
        "name": component.name,
        "namespace": component.namespace,
        "needs": list(component.needs),
    }
    if component.owner != OURS and component.enabled:
        return {**found, "state": LEFT, "message": f"{component.owner} applies it"}
    return {**found, "state": OFF, "message": "not enabled"}
