# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is refused before the first object is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import Found, World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.owners import other_owner
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Item, Plan
from ansible_collections.groundwork.platform.plugins.module_utils.kube.quantity import quantity


def check(plan: Plan, world: World, held: str = "") -> None:
    """Refuse what the API would take in part, or would take and then hold against what runs.

    ``held`` is an Application of Argo CD whose objects are ours for now, see ``owners``.
    Raises ``KubeError``: ``no_namespace``, ``namespace_terminating``, ``owned_elsewhere``, ``quota_below_use``.
    """
    if world.phases is not None:
        _check_namespaces(plan, world.phases)
    _check_owners(plan, world, held)
    problems = [
        problem
        for item in plan.items
        if item.key.kind == "ResourceQuota" and item.key in world.found
        for problem in _below_use(item, world.found[item.key])
    ]
    if problems:
        raise KubeError(
            "quota_below_use",
            f"{'; '.join(problems)}. Nothing was changed. Raise the quota, or scale down first.",
        )


def _check_namespaces(plan: Plan, phases: Mapping[str, str]) -> None:
    ending = sorted(
        name
        for name in plan.used_namespaces | plan.namespaces
        if phases.get(name, "Active") == "Terminating"
    )
    if ending:
        raise KubeError(
            "namespace_terminating",
            f"{', '.join(ending)} is being deleted and takes no new objects. Wait until it is gone (what holds it is "
            "in its status), then start again. Nothing was changed.",
        )
    missing = sorted(plan.used_namespaces - plan.namespaces - phases.keys())
    if missing:
        raise KubeError(
            "no_namespace",
            f"The cluster has no namespace {', '.join(missing)}, and no manifest makes it. Nothing was changed.",
        )


def _check_owners(plan: Plan, world: World, held: str) -> None:
    """Two tools that keep one object set it back and forth for ever."""
    owners = {
        item.key: other_owner(live.body, item.manifest.body, held)
        for item in plan.items
        if (live := world.found.get(item.key)) and live.body is not None
    }
    owned = [f"{key} is kept by {owner}" for key, owner in owners.items() if owner]
    if owned:
        raise KubeError(
            "owned_elsewhere",
            f"{'; '.join(owned)}. One object has one owner: leave it out here, or take it from the other tool and "
            "remove its mark. Nothing was changed.",
        )


def _below_use(item: Item, found: Found) -> Iterator[str]:
    """A quota below what runs lets nothing new start; Kubernetes takes it without a word."""
    used = ((found.body or {}).get("status") or {}).get("used") or {}
    hard = (item.manifest.body.get("spec") or {}).get("hard") or {}
    for name, limit in hard.items():
        if name in used and quantity(limit) < quantity(used[name]):
            yield f"{item.key} would allow {limit} of {name}, and {used[name]} are in use"
