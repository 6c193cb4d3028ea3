# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Helm's hooks, without Helm: which of them are objects of the component, and when they are applied.

What Helm would run before or after an install is applied before or after the component's other objects, by
weight, awaited, and kept: as long as its definition is the same, it has run. Where it changed it is made
anew. What Helm runs only in an upgrade, a rollback, a removal or a test is left out, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import DEFINITION, Item

_HOOK = "helm.sh/hook"
_WEIGHT = "helm.sh/hook-weight"
#: Before and after all else; ``crd-install`` is Helm 2's.
_BEFORE = frozenset(("pre-install", "crd-install"))
_AFTER = frozenset(("post-install",))
#: What hooks that come first may use.
_FOUNDATION = frozenset((DEFINITION, "Namespace"))


@dataclass(frozen=True)
class Stage:
    """Objects that are applied and awaited before the next stage. Hooks are made anew where they changed."""

    items: tuple[Item, ...]
    hooks: bool = False


def sift(manifests: Iterable[Manifest]) -> tuple[list[Manifest], list[str]]:
    """Take out the hooks that are no part of an install; return the rest, and what was taken out, in words."""
    kept, left_out = [], []
    for manifest in manifests:
        named = _hooks(manifest)
        if named and not named & (_BEFORE | _AFTER):
            left_out.append(f"{manifest.key} ({', '.join(sorted(named))})")
        else:
            kept.append(_lasting(manifest) if named else manifest)
    return kept, left_out


def stages(items: Sequence[Item]) -> list[Stage]:
    """Put the objects of a component into stages; one stage where it has no hooks."""
    before = _by_weight(items, _BEFORE)
    after = _by_weight([item for item in items if not _hooks(item.manifest) & _BEFORE], _AFTER)
    rest = [item for item in items if not _hooks(item.manifest)]
    first = [item for item in rest if before and item.key.kind in _FOUNDATION]
    rest = [item for item in rest if item not in first]
    found = [Stage(tuple(first)), *before, Stage(tuple(rest)), *after]
    return [stage for stage in found if stage.items]


def _hooks(manifest: Manifest) -> frozenset[str]:
    annotations = manifest.body["metadata"].get("annotations") or {}
    return frozenset(filter(None, str(annotations.get(_HOOK, "")).replace(" ", "").split(",")))


def _by_weight(items: Sequence[Item], which: frozenset[str]) -> list[Stage]:
    chosen = [item for item in items if _hooks(item.manifest) & which]
    weights = sorted({_weight(item) for item in chosen})
    return [
        Stage(tuple(item for item in chosen if _weight(item) == weight), hooks=True)
        for weight in weights
    ]


def _weight(item: Item) -> int:
    annotations = item.manifest.body["metadata"].get("annotations") or {}
    try:
        return int(annotations.get(_WEIGHT, 0))
    except ValueError:  # Helm, too, takes what is no number for 0
        return 0


def _lasting(manifest: Manifest) -> Manifest:
    """A hook that stays: a Job that the cluster removes when it has finished would run again each time."""
    if manifest.kind.name != "Job" or "ttlSecondsAfterFinished" not in manifest.body["spec"]:
        return manifest
    spec = {
        key: value
        for key, value in manifest.body["spec"].items()
        if key != "ttlSecondsAfterFinished"
    }
    return Manifest({**manifest.body, "spec": spec}, manifest.source)
