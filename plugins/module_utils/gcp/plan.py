# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be done with each resource, and what is not done without being allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    REPLACE,
    RESTART,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    BINDINGS,
    Output,
    Resource,
    tail,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules_compute import LOOSE

CREATE, UPDATE, REPLACED, DELETE = "create", "update", "replace", "delete"
UNCHANGED, REFUSED = "unchanged", "refused"
_ALL = "all"
#: How a change is told that comes of another resource being replaced.
ANEW = "(made anew)"
_RESTARTED = "the instance is stopped and started for it"

Seen = Mapping[str, Any]
#: Fields that do not hold what they name: it can be deleted and made again under them.
_FREE = frozenset(
    (("compute.routes", "nextHopInstance"), ("compute.instanceGroups", "instances[]"))
)
#: Fields that say what something was made from: it lives on, with its own data, when that goes.
_MADE_FROM = frozenset(
    (
        ("compute.disks", "sourceDisk"),
        ("compute.images", "sourceDisk"),
        ("compute.regionDisks", "sourceDisk"),
        ("compute.regionSnapshots", "sourceDisk"),
        ("compute.snapshots", "sourceDisk"),
    )
)
_FREE_TYPES = frozenset((BINDINGS, "run.jobs", "cloudscheduler.jobs", "dns.resourceRecordSets"))


@dataclass(frozen=True)
class Allowed:
    """What the module was allowed to do: keys, types or ``all``."""

    replace: Collection[str] = ()
    delete: Collection[str] = ()

    def may_replace(self, resource: Resource) -> bool:
        """Whether it may be deleted and made again, or stopped."""
        return _named(resource, self.replace)

    def may_delete(self, resource: Resource) -> bool:
        """Whether it may be deleted though it holds data."""
        return _named(resource, self.delete)


@dataclass(frozen=True)
class Step:
    """What becomes of one resource. ``live`` is what Google has; ``reason`` and ``why`` say why it is refused.

    ``uses`` are links of what it names as it is, ``fixed`` the fields for which it cannot stay or go on.
    ``data`` is what goes with it that its type does not say: the data of an instance's disks.
    """

    resource: Resource
    action: str
    changes: tuple[Change, ...] = ()
    live: Seen | None = None
    lost: str = ""
    in_place: bool = True
    reason: str = ""
    why: str = ""
    uses: frozenset[str] = frozenset()
    fixed: tuple[str, ...] = ()
    data: str = ""

    @property
    def key(self) -> str:
        """The resource's key."""
        return self.resource.key


def plan(
    handlers: Sequence[Handler], seen: Mapping[str, Seen | None], allowed: Allowed
) -> list[Step]:
    """One step for each resource, in their order."""
    steps = [with_uses(_step(handler, seen[handler.resource.key]), handler) for handler in handlers]
    return [_permitted(step, allowed) for step in _cascaded(steps)]


def pruned(handler: Handler, live: Seen, allowed: Allowed) -> Step:
    """The step of a resource that is nobody's any more."""
    resource = handler.resource
    step = Step(resource, DELETE, (), live, handler.holds(live))
    return _permitted(with_uses(step, handler), allowed)


def with_uses(step: Step, handler: Handler) -> Step:
    """The step with the links of what the resource names as it is."""
    return step if step.live is None else replace(step, uses=handler.uses(step.live))


def _step(handler: Handler, live: Seen | None) -> Step:
    resource = handler.resource
    if not resource.present:
        if live is None or handler.is_gone(live):
            return Step(resource, UNCHANGED)
        return Step(resource, DELETE, (), live, handler.holds(live))
    if live is None:
        return Step(resource, CREATE)
    found = tuple(handler.compare(live))
    data = "" if resource.rule.protected else handler.holds(live)
    if not found:
        return Step(resource, UNCHANGED, (), live, data=data)
    verdicts = [(handler.verdict(change, live), change.field) for change in found]
    for verdict, action, lost in (
        (REPLACE, REPLACED, _all_lost(resource.rule.lost, data)),
        (RESTART, UPDATE, _RESTARTED),
    ):
        fixed = tuple(field for each, field in verdicts if each == verdict)
        if fixed:
            return Step(resource, action, found, live, lost, False, fixed=fixed, data=data)
    return Step(resource, UPDATE, found, live, data=data)


