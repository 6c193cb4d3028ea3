# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until Argo CD has brought a commit to the cluster, and say in its own words where it cannot."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_judge import (
    DONE,
    DOUBT,
    END,
    FAIL,
    LOOK,
    SYNC,
    Aim,
    Step,
    judge,
    short,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    REFRESH,
    Application,
    Body,
    operation,
    revisions,
    revisions_of,
    syncing,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_watch import (
    Watched,
    get,
    patch,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: Seconds after which Argo CD is asked again for a look at Git that has not shown the commit.
LOOK_AGAIN = 10.0

#: Says of a commit whether it is the wanted one or comes after it.
Contains = Callable[[str], Awaitable[bool]]


async def synced(
    client: Client,
    application: Application,
    revision: str,
    timeout: float,
    tell: Tell,
    *,
    contains: Contains | None = None,
    instead_of: str = "",
    retries: int = 0,
) -> None:
    """Wait until the cluster is what Git says at ``revision`` (a full id), or at a later commit.

    Argo CD is asked for a look at Git at once, and for a sync where it does none on its own. ``timeout`` is in seconds.
    ``tell`` gets the Application and each change. ``contains`` says whether another commit comes after ``revision``;
    without it, none does. ``instead_of`` is a commit whose sync is ended where it is still going on, as one that waits
    for pods that never come up would not let go; so is the sync of any other commit that has failed and is tried
    again. ``retries`` is how often Argo CD may try again before the sync counts as failed.

    Raises ``KubeError``: ``sync_failed`` with Argo CD's own words; ``not_synced`` after ``timeout``;
    ``no_application``, ``unsupported``; those of the client.
    """
    first = await get(client, application)
    if first["spec"].get("sourceHydrator"):
        raise KubeError(
            "unsupported",
            f"{application} has a source hydrator, which commits to another branch: which commit brings this one is "
            "not known. Hold its sync for the release instead.",
        )
    last = (first.get("status") or {}).get("operationState") or {}
    waiting = _Waiting(client, application, tell, contains)
    aim = Aim(
        revision, waiting.reached, instead_of, retries, old_end=str(last.get("finishedAt") or "")
    )
    await patch(client, application, _look("normal"))
    await waiting.until_synced(aim, timeout)


class _Waiting:
    """One wait. ``reached`` knows of all revisions that ``_learn`` has met."""

    def __init__(
        self, client: Client, application: Application, tell: Tell, contains: Contains | None
    ) -> None:
        self._client = client
        self._application = application
        self._tell = tell
        self._contains = contains
        self._known: dict[str, bool] = {}
        self._doubted = False

    def reached(self, found: Sequence[str]) -> bool:
        """Whether one of the revisions is the wanted one or a later one."""
        return any(self._known.get(revision, False) for revision in found)

    async def until_synced(self, aim: Aim, timeout: float) -> None:
        """Judge each state and act on it."""
        deadline = time.monotonic() + timeout
        step, told = Step(LOOK, "Argo CD has not said anything"), ""
        async with Watched(self._client, self._application) as watched:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise KubeError("not_synced", self._late(aim, timeout, step))
                body = await watched.next(min(left, LOOK_AGAIN))
                if body is None:
                    if step.act == LOOK:
                        watched.after(await patch(self._client, self._application, _look("normal")))
                    continue
                await self._learn(aim, body)
                step = judge(body, aim)
                if step.text != told:
                    self._tell(str(self._application), step.text)
                    told = step.text
                if step.act == DONE:
                    return
                watched.after(await self._act(step, body))
                aim = replace(aim, asked=aim.asked or step.act == SYNC)

    async def _act(self, step: Step, body: Body) -> Body | None:
        """Do what a step says; return the Application as it is then, where it was changed."""
        if step.act == FAIL or (step.act == DOUBT and self._doubted):
            raise KubeError("sync_failed", f"{self._application}: {step.text}")
        if step.act == DOUBT:
            # What the repo server remembers of a commit may be of a moment at which something else was away.
            self._doubted = True
            return await patch(self._client, self._application, _look("hard"))
        if step.act == SYNC:
            return await patch(self._client, self._application, syncing(body))
        if step.act == END:
            end = {"status": {"operationState": {"phase": "Terminating"}}}
            # Where it is another operation by now, the next state says so.
            return await patch(self._client, self._application, end, body)
        return None

    async def _learn(self, aim: Aim, body: Body) -> None:
        last = (body.get("status") or {}).get("operationState") or {}
        for revision in {
            *revisions(body),
            *revisions_of(operation(body) or {}),
            *revisions_of(last),
        } - set(self._known):
            commit = re.fullmatch(r"[0-9a-f]{40,64}", revision)
            self._known[revision] = revision == aim.revision or bool(
                commit and self._contains and await self._contains(revision)
            )

    def _late(self, aim: Aim, timeout: float, step: Step) -> str:
        return (
            f"{self._application} is not at {short(aim.revision)} after {timeout:g} s: {step.text}. See whether its "
            "source is the repository and branch of the commit, and whether a sync window of its project keeps it back."
        )


def _look(kind: str) -> dict[str, dict[str, dict[str, str]]]:
    return {"metadata": {"annotations": {REFRESH: kind}}}
