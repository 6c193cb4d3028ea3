# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module returns of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    decide as decisions,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import (
    completed,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    rollout_key,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import Done, Fate

#: States of a service that was left as it is, and of one that would run (check mode).
SKIPPED, LEFT_OUT, WOULD_RUN = "skipped", "left_out", "would_run"


def shown(done: Done) -> dict[str, Any]:
    """The module's result. Times are seconds."""
    changed = {rollout_key(service): value for service, value in done.changed.items()}
    services = [_service(key, done, changed.get(key)) for key in done.needs]
    result: dict[str, Any] = {"services": services, "changed": any(map(_moved, services))}
    if done.report:
        result["makespan"] = round(done.report.makespan, 3)
        result["critical_path"] = list(done.report.critical_path)
        result["critical_seconds"] = round(done.report.critical_seconds, 3)
    return result


def failures(result: Mapping[str, Any]) -> str:
    """One message of all that failed and of what it held back, empty where all is well."""
    services = result["services"]
    broken = [entry for entry in services if entry["state"] == dag.FAILED]
    if not broken:
        return ""
    left = [entry["name"] for entry in services if entry["state"] in (LEFT_OUT, dag.CANCELLED)]
    texts = [f"{entry['name']}: {entry['message'].rstrip('.')}." for entry in broken]
    texts += [f"Left out, as they need it: {', '.join(left)}."] if left else []
    return " ".join(texts)


def _service(key: str, done: Done, changed: bool | None) -> dict[str, Any]:
    found = done.report.results[key] if done.report else None
    fate = done.fates.get(key)
    entry: dict[str, Any] = {
        "name": key,
        "needs": list(done.needs[key]),
        "state": _state(fate, found, changed),
    }
    if changed is not None:
        entry["changed"] = changed
    if fate:
        entry |= _told(fate)
    if found and found.started is not None:
        entry |= {"started": round(found.started, 3), "seconds": round(found.seconds, 3)}
    if found and found.error is not None:
        reason = found.error.reason if isinstance(found.error, KubeError) else "failed"
        entry |= {"reason": reason, "message": str(found.error)}
    if found and found.because:
        entry["message"] = f"{found.because} failed"
    return entry


def _state(fate: Fate | None, found: dag.Result[None] | None, changed: bool | None) -> str:
    skips = fate is not None and fate.action == decisions.SKIP
    if found is None:
        return SKIPPED if skips or changed is False else WOULD_RUN
    if found.state == dag.DONE:
        return SKIPPED if skips else dag.DONE
    return LEFT_OUT if found.state == dag.SKIPPED else found.state


def _told(fate: Fate) -> dict[str, Any]:
    migration = fate.migration
    told: dict[str, Any] = {
        "version": migration.version,
        "job": migration.name,
        "checksum": migration.checksum,
        "gate_seconds": round(fate.gates, 3),
        "why": fate.why,
        "failures": [asdict(end) for end in fate.failures],
    }
    seconds = job_seconds(fate.job or {})
    return told if seconds is None else {**told, "job_seconds": seconds}


def job_seconds(job: Mapping[str, Any]) -> float | None:
    """From a Job's creation to its completion, as the cluster writes them (whole seconds)."""
    ended = completed(job)
    if not ended:
        return None
    return (_time(ended) - _time(job["metadata"]["creationTimestamp"])).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _moved(entry: Mapping[str, Any]) -> bool:
    if entry["state"] in (SKIPPED, LEFT_OUT, dag.CANCELLED):
        return False
    return "job" in entry or bool(entry.get("changed"))
