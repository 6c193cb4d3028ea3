# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold the automated sync of an Argo CD Application for the length of a release, and give it back where Git agrees.

Nothing of this is lost with a run that is killed: the policy is kept in an annotation of the Application, in the same
write that takes it away.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_owner import (
    refuse_owned,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    REFRESH,
    SKIP,
    Application,
    Body,
    Held,
    automated,
    broken,
    giving_back,
    holding,
    kept,
    marks,
    operation,
    out_of_sync,
    refreshing,
    revisions,
    sync_status,
    words_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_watch import (
    Watched,
    get,
    patch,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds that an operation which runs has for its end, and Argo CD for a look at Git.
PATIENCE = 120.0
#: Tries to write an Application that its controller writes as well.
TRIES = 20


async def examine(client: Client, application: Application) -> Held:
    """Say what a hold would take away or take over, and change nothing; ``run`` of the answer is empty.

    Raises ``KubeError``: ``no_application``, ``owned_application``, ``malformed``; those of the client.
    """
    body = await get(client, application)
    await refuse_owned(client, application, body)
    return _found(body, "")


async def hold(
    client: Client, application: Application, run: str, patience: float = PATIENCE
) -> Held:
    """Take the automated sync away and keep its policy in an annotation; return when nothing can sync any more.

    One that is held already is taken over. ``run`` names who holds it; ``patience`` is in seconds.

    Raises ``KubeError``: ``no_application``; ``owned_application`` where somebody would undo it; ``busy`` where an
    operation does not end and ``argocd_silent`` where Argo CD does not react (what was taken away is given back then);
    ``malformed``; those of the client.
    """
    before = await get(client, application)
    await refuse_owned(client, application, before)
    held = await _take(client, application, run)
    if held.policy is None or marks(before).get(SKIP) == "true":
        return held
    # A sync that Argo CD was about to begin has begun when the look that was asked for is done: its controller works
    # on one thing of an Application at a time. Twice, as one that somebody had asked for before ends the first as well.
    body = await _settled(client, application, patience)
    if not _unsettled(body):
        await patch(client, application, {"metadata": {"annotations": {REFRESH: "normal"}}})
        body = await _settled(client, application, patience)
    if not _unsettled(body):
        return held
    if not held.taken_over:
        await _write(client, application, lambda _body: giving_back(held.policy or {}))
    state = operation(body)
    if state is not None:
        raise KubeError("busy", _busy(application, state, patience))
    raise KubeError("argocd_silent", _silent(application, patience))


async def release(client: Client, application: Application, patience: float = PATIENCE) -> str:
    """Give a held sync back where Git says what runs; return why it stays held and what to do, empty where it does not.

    ``patience`` is in seconds. Raises ``KubeError``: ``no_application``, ``malformed``; those of the client.
    """
    held = kept(await get(client, application))
    if held is None or held.policy is None:
        return ""
    policy = held.policy
    await patch(client, application, {"metadata": {"annotations": {REFRESH: "hard"}}})
    why = _differs(await _settled(client, application, patience), patience)
    for _attempt in range(TRIES):
        if why:
            break
        body = await get(client, application)
        why = _differs(body, patience)
        # Only the very state that was looked at.
        if not why and await patch(client, application, giving_back(policy), body):
            return ""
    return _stays(application, policy, why or "somebody else writes the Application all the time")


async def _take(client: Client, application: Application, run: str) -> Held:
    held = Held(None, run)

    def change(body: Body) -> Mapping[str, Any] | None:
        nonlocal held
        held = _found(body, run)
        return None if held.policy is None else holding(held.policy, run)

    await _write(client, application, change)
    return held


def _found(body: Body, run: str) -> Held:
    """What is held or to be held; a policy that somebody has set since an earlier hold counts before that one's."""
    earlier, policy = kept(body), automated(body)
    if policy is None and earlier is not None:
        policy = earlier.policy
    return Held(policy, run, earlier.run if earlier else "")


async def _write(
    client: Client, application: Application, change: Callable[[Body], Mapping[str, Any] | None]
) -> None:
    """Change the Application as it is at that moment; ``change`` returns nothing where there is nothing to do."""
    for _attempt in range(TRIES):
        body = await get(client, application)
        wanted = change(body)
        if wanted is None or await patch(client, application, wanted, body):
            return
    raise KubeError("busy", f"{application} is written by somebody else all the time. Try again.")


async def _settled(client: Client, application: Application, patience: float) -> Body:
    """Wait until no operation runs and Argo CD has taken the look that it was asked for; return the last state."""
    deadline = time.monotonic() + patience
    async with Watched(client, application) as watched:
        body = await watched.next(patience)
        while body is not None and _unsettled(body):
            changed = await watched.next(deadline - time.monotonic())
            if changed is None:
                return body
            body = changed
    return body or await get(client, application)


def _unsettled(body: Body) -> bool:
    return operation(body) is not None or refreshing(body)


def _differs(body: Body, patience: float) -> str:
    """Why Git cannot be said to say what runs; empty where it can."""
    if refreshing(body):
        return f"Argo CD has not looked at Git within {patience:g} s"
    state = operation(body)
    if state is not None:
        return f"a sync is going on ({words_of(state)})"
    if broken(body):
        return f"Argo CD cannot say what Git has ({broken(body)})"
    if sync_status(body) != "Synced":
        what = out_of_sync(body) or "it"
        return f"Git says otherwise at {', '.join(revisions(body)) or 'no revision'}: {what} is {sync_status(body)}"
    return ""


def _stays(application: Application, policy: Mapping[str, Any], why: str) -> str:
    change = shlex.quote(json.dumps(giving_back(policy)))
    command = f"kubectl -n {application.namespace} patch application.argoproj.io {application.name}"
    return (
        f"The sync of {application} stays held: {why}. Given back now, Argo CD could undo what this run did. Commit "
        "to Git what should run; then the next run gives the sync back, or this command does: "
        f"{command} --type=merge -p {change}"
    )


def _busy(application: Application, state: Body, patience: float) -> str:
    asked = (state.get("operation") or {}).get("initiatedBy") or {}
    who = "Argo CD itself" if asked.get("automated") else asked.get("username") or "somebody"
    return (
        f"{application}: a sync that {who} began at {state.get('startedAt', 'an unknown time')} is still going on "
        f"after {patience:g} s: {words_of(state)}. Wait for its end, or end it (argocd app terminate-op "
        f"{application.name}), and run this again."
    )


def _silent(application: Application, patience: float) -> str:
    return (
        f"{application}: Argo CD has not looked at it within {patience:g} s. See whether its application controller "
        f"runs, and whether it looks after namespace {application.namespace}."
    )
