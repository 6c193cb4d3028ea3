# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From components to their objects: rendered, planned, and refused before the first change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.components.charts import (
    Helm,
    api_versions,
    from_chart,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.downloads import (
    text_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.hooks import sift
from ansible_collections.groundwork.platform.plugins.module_utils.components.look import Cluster
from ansible_collections.groundwork.platform.plugins.module_utils.components.model import Component
from ansible_collections.groundwork.platform.plugins.module_utils.components.problems import of
from ansible_collections.groundwork.platform.plugins.module_utils.components.unsteady import (
    Place,
    made_up,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import transitive
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Key,
    Manifest,
    from_files,
    from_text,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    DEFINITION,
    defined,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.programs import kustomized


@dataclass(frozen=True)
class Rendered:
    """A component's objects. ``left_out`` are hooks, in words; ``made_up`` is what differs in each rendering."""

    component: Component
    manifests: tuple[Manifest, ...]
    left_out: tuple[str, ...] = ()
    made_up: Mapping[Key, tuple[Place, ...]] = field(default_factory=dict)


class Workshop:
    """Renders components, each after those that it needs: a chart may ask which kinds there are."""

    def __init__(
        self,
        components: Sequence[Component],
        helm: Helm | None,
        cache: str,
        cluster: Cluster,
    ) -> None:
        self._components = components
        self._helm = helm
        self._cache = cache
        self._cluster = cluster
        self._all_needs = transitive({component.name: component.needs for component in components})
        self._ready: dict[str, Rendered] = {}

    async def render(self) -> tuple[list[Rendered], list[KubeError]]:
        """Render all; what could not be rendered is told together."""
        nodes = [
            dag.Node(component.name, partial(self._one, component), component.needs)
            for component in self._components
        ]
        report = await dag.run(nodes, os.cpu_count() or 1)
        problems = []
        for name, result in report.results.items():
            if isinstance(result.error, KubeError):
                problems.append(of(name, result.error))
            elif result.error is not None:
                raise result.error
        return list(self._ready.values()), problems

    async def _one(self, component: Component) -> None:
        first, second = await self._objects(component)
        manifests, left_out = sift(first)
        different = made_up(manifests, sift(second)[0]) if second else {}
        inline = list(_inline(component))
        self._ready[component.name] = Rendered(
            component, (*manifests, *inline), tuple(left_out), different
        )

    async def _objects(self, component: Component) -> tuple[list[Manifest], list[Manifest]]:
        """What the source gives; twice where helm made something up, else the second is empty."""
        source = component.source
        if source.is_chart and self._helm:
            render = partial(self._helm.render, component, self._api_versions(component))
            first, second = await render(), await render()
            return (
                list(from_chart(first, component.name)),
                list(from_chart(second, component.name)) if first != second else [],
            )
        if source.kustomize:
            text = await kustomized(source.kustomize)
            return list(from_text(text, f"{component.name}: kustomize")), []
        read = await asyncio.gather(*(_read(place, self._cache) for place in source.manifests))
        return [manifest for manifests in read for manifest in manifests], []

    def _api_versions(self, component: Component) -> set[str]:
        needed = self._all_needs[component.name] | {component.name}
        foreign = {
            definition
            for other in self._components
            if other.name not in needed
            for definition in self._cluster.definitions.get(other.inventory, ())
        }
        brought = defined(
            manifest
            for name in needed - {component.name}
            for manifest in self._ready[name].manifests
            if manifest.kind.name == DEFINITION
        )
        return api_versions(self._cluster.catalogue, foreign, brought)


async def _read(place: str, cache: str) -> list[Manifest]:
    if place.startswith("https://"):
        return list(from_text(await text_of(place, cache), place))
    return list(from_files([place]))


def _inline(component: Component) -> Iterator[Manifest]:
    for number, entry in enumerate(component.manifests, start=1):
        source = f"{component.name}: manifests, item {number}"
        if isinstance(entry, str):
            yield from from_text(entry, source)
        elif entry is not None:
            yield from from_value(entry, source)
