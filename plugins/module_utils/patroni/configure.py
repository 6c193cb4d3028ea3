# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dynamic configuration: what differs from the desired one, and its change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import HttpError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import FailedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    RefusedError,
)

#: Looks at a configuration that others change at the same time (409) before giving up.
ATTEMPTS = 3

#: States of a cluster rather than settings: their absence in a desired configuration ends neither a
#: maintenance nor the following of another cluster.
KEPT = ("pause", "standby_cluster")


@dataclass(frozen=True)
class Change:
    """A patch for ``PATCH /config`` and the parts that it changes, before and after."""

    patch: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def equal(current: Any, desired: Any) -> bool:
    """Whether Patroni would see no change: it compares by the values' text."""
    return str(current) == str(desired)


def without_nulls(value: Any) -> Any:
    """A new subtree keeps no key that is to be removed."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def change(current: Mapping[str, Any], desired: Mapping[str, Any], replace: bool = False) -> Change:
    """What must change so that ``current`` holds ``desired``.

    A null removes a key, and so does its absence with ``replace``, but for ``KEPT``.
    """
    patch: dict[str, Any] = {}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    wanted = dict(desired)
    if replace:
        wanted.update({key: None for key in current if key not in desired and key not in KEPT})
    for key, value in wanted.items():
        present = key in current
        old = current.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = change(old, value, replace)
            if inner.patch:
                patch[key], before[key], after[key] = inner.patch, inner.before, inner.after
            continue
        new = without_nulls(value)
        if (new is None and not present) or (new is not None and present and equal(old, new)):
            continue
        patch[key] = new
        if present:
            before[key] = old
        if new is not None:
            after[key] = new
    return Change(patch, before, after)


def needs_settling(patch: Mapping[str, Any]) -> bool:
    """Whether members may find, a loop later, that they need a restart."""
    return bool(patch.get("postgresql"))


def configure(
    client: PatroniClient,
    desired: Mapping[str, Any],
    replace: bool,
    timeout: float,
    interval: float,
    check_mode: bool,
) -> dict[str, Any]:
    """Change the configuration and wait until every member that answers has it.

    Raises ``RefusedError``, ``FailedError``.
    """
    state = client.observe()
    if not state.config:
        raise RefusedError("no_configuration", "No member told the dynamic configuration.")
    wanted = change(state.config, desired, replace)
    if wanted.patch and not check_mode:
        _apply(client, desired, replace)
        state = _wait(client, desired, replace, needs_settling(wanted.patch), timeout, interval)
    return {
        "changed": bool(wanted.patch),
        "patch": dict(wanted.patch),
        "diff": {"before": dict(wanted.before), "after": dict(wanted.after)},
        "config": dict(state.config),
        "pending_restart": [item.name for item in state.members if item.pending_restart],
        "not_answering": [item.name for item in state.members if not item.reachable],
    }


def _apply(client: PatroniClient, desired: Mapping[str, Any], replace: bool) -> None:
    for _attempt in range(ATTEMPTS):
        state = client.observe()
        patch = change(state.config, desired, replace).patch
        if not patch:
            return
        target = state.leader if state.leader is not None and state.leader.reachable else None
        base = (target or next(item for item in state.members if item.reachable)).api_url
        try:
            answer = client.patch_config(base, patch)
        except HttpError:
            continue  # it may have arrived: look again
        if answer.status in (401, 403):
            raise RefusedError("unauthorized", f"Patroni refused: {answer.text.strip()}.")
        if not answer.ok and answer.status != 409:
            raise FailedError(
                "not_configured",
                f"PATCH {base}/config: status {answer.status}: {answer.text.strip()}",
            )


def _wait(
    client: PatroniClient,
    desired: Mapping[str, Any],
    replace: bool,
    settle: bool,
    timeout: float,
    interval: float,
) -> ClusterState:
    """Wait until all who answer show the configuration and, for parameters, have had a loop."""
    began = time.monotonic()
    while True:
        configs = client.configs()
        state = client.observe()
        late = [url for url, config in configs.items() if change(config, desired, replace).patch]
        passed = time.monotonic() - began
        everyone_knows = all(item.pending_restart for item in state.members if item.reachable)
        settled = not settle or everyone_knows or passed > loop_wait(state) + 1.0
        if not late and settled and configs:
            return state
        if passed > timeout + (loop_wait(state) if settle else 0.0):
            raise FailedError(
                "not_taken_over",
                f"After {passed:.0f} s these do not show the configuration: {', '.join(late)}",
                changed=True,
            )
        time.sleep(interval)


def loop_wait(state: ClusterState) -> float:
    """Seconds after which every member has run its loop."""
    value = state.config.get("loop_wait", 10)
    return float(value) if isinstance(value, (int, float)) else 10.0
