# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who else writes an Application of Argo CD and would set its sync policy back: an ApplicationSet, another Application.

An ApplicationSet writes spec and annotations of what it generates, but for what it is told to leave
(https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Controlling-Resource-Modification/). An
Application leaves what its ignoreDifferences name, in a sync too where RespectIgnoreDifferences says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    HELD,
    Application,
    Body,
    automated,
    marks,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

_POLICY = frozenset(("/spec/syncPolicy", "/spec/syncPolicy/automated", "/spec"))
_NOTE = frozenset(("/metadata/annotations", f"/metadata/annotations/{HELD.replace('/', '~1')}"))
_TRACKING = "argocd.argoproj.io/tracking-id"
_LABELS = ("argocd.argoproj.io/instance", "app.kubernetes.io/instance")


async def refuse_owned(client: Client, application: Application, body: Body) -> None:
    """Raise ``KubeError`` (``owned_application``) where somebody would undo a hold; those of the client."""
    name = generator(body)
    if name:
        path = f"{application.collection.replace('applications', 'applicationsets')}/{name}"
        answer = await client.get(path)
        if not answer.ok and answer.status != 404:
            raise KubeError("failed", f"ApplicationSet {name}: {answer.message}.")
        if answer.ok and not set_leaves(answer.body, application.name):
            raise KubeError("owned_application", _by_set(application, name))
    parent = parent_of(application, body)
    if parent and parent != application:
        answer = await client.get(parent.path)
        if not answer.ok and answer.status != 404:
            raise KubeError("failed", f"{parent}: {answer.message}.")
        if (
            answer.ok
            and has(answer.body, application)
            and not parent_leaves(answer.body, application.name)
        ):
            raise KubeError("owned_application", _by_parent(application, parent))


def generator(body: Body) -> str:
    """The ApplicationSet that made it, empty where none did."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(each["name"]) for each in owners if each["kind"] == "ApplicationSet"), "")


def set_leaves(body: Body, name: str) -> bool:
    """Whether an ApplicationSet leaves the policy and the note of an Application alone."""
    spec = body["spec"]
    policy = (spec.get("syncPolicy") or {}).get("applicationsSync")
    if policy in ("create-only", "create-delete"):
        return True
    ignored = _pointers(spec.get("ignoreApplicationDifferences") or (), name)
    preserved = (spec.get("preservedFields") or {}).get("annotations") or ()
    return bool(ignored & _POLICY) and (HELD in preserved or bool(ignored & _NOTE))


def parent_of(application: Application, body: Body) -> Application | None:
    """The Application that may have this one among its resources, by the marks that Argo CD sets."""
    tracked = marks(body).get(_TRACKING, "").partition(":")[0]
    labels = body["metadata"].get("labels") or {}
    name = tracked or next((labels[label] for label in _LABELS if label in labels), "")
    # One of another namespace than Argo CD's own is named with it: namespace_name.
    namespace, known, rest = name.partition("_")
    if not name:
        return None
    return Application(rest, namespace) if known else Application(name, application.namespace)


def has(parent: Body, application: Application) -> bool:
    """Whether an Application really has another one among its resources; marks are copied, too."""
    return any(
        (each.get("kind"), each.get("name"), each.get("namespace") or application.namespace)
        == ("Application", application.name, application.namespace)
        for each in (parent.get("status") or {}).get("resources") or ()
    )


def parent_leaves(parent: Body, name: str) -> bool:
    """Whether an Application does not sync on its own, or leaves the policy of another one alone."""
    if automated(parent) is None:
        return True
    entries = [
        each
        for each in parent["spec"].get("ignoreDifferences") or ()
        if each.get("kind") in ("Application", "*")
    ]
    options = (parent["spec"].get("syncPolicy") or {}).get("syncOptions") or ()
    return bool(_pointers(entries, name) & _POLICY) and "RespectIgnoreDifferences=true" in options


def _pointers(entries: Iterable[Mapping[str, Any]], name: str) -> set[str]:
    return {
        pointer
        for each in entries
        if each.get("name") in (None, "", name)
        for pointer in each.get("jsonPointers") or ()
    }


def _by_set(application: Application, name: str) -> str:
    return (
        f"{application} is generated by ApplicationSet {name}, which would set its sync back at once. Let the "
        "ApplicationSet leave it (ignoreApplicationDifferences: [{jsonPointers: [/spec/syncPolicy]}] and "
        f"preservedFields: {{annotations: [{HELD}]}}), or let the release write to Git instead."
    )


def _by_parent(application: Application, parent: Application) -> str:
    return (
        f"{application} is a resource of {parent}, which syncs on its own and would set its sync back. Let that one "
        "leave it (ignoreDifferences: [{group: argoproj.io, kind: Application, jsonPointers: "
        "[/spec/syncPolicy/automated]}] and the sync option RespectIgnoreDifferences=true), or let the release write "
        "to Git instead."
    )
