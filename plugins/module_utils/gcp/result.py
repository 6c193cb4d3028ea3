# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module returns: the plan, what became of it, and one message of all that went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.apply import GONE
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import SECRET
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    Problem,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import (
    CREATE,
    DELETE,
    REFUSED,
    REPLACED,
    UNCHANGED,
    UPDATE,
    Step,
)

Report = dag.Report[Any]
_CHANGING = (CREATE, UPDATE, REPLACED, DELETE)
_DOING = {CREATE: "created", UPDATE: "updated", REPLACED: "made again", DELETE: "deleted"}
#: How it is told that a replacement ended half-way.
_LOST = "is deleted and not made again"
#: Payloads are in nothing that is returned; these are keys in answers of Google that hold one.
_HIDDEN = SECRET | {"payload", "privateKeyData", "clientKey"}


def planned(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The plan for people and playbooks."""
    return [_step(step) for step in steps]


def outcome(
    steps: Sequence[Step],
    report: Report | None,
    outputs: Mapping[str, Any],
    carried_out: bool = True,
) -> dict[str, Any]:
    """The module's result. Times are seconds; a plan that is not carried out has no report and no results."""
    results = [_result(step, report) for step in steps]
    done = any(each["state"] == dag.DONE for each in results) or any(map(is_lost, results))
    changed = done if carried_out else any(step.action in _CHANGING for step in steps)
    found: dict[str, Any] = {
        "changed": changed,
        "plan": planned(steps),
        "resources": {
            step.key: shown(outputs[step.resource.link])
            for step in steps
            if step.resource.link in outputs and step.resource.present
        },
        "diff": [_diff(step) for step in steps if step.action in _CHANGING],
        "msg": _summary(steps, carried_out),
    }
    if carried_out:
        for each, step in zip(results, steps):
            each["link"] = step.resource.link
            each["output"] = found["resources"].get(step.key, {})
        found.update(
            results=results,
            makespan=round(report.makespan, 3) if report else 0.0,
            critical_path=list(report.critical_path) if report else [],
            critical_seconds=round(report.critical_seconds, 3) if report else 0.0,
        )
    return found


def failures(found: Mapping[str, Any]) -> tuple[str, str]:
    """Reason and message of all that failed, empty where nothing did."""
    failed = [each for each in found.get("results", ()) if each["state"] == dag.FAILED]
    if not failed:
        return "", ""
    counts = {
        state: sum(each["state"] == state for each in found["results"])
        for state in (dag.DONE, dag.SKIPPED)
    }
    lost = [each for each in found["results"] if each["state"] == dag.SKIPPED and is_lost(each)]
    said = " ".join(each["message"] for each in (*failed, *lost))
    rest = f"; {counts[dag.SKIPPED]} were left out, as they need it" if counts[dag.SKIPPED] else ""
    return (
        failed[0]["reason"],
        f"{len(failed)} failed, {counts[dag.DONE]} were changed{rest}. {said} A run later begins with what is left.",
    )


def is_lost(result: Mapping[str, Any]) -> bool:
    """Whether a replacement got no further than the deletion."""
    return _LOST in result["message"]


def refused(steps: Sequence[Step]) -> list[Problem]:
    """Why nothing is done."""
    return [Problem(step.reason, step.why) for step in steps if step.action == REFUSED]


def shown(value: Any) -> Any:
    """What Google tells of a resource, without secrets."""
    if isinstance(value, Mapping):
        return {
            name: "(secret)" if name in _HIDDEN else shown(part) for name, part in value.items()
        }
    if isinstance(value, list):
        return [shown(part) for part in value]
    return value


def _step(step: Step) -> dict[str, Any]:
    resource = step.resource
    found: dict[str, Any] = {
        "key": step.key,
        "type": resource.type,
        "name": resource.name,
        "project": resource.project,
        "location": resource.location,
        "action": step.action,
        "changes": [
            {"field": change.field, "before": shown(change.before), "after": shown(change.after)}
            for change in step.changes
        ],
        "lost": step.lost,
        "in_place": step.in_place,
    }
    if step.action == REFUSED:
        found.update(reason=step.reason, message=step.why)
    return found


def _result(step: Step, report: Report | None) -> dict[str, Any]:
    found = {"key": step.key, "state": UNCHANGED, "seconds": 0.0, "message": "", "reason": ""}
    if report is None or step.key not in report.results:
        return found
    own = [report.results[key] for key in (step.key + GONE, step.key) if key in report.results]
    found["seconds"] = round(sum(each.seconds for each in own), 3)
    bad = next((each for each in own if each.state == dag.FAILED), None)
    if bad is not None:
        error = bad.error
        reason = error.reason if isinstance(error, GcpError) else "failed"
        message = f"{step.key} was not {_DOING[step.action]}: {error}"
        if own[0] is not bad:
            message = f"{step.key} {_LOST}: {error} A run later makes it, without being allowed to."
        return {**found, "state": dag.FAILED, "reason": reason, "message": message}
    last = own[-1]
    if last.state == dag.SKIPPED:
        message = f"left out, as it needs {last.because}, which failed"
        if own[0].state == dag.DONE:
            message = f"{step.key} {_LOST}, as it needs {last.because}, which failed. A run later makes it."
        return {**found, "state": dag.SKIPPED, "reason": "needs", "message": message}
    return {**found, "state": last.state}


def _diff(step: Step) -> dict[str, str]:
    """One diff for each resource: declared fields before and after."""
    resource = step.resource
    before: dict[str, Any] = {change.field: shown(change.before) for change in step.changes}
    after: dict[str, Any] = {change.field: shown(change.after) for change in step.changes}
    if step.action == CREATE:
        after = {name: shown(_texts(value)) for name, value in resource.body.items()}
        after.update({"payload": "(secret)"} if resource.payload else {})
    if step.action == DELETE:
        before = {"there": True}
    return {
        "before_header": step.key,
        "after_header": f"{step.key} ({step.action})",
        "before": _lines(before),
        "after": _lines(after),
    }


def _lines(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, indent=2, sort_keys=True, default=str) + "\n" if fields else ""


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _texts(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(part) for part in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _summary(steps: Sequence[Step], carried_out: bool) -> str:
    counts = {
        action: sum(step.action == action for step in steps)
        for action in (*_CHANGING, UNCHANGED, REFUSED)
    }
    words = ", ".join(f"{number} {action}" for action, number in counts.items() if number)
    return f"{words or 'nothing declared'}{'' if carried_out else ' (planned)'}"
