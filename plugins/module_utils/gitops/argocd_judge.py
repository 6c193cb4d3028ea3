# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a state of an Application means to a release that waits for a commit to be synced. Nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    Body,
    automated,
    broken,
    operation,
    out_of_sync,
    refreshing,
    retrying,
    revisions,
    revisions_of,
    sync_status,
    words_of,
)

#: What is to be done: nothing yet, nothing any more, give up, ask for a look at Git, ask once more whether Git is
#: really broken, ask for a sync, end the operation that runs.
WAIT, DONE, FAIL, LOOK, DOUBT, SYNC, END = "wait", "done", "fail", "look", "doubt", "sync", "end"

#: How Argo CD says that a part of its own does not answer just now.
_AWAY = re.compile(r"code = (?:Unavailable|DeadlineExceeded)")


@dataclass(frozen=True)
class Step:
    """What follows from a state, and what to tell of it."""

    act: str
    text: str


@dataclass(frozen=True)
class Aim:
    """What is waited for.

    ``reached`` says whether one of some revisions is the wanted one or comes after it. ``instead_of`` is a revision
    whose sync is ended rather than awaited. ``retries`` is how often Argo CD may try again. ``old_end`` is the time at
    which an operation had ended before anybody asked; ``asked``: a sync has been asked for.
    """

    revision: str
    reached: Callable[[Sequence[str]], bool]
    instead_of: str = ""
    retries: int = 0
    old_end: str = ""
    asked: bool = False


def judge(body: Body, aim: Aim) -> Step:
    """Say what follows from a state."""
    state = operation(body)
    if state is not None:
        return _during(state, aim)
    if refreshing(body):
        return Step(WAIT, "Argo CD looks at Git")
    words = broken(body)
    if words:
        return Step(LOOK if _AWAY.search(words) else DOUBT, words)
    if not aim.reached(revisions(body)):
        seen = ", ".join(map(short, revisions(body))) or "nothing"
        return Step(LOOK, f"Argo CD sees {seen}, not {short(aim.revision)}")
    return _at_rest(body, aim)


def short(revision: str) -> str:
    """A commit's id as people write it; versions of charts stay whole."""
    return revision[:8] if len(revision) >= 40 else revision


def _during(state: Body, aim: Aim) -> Step:
    """While an operation is going on."""
    found = revisions_of(state)
    mine = aim.reached(found)
    names = ", ".join(map(short, found)) or "what Git has"
    if state["phase"] == "Terminating":
        return Step(WAIT, f"the sync to {names} is being ended")
    if mine and retrying(state) and int(state.get("retryCount") or 0) > aim.retries:
        return Step(FAIL, words_of(state))
    if not mine and state["phase"] == "Running" and (retrying(state) or aim.instead_of in found):
        return Step(END, f"the sync to {names} is ended: {words_of(state)}")
    return Step(WAIT, f"a sync to {names} is going on: {words_of(state)}")


def _at_rest(body: Body, aim: Aim) -> Step:
    """Where Argo CD knows the wanted revision, and nothing is going on."""
    last = (body.get("status") or {}).get("operationState") or {}
    failed = last.get("phase") in ("Failed", "Error") and aim.reached(revisions_of(last))
    old = bool(aim.old_end) and last.get("finishedAt") == aim.old_end
    if failed and not old:
        return Step(FAIL, words_of(last))
    if sync_status(body) == "Synced":
        return Step(DONE, f"synced to {', '.join(map(short, revisions(body)))}")
    if aim.asked:
        return Step(WAIT, f"not synced yet: {out_of_sync(body) or sync_status(body)}")
    if automated(body) is None:
        return Step(SYNC, "Argo CD does not sync this on its own: it is asked for a sync")
    # It does not begin anything by itself after a failure that it counts for this revision.
    if failed or _given_up(body):
        return Step(SYNC, "Argo CD has given up on it: it is asked for a sync")
    return Step(WAIT, f"Argo CD is about to sync {out_of_sync(body) or sync_status(body)}")


def _given_up(body: Body) -> bool:
    found = (body.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "SyncError" for each in found)
