# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of app_release."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    RELEASED,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    STAYS,
    WOULD_BRING_BACK,
    WOULD_RELEASE,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.run import Done
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.services import (
    soak_told,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    result as migrated,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    rollout_key,
)


def shown(done: Done) -> dict[str, Any]:
    """The module's result. Times are seconds."""
    whole = migrated.shown(done.migrated)
    rollouts = {rollout_key(name) for name in done.fates}
    times = {entry["name"]: entry for entry in whole.pop("services")}
    result = {
        **whole,
        "services": [
            _service(fate, times.get(rollout_key(name), {})) for name, fate in done.fates.items()
        ],
        "migrations": [entry for name, entry in times.items() if name not in rollouts],
    }
    result["changed"] = whole["changed"] or any(map(_moved, done.fates.values()))
    if done.soaked:
        result["soak_seconds"] = round(done.soaked.seconds, 1)
    if done.notes:
        result["notes"] = list(done.notes)
    if done.reason:
        result["reason"] = done.reason
    return result


def _moved(fate: Fate) -> bool:
    return fate.begun or fate.state in (
        WOULD_RELEASE,
        WOULD_BRING_BACK,
        ROLLED_BACK,
        ROLLBACK_FAILED,
    )


def _service(fate: Fate, times: dict[str, Any]) -> dict[str, Any]:
    revision = fate.kept.revision
    entry: dict[str, Any] = {
        "name": fate.service.name,
        "namespace": fate.service.namespace,
        "deployment": fate.service.deployment,
        "version": revision.version,
        "image": revision.image,
        "state": fate.state,
        "revision": revision.number,
        "previous": fate.back.version if fate.back else "",
        "changes": list(fate.changes),
        "parts": dict(fate.seconds),
    }
    if "started" in times:
        entry |= {"started": times["started"], "seconds": times["seconds"]}
    if fate.state in (RELEASED, ROLLED_BACK, STAYS) or fate.soaked:
        entry["soak"] = soak_told(fate)
    for key in ("why", "reason", "message"):
        if value := getattr(fate, key):
            entry[key] = value
    if revision.rollback_of:
        entry["rollback_of"] = revision.rollback_of
    return entry
