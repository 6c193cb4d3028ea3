# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rendered components as parts of one plan: what each brings, uses and therefore needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.groundwork.platform.plugins.module_utils.components.model import Component
from ansible_collections.groundwork.platform.plugins.module_utils.components.prepare import Rendered
from ansible_collections.groundwork.platform.plugins.module_utils.components.problems import of
from ansible_collections.groundwork.platform.plugins.module_utils.components.unsteady import (
    keeping,
    shown,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.verify import Checks
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import (
    find_cycles,
    in_words,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Catalogue
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import (
    Found,
    compare,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    Item,
    Plan,
    defined,
    joined,
    plan,
)


@dataclass(frozen=True)
class Part:
    """A component with its planned objects.

    ``uses`` says what it uses of other components, by their names. ``kept`` are values of the cluster that stand
    in for what its chart makes up, in words.
    """

    rendered: Rendered
    items: tuple[Item, ...]
    checks: Checks
    uses: Mapping[str, str]
    kept: tuple[str, ...] = ()

    @property
    def component(self) -> Component:
        """Its description."""
        return self.rendered.component

    @property
    def name(self) -> str:
        """Its name."""
        return self.component.name


def take_apart(
    rendered: Sequence[Rendered], catalogue: Catalogue
) -> tuple[list[Part], list[KubeError]]:
    """Plan all components against each other and the cluster; what is wrong is told together."""
    everything = [manifest for entry in rendered for manifest in entry.manifests]
    brings = _brought(rendered)
    parts, problems = [], []
    for entry in rendered:
        component = entry.component
        try:
            items = plan(
                entry.manifests, catalogue, component.namespace, component.inventory, everything
            ).items
            checks = Checks(component, entry.manifests, catalogue, everything)
        except KubeError as error:
            problems.append(of(component.name, error))
        else:
            parts.append(Part(entry, items, checks, _used(component.name, items, brings)))
    try:
        joined(item for part in parts for item in part.items)
    except KubeError as error:
        problems.append(error)
    return parts, problems + _circles(parts)


def needs(parts: Sequence[Part]) -> dict[str, tuple[str, ...]]:
    """What each part waits for: what its component names, and whose kinds or namespaces it uses."""
    names = {part.name for part in parts}
    return {
        part.name: tuple(
            dict.fromkeys(need for need in (*part.component.needs, *part.uses) if need in names)
        )
        for part in parts
    }


def _brought(rendered: Sequence[Rendered]) -> dict[str, dict[str, str]]:
    """What components bring that others may use, in words, and by whom."""
    found: dict[str, dict[str, str]] = {"kind": {}, "namespace": {}}
    for entry in rendered:
        for kind in defined(entry.manifests):
            found["kind"][f"{kind.name} of {kind.group}"] = entry.component.name
        for manifest in entry.manifests:
            if manifest.kind == ("v1", "Namespace"):
                found["namespace"][manifest.name] = entry.component.name
    return found


def _used(
    name: str, items: Sequence[Item], brings: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        kind = item.manifest.kind
        for what, thing in (
            ("kind", f"{kind.name} of {kind.group}"),
            ("namespace", item.key.namespace),
        ):
            owner = brings[what].get(thing, name)
            if owner != name:
                found.setdefault(owner, f"the {what} {thing}")
    return found


def _circles(parts: Sequence[Part]) -> list[KubeError]:
    by_name = {part.name: part for part in parts}
    found = []
    for cycle in find_cycles(needs(parts)):
        why = [
            f"{key} uses {by_name[key].uses[need]}, which {need} brings"
            for key, need in zip(cycle, cycle[1:])
            if need in by_name[key].uses and need not in by_name[key].component.needs
        ]
        reasons = f" ({'; '.join(why)})" if why else ""
        found.append(KubeError("cycle", f"{in_words(cycle)}{reasons}."))
    return found


def keep_values(part: Part, found: dict[Key, Found], manager: str) -> Part:
    """Put what the cluster has in place of what the part's chart makes up; ``found`` is brought up to date."""
    items, kept = [], []
    for item in part.items:
        made_up = part.rendered.made_up
        places = made_up.get(item.key) or made_up.get(item.key._replace(namespace="")) or ()
        live = found[item.key].body if item.key in found else None
        if places and live is not None:
            item = replace(item, manifest=keeping(item.manifest, live, places))
            found[item.key] = compare(item, live, manager)
            kept += [f"{item.key}: {shown(place)}" for place in places]
        items.append(item)
    return replace(part, items=tuple(items), kept=tuple(kept))


def whole(parts: Sequence[Part]) -> Plan:
    """All parts as one plan."""
    return joined(item for part in parts for item in part.items)
