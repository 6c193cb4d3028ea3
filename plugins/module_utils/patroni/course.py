# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The course of a handover, noted while it is watched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Callable, TypeVar

from ansible_collections.groundwork.platform.plugins.module_utils.http import HttpError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    PassingError,
    RefusedError,
)

T = TypeVar("T")

#: Seconds for which a first look is repeated that may pass by itself: an election of etcd (1 to 2
#: time-outs of 1 s) and Patroni's turn to another endpoint (``retry_timeout`` of up to 10 s, a third
#: of it for each try).
PATIENCE = 10.0


class FailedError(Exception):
    """An operation that began and did not reach its end.

    ``reason`` is a stable code, ``result`` what is known of the course.
    """

    def __init__(self, reason: str, message: str, **result: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.result = result


class Course:
    """Epoch seconds at which each phase was first seen (not when it happened: polls are apart)."""

    def __init__(
        self, old_leader: str | None, old_timeline: int | None, followers: Iterable[str]
    ) -> None:
        self.old_leader = old_leader
        self.old_timeline = old_timeline
        self.followers = frozenset(followers)
        self.phases: dict[str, float] = {}
        self.new_leader: str | None = None
        self.new_timeline: int | None = None
        self._started = time.monotonic()

    def mark(self, phase: str, at: float | None = None) -> None:
        """Note the first sight of a phase."""
        self.phases.setdefault(phase, time.time() if at is None else at)

    def see(self, state: ClusterState) -> None:
        """Take one observation in."""
        leader = state.leader
        if leader is None or leader.name != self.old_leader:
            self.mark("leader_released", state.observed_at)
        if leader is None or leader.name == self.old_leader or not leader.runs_as_primary:
            return
        self.mark("new_leader_running", state.observed_at)
        self.new_leader = leader.name
        self.new_timeline = leader.timeline
        if leader.sync_connections > 0 or not state.commits_wait_after_promotion:
            self.mark("accepts_writes", state.observed_at)
        if not self.late(state):
            self.mark("standbys_following", state.observed_at)

    def late(self, state: ClusterState) -> list[str]:
        """Names of those that must follow the new leader and do not yet."""
        return [
            name
            for name in sorted(self.followers - {self.new_leader})
            if not self._follows(state, state.member(name))
        ]

    def _follows(self, state: ClusterState, item: Member | None) -> bool:
        """The leader's own list of connections is up to a loop fresher than a standby's timeline."""
        if item is None or item.running_state != "running":
            return False
        if state.leader is not None and item.name in state.leader.streaming_to:
            return True
        return item.follows and item.timeline == self.new_timeline

    @property
    def done(self) -> bool:
        """Whether everyone who must follow the new leader does."""
        return "standbys_following" in self.phases

    def as_result(self) -> dict[str, object]:
        """The course as modules return it; ``elapsed`` in seconds."""
        return {
            "old_leader": self.old_leader,
            "new_leader": self.new_leader,
            "old_timeline": self.old_timeline,
            "new_timeline": self.new_timeline,
            "phases": dict(self.phases),
            "elapsed": round(time.monotonic() - self._started, 3),
        }


def followers(state: ClusterState, lost: str | None) -> list[str]:
    """Names of those that must follow the next leader: who runs, but for ``lost``.

    A member on an older timeline than another, and not streaming, did not follow before and is not waited for.
    """
    runs = [
        item
        for item in state.members
        if item.name != lost and item.reachable and item.running_state == "running"
    ]
    newest = max((item.timeline for item in runs if item.timeline), default=None)
    streaming = state.leader.streaming_to if state.leader is not None else ()
    return [
        item.name
        for item in runs
        # A standby's own timeline lags what it streams by up to a loop.
        if item.timeline in (None, newest) or item.follows or item.name in streaming
    ]


def patiently(look: Callable[[], T], patience: float, interval: float) -> T:
    """Repeat a ``look`` that raises ``PassingError``, for ``patience`` seconds; then raise it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return look()
        except PassingError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(interval)


def watch(
    client: PatroniClient,
    see: Callable[[ClusterState], bool],
    timeout: float,
    interval: float,
    skip: Iterable[str] = (),
) -> ClusterState | None:
    """Look at the cluster every ``interval`` seconds until ``see`` is content.

    Returns the last state seen, whether or not ``timeout`` (seconds) ran out;
    ``None`` where no look succeeded. Members that do not answer at a look are no
    reason to stop: they may be restarting.
    """
    deadline = time.monotonic() + timeout
    skipped = tuple(skip)
    last: ClusterState | None = None
    while True:
        try:
            # A member that hangs must not slow the looks at the others.
            last = client.observe(refresh_config=False, skip=skipped, within=max(1.0, interval))
            if see(last):
                return last
        except (RefusedError, HttpError):
            pass
        if time.monotonic() >= deadline:
            return last
        time.sleep(interval)
