# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster's state as a result, after waiting for what the caller expects."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    PATIENCE,
    FailedError,
    patiently,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import (
    CONDITIONS,
    Expectation,
    problems,
    unmet,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    RefusedError,
)


def expectation(params: dict[str, Any]) -> Expectation:
    """The caller's expectation from a module's options. Raises ``ValueError``."""
    unknown = [name for name in params["wait_for"] if name not in CONDITIONS]
    if unknown:
        raise ValueError("unknown condition {}".format(", ".join(unknown)))
    return Expectation(
        conditions=tuple(params["wait_for"]),
        leader_is=params["leader_is"],
        members_present=tuple(params["members_present"]),
        members_absent=tuple(params["members_absent"]),
        maximum_lag=params["maximum_lag"],
    )


def report(
    state: ClusterState, maximum_lag: int | None, strangers: dict[str, str]
) -> dict[str, Any]:
    """The cluster as the module returns it."""
    found = problems(state, maximum_lag)
    leader = state.leader
    return {
        "changed": False,
        "scope": state.scope,
        "leader": leader.name if leader else None,
        "leader_url": leader.api_url if leader else None,
        "timeline": leader.timeline if leader else None,
        "synchronous_mode": state.synchronous_mode,
        "sync_standbys": [item.name for item in state.sync_standbys],
        "replicas": [item.name for item in state.replicas],
        "members": [item.as_result() for item in state.members],
        "paused": state.paused,
        "pending_restart": [item.name for item in state.members if item.pending_restart],
        "not_answering": [item.name for item in state.members if not item.reachable],
        "unknown_urls": strangers,
        "config": dict(state.config),
        "healthy": not found,
        "problems": [item.as_result() for item in found],
    }


def cluster_info(
    client: PatroniClient,
    expected: Expectation,
    timeout: float,
    interval: float,
    check_mode: bool,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """Look until the expectation holds. Raises ``RefusedError`` (unreachable) and ``FailedError`` (wait_timeout).

    In check mode one look is enough: what an earlier task would have done has not happened.
    The cluster gets ``patience`` (seconds) to answer at all where nothing is waited for.
    """
    started = time.monotonic()
    if check_mode or expected.is_empty:
        return patiently(lambda: _look(client, expected, started), patience, interval)
    while True:
        try:
            result = _look(client, expected, started)
            if not result["unmet"]:
                return result
            found: Exception = FailedError(
                "wait_timeout",
                "After {:.0f} s the cluster is not as expected: {}".format(
                    result["waited"], "; ".join(result["unmet"])
                ),
                **result,
            )
        except RefusedError as refused:
            found = refused
        if time.monotonic() - started >= timeout:
            raise found
        time.sleep(interval)


def _look(client: PatroniClient, expected: Expectation, started: float) -> dict[str, Any]:
    state = client.observe()
    return dict(
        report(state, expected.maximum_lag, client.strangers),
        unmet=unmet(state, expected),
        waited=round(time.monotonic() - started, 3),
    )
