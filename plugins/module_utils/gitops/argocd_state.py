# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an Application of Argo CD (argoproj.io/v1alpha1) says of itself, and the changes that a release makes to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

Body = Mapping[str, Any]

#: Annotation that keeps the policy of a held sync, and Argo CD's own that ask for a look at Git.
HELD = "groundwork.platform/held-sync"
REFRESH = "argocd.argoproj.io/refresh"
SKIP = "argocd.argoproj.io/skip-reconcile"

#: Conditions after which Argo CD does not know what should run.
_BROKEN = ("ComparisonError", "InvalidSpecError", "UnknownError")
#: Resources that are named in a message; the others are counted.
NAMED = 5
#: Characters of Argo CD's words.
LONGEST = 2000


@dataclass(frozen=True)
class Application:
    """An Application, by its name and the namespace that it is in."""

    name: str
    namespace: str = "argocd"

    @property
    def collection(self) -> str:
        """Path of its namespace's Applications."""
        return f"/apis/argoproj.io/v1alpha1/namespaces/{self.namespace}/applications"

    @property
    def path(self) -> str:
        """Its own path."""
        return f"{self.collection}/{self.name}"

    def __str__(self) -> str:
        return f"Application {self.name} in {self.namespace}"


@dataclass(frozen=True)
class Held:
    """A held sync: ``policy`` is ``spec.syncPolicy.automated`` as it was, ``None`` where nothing was automated.

    ``taken_over`` names the earlier run that held it and did not give it back, and is empty where there was none.
    """

    policy: Mapping[str, Any] | None
    run: str
    taken_over: str = ""


def automated(body: Body) -> Mapping[str, Any] | None:
    """The policy by which Argo CD syncs on its own, ``None`` where it does not."""
    policy = (body["spec"].get("syncPolicy") or {}).get("automated")
    if policy is None or policy.get("enabled") is False:
        return None
    return dict(policy)


def kept(body: Body) -> Held | None:
    """What a run that holds the sync has written down. Raises ``KubeError`` (``malformed``) where it cannot be read."""
    text = marks(body).get(HELD)
    if text is None:
        return None
    try:
        found = json.loads(text)
        return Held(dict(found["automated"]), str(found["run"]))
    except (ValueError, TypeError, KeyError):
        raise KubeError(
            "malformed",
            f"The annotation {HELD} of Application {body['metadata']['name']} is not what a release writes: {text!r}. "
            "Set spec.syncPolicy.automated as it should be and remove the annotation.",
        ) from None


def marks(body: Body) -> Mapping[str, str]:
    """Its annotations."""
    return body["metadata"].get("annotations") or {}


def refreshing(body: Body) -> bool:
    """Whether Argo CD has been asked for a look at Git that it has not taken yet."""
    return REFRESH in marks(body)


def holding(policy: Mapping[str, Any], run: str) -> dict[str, Any]:
    """The change that takes the policy away and keeps it, and asks for a look, so that it is known to be seen."""
    note = json.dumps({"automated": policy, "run": run}, sort_keys=True)
    return {
        "metadata": {"annotations": {HELD: note, REFRESH: "normal"}},
        "spec": {"syncPolicy": {"automated": None}},
    }


def giving_back(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The change that sets the policy again and forgets that it was held."""
    return {
        "metadata": {"annotations": {HELD: None}},
        "spec": {"syncPolicy": {"automated": dict(policy)}},
    }


def operation(body: Body) -> Body | None:
    """The operation that runs or is about to, as ``status.operationState``; ``None`` where there is none."""
    state = (body.get("status") or {}).get("operationState") or {}
    if state.get("phase") in ("Running", "Terminating"):
        return state
    if body.get("operation"):
        return {"phase": "Pending", "operation": body["operation"]}
    return None


def retrying(state: Body) -> bool:
    """Whether an operation failed and is about to be tried again; Argo CD calls it running meanwhile."""
    return state["phase"] == "Running" and bool(state.get("finishedAt") or state.get("retryCount"))


def revisions_of(state: Body) -> tuple[str, ...]:
    """The revisions that an operation brings, one for each source; empty where it does not say yet."""
    result = state.get("syncResult") or {}
    asked = (state.get("operation") or {}).get("sync") or {}
    for found in (result, asked):
        many = tuple(found.get("revisions") or ())
        if many or found.get("revision"):
            return many or (found["revision"],)
    return ()


def revisions(body: Body) -> tuple[str, ...]:
    """The revisions that Argo CD has compared the cluster with, one for each source."""
    sync = (body.get("status") or {}).get("sync") or {}
    return revisions_of({"syncResult": sync})


def sync_status(body: Body) -> str:
    """Synced, OutOfSync or Unknown."""
    return str(((body.get("status") or {}).get("sync") or {}).get("status") or "Unknown")


def broken(body: Body) -> str:
    """Argo CD's own words where it does not know what should run, else empty."""
    found = (body.get("status") or {}).get("conditions") or ()
    words = [f"{each['type']}: {each['message']}" for each in found if each["type"] in _BROKEN]
    return "; ".join(words)[:LONGEST]


def words_of(state: Body) -> str:
    """Argo CD's own words about an operation, those about the resources that failed with them."""
    result = state.get("syncResult") or {}
    failed = [
        f"{each.get('kind')} {each.get('name')}: {each.get('message')}"
        for each in result.get("resources") or ()
        if each.get("status") == "SyncFailed" or each.get("hookPhase") in ("Failed", "Error")
    ]
    return "; ".join([str(state.get("message") or state["phase"]), *failed])[:LONGEST]


def out_of_sync(body: Body) -> str:
    """The resources that are not as Git says, for people; empty where there is none."""
    found = [
        f"{each.get('kind')} {'/'.join(filter(None, (each.get('namespace'), each.get('name'))))}"
        + (" (to be pruned)" if each.get("requiresPruning") else "")
        for each in (body.get("status") or {}).get("resources") or ()
        if each.get("status") == "OutOfSync"
    ]
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


def syncing(body: Body) -> dict[str, Any]:
    """The change that asks for a sync to what Argo CD has compared with, as its own automated sync would."""
    policy = body["spec"].get("syncPolicy") or {}
    sync: dict[str, Any] = {"syncOptions": list(policy.get("syncOptions") or ())}
    if body["spec"].get("sources"):
        sync["revisions"] = list(revisions(body))
    else:
        sync["revision"] = revisions(body)[0]
    asked = {"sync": sync, "initiatedBy": {"username": "groundwork.platform"}}
    if policy.get("retry"):
        asked["retry"] = dict(policy["retry"])
    # Argo CD takes no operation's end for that of another.
    return {"operation": asked, "status": {"operationState": None}}
