# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rolling restart: one member at a time, each awaited before the next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    Outcome,
    Pending,
    Response,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    PATIENCE,
    FailedError,
    patiently,
    watch,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import (
    Expectation,
    unmet,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.restart_plan import (
    RESTART,
    SKIP,
    SWITCHOVER,
    Step,
    back,
    check,
    plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.switchover import (
    GRACE,
    answer_result,
    rejection,
    switchover,
)


@dataclass(frozen=True)
class Options:
    """What the caller asks for; times in seconds, each turn has ``wait_timeout``, the first look ``patience``."""

    pending_only: bool = True
    leader: str = SWITCHOVER
    only: tuple[str, ...] = ()
    maximum_lag: int | None = None
    wait_timeout: float = 120.0
    poll_interval: float = 0.2
    check_mode: bool = False
    patience: float = PATIENCE


def options_from(params: Mapping[str, Any], check_mode: bool) -> Options:
    """The options of the module."""
    return Options(
        pending_only=params["pending_only"],
        leader=params["leader"],
        only=tuple(params["only"]),
        maximum_lag=params["maximum_lag"],
        wait_timeout=params["wait_timeout"],
        poll_interval=params["poll_interval"],
        check_mode=check_mode,
    )


def restart(client: PatroniClient, options: Options) -> dict[str, Any]:
    """Restart what the plan says. Raises ``RefusedError``, ``FailedError``."""
    state = patiently(lambda: _look(client, options), options.patience, options.poll_interval)
    steps = plan(state, options.pending_only, options.leader, options.only)
    planned = [step.as_result() for step in steps]
    result: dict[str, Any] = {"changed": bool(steps), "plan": planned, "restarted": []}
    if not options.check_mode:
        for step in steps:
            result["restarted"].append(_turn(client, options, step, result))
        state = client.observe()
        if options.leader == RESTART and result["restarted"]:
            # Parameters of which some grew and some shrank: standbys can shrink theirs only now.
            for step in plan(state, True, SKIP, options.only):
                result["restarted"].append(_turn(client, options, step, result))
            state = client.observe()
    result["pending_restart"] = [item.name for item in state.members if item.pending_restart]
    result["leader"] = state.leader.name if state.leader else None
    return result


def _look(client: PatroniClient, options: Options) -> ClusterState:
    state = client.observe()
    check(state, options.only)
    return state


def _turn(
    client: PatroniClient, options: Options, step: Step, sofar: dict[str, Any]
) -> dict[str, Any]:
    """One member's turn, with what was done so far in each failure."""
    began = time.time()
    _settle(client, options, sofar)
    state = client.observe()
    before = state.member(step.member)
    if before is None:
        raise _failure("member_left", f"{step.member} is no member any more.", sofar)
    done = step.as_result()
    if step.action == SWITCHOVER and before.is_leader:
        done["new_leader"] = _hand_over(client, options)
        _await_back(client, options, before, None, sofar)
        state = client.observe()
        again = state.member(step.member)
        if again is not None and again.pending_restart:
            _restart_member(client, options, again, sofar)
    else:
        _restart_member(client, options, before, sofar)
    return dict(done, began=began, seconds=round(time.time() - began, 3))


def _settle(client: PatroniClient, options: Options, sofar: dict[str, Any]) -> None:
    """Before each turn all who are in the cluster and answer must stream."""
    expected = Expectation(("leader", "sync_standby"))
    state = watch(
        client, lambda seen: not unmet(seen, expected), options.wait_timeout, options.poll_interval
    )
    missing = unmet(state, expected) if state is not None else ["no member answers"]
    if missing:
        raise _failure("not_ready", f"The cluster is not ready: {'; '.join(missing)}.", sofar)


def _hand_over(client: PatroniClient, options: Options) -> str:
    result = switchover(
        client,
        None,
        options.maximum_lag,
        options.wait_timeout,
        options.poll_interval,
        check_mode=False,
    )
    return str(result["new_leader"])


def _restart_member(
    client: PatroniClient, options: Options, before: Member, sofar: dict[str, Any]
) -> None:
    body = {"restart_pending": True} if options.pending_only else {}
    asked = client.post(before.api_url, "/restart", body, options.wait_timeout)
    _await_back(client, options, before, asked, sofar)


def _await_back(
    client: PatroniClient,
    options: Options,
    before: Member,
    asked: Pending | None,
    sofar: dict[str, Any],
) -> None:
    refusals: list[float] = []

    def see(state: ClusterState) -> bool:
        return back(state, before, _limit(state, options)) or _is_refused(asked, refusals)

    state = watch(client, see, options.wait_timeout, options.poll_interval)
    if state is not None and back(state, before, _limit(state, options)):
        return
    outcome = asked.outcome if asked is not None else None
    words = answer_result(outcome) or {"text": "none", "status": None}
    raise _failure(
        rejection(outcome) or "not_back",
        f"{before.name} is not back after its restart. Patroni's answer: {words['text']} "
        f"({words['status']}). Look at the logs of Patroni and PostgreSQL there.",
        sofar,
    )


def _limit(state: ClusterState, options: Options) -> int:
    return state.maximum_lag if options.maximum_lag is None else options.maximum_lag


def _is_refused(asked: Pending | None, since: list[float]) -> bool:
    """Whether an answer that is no success stands for a while without a restart to be seen."""
    outcome: Outcome | None = asked.outcome if asked is not None else None
    if not isinstance(outcome, Response) or outcome.ok:
        return False
    if rejection(outcome):
        return True
    since.append(time.monotonic())
    return since[-1] - since[0] > GRACE


def _failure(reason: str, message: str, sofar: dict[str, Any]) -> FailedError:
    begun = bool(sofar["restarted"])
    return FailedError(reason, message, **dict(sofar, changed=begun))
