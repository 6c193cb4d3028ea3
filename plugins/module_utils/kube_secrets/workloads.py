# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which workloads use which secrets, and what has to be restarted for which change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import RESTART_DUE
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import Workload

#: What ``kubectl rollout restart`` sets on the pod template.
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Use:
    """A reference to a Secret, or to a SecretProviderClass; ``keys`` is ``None`` where it is to all of them."""

    name: str
    by_class: bool = False
    keys: frozenset[str] | None = None


@dataclass(frozen=True)
class Change:
    """Keys of one secret in one namespace that became others at ``since``, and what restarts for it.

    ``csi`` tells that it is a SecretProviderClass, whose files and whose Secret pods may use.
    ``restart`` is as in ``Described``.
    """

    namespace: str
    name: str
    keys: frozenset[str]
    since: str
    csi: bool = False
    restart: tuple[Workload, ...] | None = None

    def annotation(self) -> str:
        """The text of the annotation ``RESTART_DUE``."""
        return json.dumps({"keys": sorted(self.keys), "since": self.since})

    def concerns(self, workload: Workload, body: Body) -> bool:
        """Whether a workload of the namespace has to be restarted."""
        if self.restart is not None:
            return workload in self.restart
        return any(
            use.name == self.name
            and (self.csi or not use.by_class)
            and (use.keys is None or use.keys & self.keys)
            for use in uses(body["spec"]["template"].get("spec") or {})
        )


@dataclass(frozen=True)
class Restart:
    """A workload that is to be restarted, once, for all changes that concern it."""

    namespace: str
    workload: Workload
    since: str
    secrets: tuple[str, ...]
    #: Whether it has been restarted since, by a run that did not come to its end.
    done: bool
    #: Why its pods do not follow by themselves, or an empty text.
    held: str = ""

    def __str__(self) -> str:
        return f"{self.workload} in {self.namespace}"


def now() -> str:
    """This moment, as a change is dated."""
    return datetime.now(timezone.utc).isoformat()


def due(body: Body | None) -> tuple[frozenset[str], str] | None:
    """Keys and time of a change that an earlier run has not finished with, out of ``RESTART_DUE``."""
    annotations = ((body or {}).get("metadata") or {}).get("annotations") or {}
    try:
        said = json.loads(annotations[RESTART_DUE])
        return frozenset(map(str, said["keys"])), str(said["since"])
    except (KeyError, ValueError, TypeError):
        return None


def merged(change: Change, earlier: tuple[frozenset[str], str] | None) -> Change | None:
    """A change together with one that is still due, ``None`` where there is neither."""
    if earlier is None:
        return change if change.keys else None
    since = change.since if change.keys else earlier[1]
    return replace(change, keys=change.keys | earlier[0], since=since)


def uses(pod: Body) -> Iterator[Use]:
    """All references of a pod's specification that a running container keeps the values of."""
    for container in [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]:
        for source in container.get("envFrom") or ():
            yield from _named(source.get("secretRef"), "name")
        for variable in container.get("env") or ():
            reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
            if reference:
                yield Use(reference.get("name", ""), keys=frozenset((reference.get("key", ""),)))
    for volume in pod.get("volumes") or ():
        yield from _of_volume(volume)


def _of_volume(volume: Body) -> Iterator[Use]:
    yield from _named(volume.get("secret"), "secretName")
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _named(source.get("secret"), "name")
    csi = volume.get("csi") or {}
    name = (csi.get("volumeAttributes") or {}).get("secretProviderClass")
    if name:
        yield Use(name, by_class=True)
    yield from _named(csi.get("nodePublishSecretRef"), "name")


def _named(reference: Body | None, field: str) -> Iterator[Use]:
    if reference and reference.get(field):
        items = [item.get("key", "") for item in reference.get("items") or ()]
        yield Use(reference[field], keys=frozenset(items) if items else None)


def restarts(
    namespace: str, workloads: Mapping[Workload, Body], changes: Iterable[Change]
) -> list[Restart]:
    """What is to be restarted in one namespace."""
    changes = list(changes)
    found = []
    for workload, body in workloads.items():
        concerned = [change for change in changes if change.concerns(workload, body)]
        if concerned:
            since = max(change.since for change in concerned)
            names = tuple(sorted({change.name for change in concerned}))
            found.append(
                Restart(namespace, workload, since, names, _done(body, since), _held(body))
            )
    return found


def unknown(changes: Iterable[Change], workloads: Mapping[Workload, Body]) -> list[str]:
    """Workloads that are named and not there, with the secret that names them."""
    return [
        f"{workload} in {change.namespace} (named by {change.name})"
        for change in changes
        for workload in change.restart or ()
        if workload not in workloads
    ]


def patch(restart: Restart) -> dict[str, Any]:
    """The merge patch that restarts a workload."""
    annotations = {RESTARTED_AT: restart.since}
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


def _done(body: Body, since: str) -> bool:
    annotations = (body["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    at, needed = _time(annotations.get(RESTARTED_AT, "")), _time(since)
    return at is not None and needed is not None and at >= needed


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _held(body: Body) -> str:
    spec = body["spec"]
    if spec.get("paused"):
        return "it is paused: its pods are made anew when it is resumed"
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return "its pods are made anew when they are deleted (OnDelete)"
    return ""


def told(found: Sequence[Restart]) -> list[dict[str, Any]]:
    """Restarts as the module returns them."""
    return [
        {
            "kind": restart.workload.kind,
            "namespace": restart.namespace,
            "name": restart.workload.name,
            "secrets": list(restart.secrets),
            **({"held": restart.held} if restart.held else {}),
        }
        for restart in found
        if not restart.done
    ]