def _cascaded(steps: Sequence[Step]) -> list[Step]:
    """With what is replaced goes what cannot be without it."""
    found = {step.key: step for step in steps}
    waiting = [step for step in steps if step.action == REPLACED]
    while waiting:
        gone = waiting.pop()
        for step in list(found.values()):
            path = _holds(step, gone.resource.link)
            if path and step.action in (UNCHANGED, UPDATE) and step.live is not None:
                change = Change(path, gone.key, ANEW, path.partition("[")[0])
                lost = _all_lost(step.resource.rule.lost, step.data)
                anew = replace(
                    step,
                    fixed=(path,),
                    action=REPLACED,
                    changes=(*step.changes, change),
                    lost=lost,
                    in_place=False,
                )
                found[step.key] = anew
                waiting.append(anew)
    return [_following(found[step.key], found) for step in steps]


def _holds(step: Step, link: str) -> str:
    """The field by which something is held, so that it cannot be deleted; empty where there is none."""
    if step.resource.type in _FREE_TYPES or step.live is None:
        return ""
    for reference in step.resource.references:
        field = (step.resource.type, reference.path)
        free = field in _FREE or field in _MADE_FROM or reference.type in LOOSE
        if reference.link == link and not free and not _is_output(step.resource.body, link):
            return reference.path
    if (
        step.resource.type == "compute.instanceGroups"
    ):  # it is of its members' network, though nobody said so
        for name in ("network", "subnetwork"):
            if tail(str(step.live.get(name) or "")) == link:
                return name
    return ""


def _following(step: Step, steps: Mapping[str, Step]) -> Step:
    """What only takes something over from what is replaced (its address, its membership) is changed after it."""
    if step.action != UNCHANGED or step.live is None or not step.resource.present:
        return step
    links = {each.resource.link: each for each in steps.values() if each.action == REPLACED}
    for reference in step.resource.references:
        gone = links.get(reference.link)
        takes = (
            (step.resource.type, reference.path) in _FREE
            or (step.resource.type == BINDINGS and reference.path == "resource")
            or _is_output(step.resource.body, reference.link)
        )
        if gone is not None and takes and reference.path != "nextHopInstance":
            change = Change(reference.path, gone.key, ANEW, reference.path)
            return replace(step, action=UPDATE, changes=(change,))
    return step


def _is_output(value: Any, link: str) -> bool:
    """Whether a body only takes what a resource tells, and not the resource itself."""
    if isinstance(value, Output):
        return value.link == link
    if isinstance(value, Mapping):
        return any(_is_output(part, link) for part in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_output(part, link) for part in value)
    return False


def _permitted(step: Step, allowed: Allowed) -> Step:
    resource = step.resource
    if step.action == REPLACED and not resource.rule.brief and not allowed.may_replace(resource):
        fields = ", ".join(step.fixed)
        why = (
            f"{step.key}: {fields} cannot be changed, so it would be deleted and made again"
            f"{_with(step.lost)}. Allow it with allow_replace: [{step.key}], or declare what is there."
        )
        return replace(step, action=REFUSED, reason="needs_replace", why=why)
    if step.action == REPLACED and step.data and not allowed.may_delete(resource):
        fields = ", ".join(step.fixed)
        why = (
            f"{step.key}: {fields} cannot be changed, so it would be deleted and made again{_with(step.data)}. "
            f"Allow that with allow_delete: [{step.key}] as well, or declare what is there."
        )
        return replace(step, action=REFUSED, reason="protected", why=why)
    if step.action == UPDATE and not step.in_place and not allowed.may_replace(resource):
        fields = ", ".join(step.fixed)
        why = (
            f"{step.key}: to change {fields}, {step.lost}. Allow it with allow_replace: [{step.key}], or "
            "declare what is there."
        )
        return replace(step, action=REFUSED, reason="needs_replace", why=why)
    if step.action == DELETE and step.lost and not allowed.may_delete(resource):
        why = f"{step.key} would be deleted{_with(step.lost)}. Allow it with allow_delete: [{step.key}]."
        return replace(step, action=REFUSED, reason="protected", why=why)
    return step


def _all_lost(*lost: str) -> str:
    return ", and ".join(each for each in lost if each)


def _with(lost: str) -> str:
    return f" (lost: {lost})" if lost else ""


def _named(resource: Resource, names: Collection[str]) -> bool:
    key = resource.key
    bare = key.partition(":")[2] if key.startswith(f"{resource.project}:") else key
    return bool({_ALL, key, bare, f"{resource.project}:{bare}", resource.type} & set(names))
