# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A component as it is described: where its objects come from, what it needs, when it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Who owns a component that is applied from here.
OURS = "groundwork"
#: Where a source's objects may come from; one of these.
ORIGINS = ("chart", "path", "manifests", "kustomize")
#: Seconds to wait for a component.
PATIENCE = 300.0


@dataclass(frozen=True)
class Source:
    """Where objects come from: a chart of a repository or registry, a chart's folder or archive, files, kustomize."""

    chart: str = ""
    repository: str = ""
    version: str = ""
    path: str = ""
    manifests: tuple[str, ...] = ()
    kustomize: str = ""
    release: str = ""

    @property
    def origins(self) -> tuple[str, ...]:
        """Which of ``ORIGINS`` are given."""
        return tuple(name for name in ORIGINS if getattr(self, name))

    @property
    def is_chart(self) -> bool:
        """Whether helm renders it."""
        return bool(self.chart or self.path)

    def __str__(self) -> str:
        if self.chart:
            version = f" {self.version}" if self.version else " (newest version)"
            return f"chart {self.chart}{version}"
        if self.path:
            return f"chart {self.path}"
        return f"kustomize {self.kustomize}" if self.kustomize else ", ".join(self.manifests)


@dataclass(frozen=True)
class Component:
    """One component. ``timeout`` is seconds, 0 where nobody waits; ``conditions`` are by kind."""

    name: str
    namespace: str = "default"
    needs: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)
    manifests: tuple[Any, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = PATIENCE
    conditions: Mapping[str, str] = field(default_factory=dict)
    verify: tuple[Mapping[str, Any], ...] = ()
    enabled: bool = True
    owner: str = OURS
    definition: str = ""

    @property
    def inventory(self) -> str:
        """Value of the label that all its objects carry."""
        return inventory(self.name)

    @property
    def empty(self) -> bool:
        """Whether there is nothing that could be applied."""
        return not self.source.origins and not self.manifests


def inventory(name: str) -> str:
    """Value of the label that all objects of a component carry."""
    return f"component-{name}"


def from_options(given: Mapping[str, Any]) -> Component:
    """Take a component from the module's options, whose types Ansible has checked."""
    source = {key: value for key, value in (given["source"] or {}).items() if value}
    manifests = given["manifests"]
    if manifests is None:
        manifests = []
    wait = given["wait"] or {}
    return Component(
        name=given["name"],
        namespace=given["namespace"] or "default",
        needs=tuple(dict.fromkeys(given["needs"] or ())),
        source=Source(**{**source, "manifests": tuple(source.get("manifests", ()))}),
        manifests=tuple(manifests if isinstance(manifests, list) else [manifests]),
        values=given["values"] or {},
        timeout=PATIENCE if wait.get("timeout") is None else float(wait["timeout"]),
        conditions=wait.get("conditions") or {},
        verify=tuple(
            {key: value for key, value in check.items() if value is not None}
            for check in given["verify"] or ()
        ),
        enabled=given["enabled"],
        owner=given["owner"],
        definition=given["definition"] or "",
    )
