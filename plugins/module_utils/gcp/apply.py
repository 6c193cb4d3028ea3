# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan carried out: many at once in the order of their needs, users before what they use where things go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import GraphError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    Problem,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    IN_PLACE,
    REPLACE,
    RESTART,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.registry import (
    handler_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import BINDINGS
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.owners import marked
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import (
    ANEW,
    CREATE,
    DELETE,
    REPLACED,
    UNCHANGED,
    UPDATE,
    Step,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

#: The first half of a replacement.
GONE = " (deletion)"
#: Seconds that a type mostly takes, so that the longest chain begins first.
_SECONDS: Mapping[str, float] = {
    "cloudresourcemanager.projects": 30.0,
    "compute.instances": 20.0,
    "container.clusters": 400.0,
    "container.nodePools": 120.0,
    "serviceusage.services": 20.0,
}
_NOT_SHOWN = "Google said that it is made, and then that it is not there. Run it again."
_DOING = {CREATE: "creating", UPDATE: "updating", DELETE: "deleting", REPLACED: "creating again"}
_DONE = {CREATE: "created", UPDATE: "updated", DELETE: "deleted", REPLACED: "created again"}


@dataclass(frozen=True)
class Wishes:
    """How the plan is carried out."""

    owner: str | None = None
    concurrency: int = 32


async def apply(
    cloud: Cloud, steps: Sequence[Step], wishes: Wishes, tell: Tell
) -> dag.Report[Mapping[str, Any] | None]:
    """Carry a plan out; the report has the resources as they are then. Times are seconds."""
    taken = frozenset(step.key for step in steps if _whole(step, steps))
    work = _Work(cloud, wishes.owner, taken)
    nodes = []
    for step, needs in ordered(steps):
        seconds = _SECONDS.get(step.resource.type, 5.0)
        nodes.append(dag.Node(step.key, work.of(step), needs, seconds))
        if step.action == REPLACED:
            nodes.append(dag.Node(step.key + GONE, work.deletion(step), _gone(step, steps), 5.0))
    by_key = {step.key: step for step in steps}

    def on_change(change: dag.Change) -> None:
        key = change.key[: -len(GONE)] if change.key.endswith(GONE) else change.key
        gone = change.key.endswith(GONE)
        action = DELETE if gone else by_key[key].action
        words = {dag.RUNNING: _DOING[action], dag.DONE: _DONE[action]}.get(
            change.state, change.state
        )
        tell(key, f"{words}{f', as {change.because} failed' if change.because else ''}")

    try:
        return await dag.run(nodes, wishes.concurrency, on_change)
    except GraphError as error:
        problems = [Problem(each.reason, f"{each.message}.") for each in error.problems]
        raise RefusedError(problems) from error


def ordered(steps: Sequence[Step]) -> list[tuple[Step, list[str]]]:
    """What is to be done, and after what: steps that change nothing hand their needs on."""
    by_key = {step.key: step for step in steps}
    acting = [step for step in steps if step.action in _DOING]
    found = []
    for step in acting:
        if step.action == DELETE:
            whole = _whole(step, steps)
            found.append((step, [whole] if whole else _gone(step, steps)))
            continue
        needs = _effective(step.resource.needs, by_key)
        if step.action == REPLACED:
            needs = [*needs, step.key + GONE]
        found.append((step, needs))
    return found


def _effective(needs: Sequence[str], steps: Mapping[str, Step]) -> list[str]:
    found: list[str] = []
    for need in needs:
        step = steps.get(need)
        if step is None or step.action == DELETE:
            continue
        if step.action == UNCHANGED:
            found += _effective(step.resource.needs, steps)
        else:
            found.append(need)
    return list(dict.fromkeys(found))


def _whole(step: Step, steps: Sequence[Step]) -> str:
    """Key of what takes it along: a cluster that is deleted takes its node pools, in one operation instead of many."""
    if step.action != DELETE or step.resource.type != "container.nodePools":
        return ""
    cluster = step.resource.link.rpartition("/nodePools/")[0]
    going = (each for each in steps if each.action == DELETE and each.live is not None)
    return next((each.key for each in going if each.resource.link == cluster), "")


def _gone(step: Step, steps: Sequence[Step]) -> list[str]:
    """What has to have gone, or to have let go, before something is deleted: all that uses it."""
    link = step.resource.link
    found = []
    for other in steps:
        if other.key == step.key or other.action in (UNCHANGED, CREATE) or other.live is None:
            continue
        if _whole(other, steps) == step.key:
            continue
        declared = step.key in other.resource.needs
        used = declared or any(each == link or each.startswith(f"{link}/") for each in other.uses)
        if not used:
            continue
        if other.action == DELETE:
            found.append(other.key)
        elif other.action == REPLACED:
            found.append(other.key + GONE)
        elif not declared:
            found.append(other.key)
    return list(dict.fromkeys(found))


class _Work:
    def __init__(self, cloud: Cloud, owner: str | None, taken: Collection[str]) -> None:
        self._cloud = cloud
        self._owner = owner
        self._taken = taken

    def of(self, step: Step) -> Any:
        """What does a step."""
        if step.action == DELETE:
            return self.deletion(step)
        return self._update(step) if step.action == UPDATE else self._create(step)

    def deletion(self, step: Step) -> Any:
        """What deletes."""

        async def work() -> None:
            if step.key not in self._taken:
                await handler_of(self._cloud, step.resource).delete()
            self._cloud.outputs.pop(step.resource.link, None)
            self._cloud.shared.get("policies", {}).pop(step.resource.link, None)

        return work

    def _create(self, step: Step) -> Any:
        async def work() -> Mapping[str, Any] | None:
            resource = marked(self._cloud.definitions, step.resource, self._owner)
            await handler_of(self._cloud, resource).create()
            live = await self._read(step)
            if live is not None or step.resource.type == BINDINGS:  # their policy was read before
                return live
            if await handler_of(self._cloud, step.resource).shown() is None:
                raise GcpError("not_found", _NOT_SHOWN)
            return await self._read(step)

        return work

    def _update(self, step: Step) -> Any:
        async def work() -> Mapping[str, Any] | None:
            handler = handler_of(self._cloud, step.resource)
            live = step.live or {}
            if any(change.after == ANEW for change in step.changes):
                live = await handler.read() or {}
            # What others tell may be known by now and be what is there already.
            found = handler.compare(live)
            if any(handler.verdict(change, live) == REPLACE for change in found):
                raise GcpError("needs_replace", _late(found))
            try:
                await handler.update(live, found)
            except GcpError as error:
                if error.reason != "changed_meanwhile":
                    raise
                fresh = await handler.read() or {}
                again = handler.compare(fresh)
                fine = (IN_PLACE,) if step.in_place else (IN_PLACE, RESTART)
                if any(handler.verdict(change, fresh) not in fine for change in again):
                    raise
                await handler.update(fresh, again)
            return await self._read(step)

        return work

    async def _read(self, step: Step) -> Mapping[str, Any] | None:
        live = await handler_of(self._cloud, step.resource).read()
        if live is not None:
            self._cloud.outputs[step.resource.link] = live
        return live


def _late(found: Sequence[Any]) -> str:
    fields = ", ".join(change.field for change in found)
    return f"{fields} cannot be changed any more, as was seen only now; run it again for a plan that says so."
