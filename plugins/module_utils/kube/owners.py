# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who else keeps an object: tools that write their mark on what they own and set it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Labels and annotations, and the tool that writes each (from the tools' own documentation).
_MARKS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "generate.kyverno.io/policy-name": "Kyverno",
    "meta.helm.sh/release-name": "Helm",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}


def other_owner(live: Mapping[str, Any], wanted: Mapping[str, Any], held: str = "") -> str | None:
    """Name the tool, and what it calls the object's origin, that has marked a live object.

    A mark that the manifest carries as well was applied from here and means nobody else. ``held`` is an Application of
    Argo CD whose sync is held: it means nobody else meanwhile.
    """
    return next((text for _tool, text in _owners(live, wanted, held)), None)


def sets_back(live: Mapping[str, Any]) -> str | None:
    """Name the tool that sets a live object back while nobody does anything. Helm waits for its next upgrade."""
    return next((text for tool, text in _owners(live, {}, "") if tool != "Helm"), None)


def _owners(
    live: Mapping[str, Any], wanted: Mapping[str, Any], held: str
) -> Iterator[tuple[str, str]]:
    marks, ours = _marks(live), _marks(wanted)
    for mark, tool in _MARKS.items():
        if mark in marks and mark not in ours and not (held and _of(marks[mark], held)):
            yield tool, f"{tool} ({mark}: {marks[mark]})"


def _of(mark: str, application: str) -> bool:
    """Whether a mark is an Application's: its name, or ``NAME:…`` or ``NAMESPACE_NAME:…`` of an object."""
    return mark.partition(":")[0].rpartition("_")[2] == application


def _marks(body: Mapping[str, Any]) -> dict[str, str]:
    metadata = body.get("metadata") or {}
    return {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
