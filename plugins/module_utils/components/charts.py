# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Charts as helm renders them, without a release: what they are told, and where they are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.components.downloads import (
    is_exact,
    kept,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    Component,
    Source,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Catalogue
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Kind,
    Manifest,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.programs import output
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents

#: How helm says which template made what follows.
_MADE_BY = re.compile(r"^# Source: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Helm:
    """The program, what it is told of the cluster, and the folder that keeps charts of exact versions."""

    program: str
    kube_version: str
    cache: str

    async def render(self, component: Component, api_versions: Collection[str]) -> str:
        """What a component's chart makes of its values. Raises ``KubeError`` (``not_rendered``)."""
        source = component.source
        command = [self.program, "template", source.release or component.name]
        command += await self._chart(source)
        command += ["--namespace", component.namespace, "--include-crds"]
        command += ["--kube-version", self.kube_version]
        if api_versions:
            command += ["--api-versions", ",".join(sorted(api_versions))]
        # Values may hold secrets: never among the arguments, which all users of a machine may see.
        return await output([*command, "--values", "-"], json.dumps(component.values))

    async def _chart(self, source: Source) -> list[str]:
        if source.path:
            return [source.path]
        where = [source.chart]
        if source.repository:
            where += ["--repo", source.repository]
        if source.version:
            where += ["--version", source.version]
        if not is_exact(source.version):
            return where

        async def fetch(folder: str) -> None:
            await output([self.program, "pull", *where, "--destination", folder])

        return [str(await kept(self.cache, where, fetch))]


def api_versions(
    catalogue: Catalogue, foreign: Collection[str], brought: Iterable[Kind]
) -> set[str]:
    """Return what a chart that asks for kinds is told: ``group/version`` and ``group/version/Kind``.

    These are the kinds that the cluster serves and those that the components bring which it needs. Definitions
    of all others (``foreign``, by name) do not count, even where they are there already: what a chart renders
    must not depend on which component was faster in the first run.
    """
    kinds = {
        resource.kind
        for resource in catalogue.resources.values()
        if f"{resource.plural}.{resource.kind.group}" not in foreign
    }
    kinds.update(brought)
    # Helm knows Kubernetes' own by itself.
    others = {kind for kind in kinds if "." in kind.group}
    return {kind.api_version for kind in others} | {
        f"{kind.api_version}/{kind.name}" for kind in others
    }


def from_chart(text: str, component: str) -> Iterator[Manifest]:
    """Read what helm printed; each object's source is its template. Raises ``KubeError`` as ``from_text`` does."""
    templates = {
        text.count("\n", 0, match.start()) + 1: match.group(1) for match in _MADE_BY.finditer(text)
    }
    for value, line in documents(text, f"{component}, rendered"):
        yield from from_value(value, f"{component}: {_template(templates, line)}")


def _template(templates: Mapping[int, str], line: int) -> str:
    above = [place for place in templates if place <= line]
    return templates[max(above)] if above else f"rendered, line {line}"
