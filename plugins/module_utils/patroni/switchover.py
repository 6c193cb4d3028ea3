# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A planned handover of the primary."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    HttpError,
    Outcome,
    Pending,
    Response,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.candidates import (
    switchover_leader,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import (
    Course,
    FailedError,
    followers,
    watch,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    RefusedError,
)

#: Answers that say for certain that nothing was begun, and their reason codes.
REJECTIONS = {400: "rejected", 401: "unauthorized", 403: "unauthorized", 412: "no_good_candidate"}

#: Seconds after which an answer of "failed" stands, if the cluster shows no handover.
GRACE = 5.0


def rejection(outcome: Outcome | None) -> str | None:
    """The reason code of an answer that refuses, ``None`` for any other.

    A 503, a time-out and a dropped connection say nothing: the handover may go on.
    """
    if isinstance(outcome, Response):
        return REJECTIONS.get(outcome.status)
    return None


def says_failed(outcome: Outcome | None) -> bool:
    """Whether Patroni removed the request without a handover (503, "... failed")."""
    return (
        isinstance(outcome, Response)
        and outcome.status == 503
        and outcome.text.strip().endswith("failed")
    )


def answer_result(outcome: Outcome | None) -> dict[str, Any] | None:
    """An answer for the record; ``status`` is null where none came."""
    if outcome is None:
        return None
    if isinstance(outcome, HttpError):
        return {"status": None, "text": str(outcome)}
    return {"status": outcome.status, "text": outcome.text.strip()}


class Handover:
    """One asked-for handover, watched until the cluster is where it was asked to be."""

    def __init__(
        self, client: PatroniClient, course: Course, timeout: float, interval: float
    ) -> None:
        self.client = client
        self.course = course
        self.timeout = timeout
        self.interval = interval
        #: Whether the old leader's coming back is an end, too: nothing was asked then.
        self.may_recover = False
        self._pending: Pending | None = None
        self._answered_at: float | None = None

    def ask(self, base: str, path: str, body: dict[str, Any]) -> None:
        """Send the request; its answer comes while the cluster is watched."""
        self.course.mark("requested")
        self._pending = self.client.post(base, path, body, self.timeout)

    @property
    def answer(self) -> Outcome | None:
        """What Patroni answered, while and where it did."""
        return self._pending.outcome if self._pending is not None else None

    def _see(self, state: ClusterState) -> bool:
        self.course.see(state)
        return self.course.done or (self.course.new_leader is None and self._is_over(state))

    def _is_over(self, state: ClusterState) -> bool:
        """Whether a refusal or a failure is certain: the answer says so and the cluster agrees."""
        leader = state.leader
        if leader is not None and leader.name != self.course.old_leader:
            return False
        if self._recovered(state):
            return True
        if rejection(self.answer):
            return True
        if self._answered_at is None:
            self._answered_at = time.monotonic()
        return says_failed(self.answer) and time.monotonic() - self._answered_at > GRACE

    def _recovered(self, state: ClusterState | None) -> bool:
        leader = state.leader if state is not None else None
        return self.may_recover and leader is not None and leader.runs_as_primary

    def wait(self, candidate: str | None, skip: tuple[str, ...] = ()) -> dict[str, Any]:
        """Watch, and return the result. Raises ``RefusedError`` and ``FailedError``."""
        state = watch(self.client, self._see, self.timeout, self.interval, skip)
        result: dict[str, Any] = dict(self.course.as_result(), answer=answer_result(self.answer))
        if self.course.done and candidate not in (None, self.course.new_leader):
            raise FailedError(
                "another_leader",
                f"{self.course.new_leader} took over instead of {candidate}: look at the candidate's log.",
                changed=True,
                **result,
            )
        if self.course.done:
            return result
        if self.course.new_leader is None and self._recovered(state):
            return dict(result, new_leader=self.course.old_leader)
        reason = rejection(self.answer)
        if self.course.new_leader is None and reason:
            words = answer_result(self.answer) or {}
            raise RefusedError(
                reason, "Patroni refused: {} ({}).".format(words.get("text"), words.get("status"))
            )
        raise self._failure(state, result)

    def _failure(self, state: ClusterState | None, result: dict[str, Any]) -> FailedError:
        if state is None:
            return FailedError(
                "unreachable",
                "No member answered after the request: the outcome is unknown.",
                **result,
            )
        if self.course.new_leader is None:
            holder = state.leader.name if state.leader else "nobody"
            return FailedError(
                "no_new_leader",
                "No new leader runs after {} s: {} holds the leader lock. Look at Patroni's logs.".format(
                    result["elapsed"], holder
                ),
                **result,
            )
        return FailedError(
            "standbys_not_following",
            "{} leads, but {} did not follow within {} s.".format(
                self.course.new_leader, ", ".join(self.course.late(state)), result["elapsed"]
            ),
            changed=True,
            **result,
        )


def switchover(
    client: PatroniClient,
    candidate: str | None,
    maximum_lag: int | None,
    timeout: float,
    interval: float,
    check_mode: bool,
) -> dict[str, Any]:
    """Hand the primary over and wait until all standbys follow. Raises ``RefusedError``, ``FailedError``.

    Without a candidate Patroni chooses, and the handover is faster: with one named,
    each standby that is not it waits 2 s before it follows (``time.sleep(2)`` in
    ``process_unhealthy_cluster`` of Patroni's ``ha.py``; 4.0 also waits without one
    where a standby finds itself behind another).
    """
    state = client.observe()
    leader = switchover_leader(state, candidate, maximum_lag)
    if leader is None:
        return {"changed": False, "old_leader": candidate, "new_leader": candidate, "phases": {}}
    course = Course(leader.name, leader.timeline, followers(state, None))
    if check_mode:
        return dict(course.as_result(), changed=True, new_leader=candidate, answer=None)
    handover = Handover(client, course, timeout, interval)
    body = {"leader": leader.name}
    if candidate is not None:
        body["candidate"] = candidate
    handover.ask(leader.api_url, "/switchover", body)
    result = handover.wait(candidate)
    return dict(result, changed=True)
