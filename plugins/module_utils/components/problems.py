# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a list of components, found before anything is rendered or asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    ORIGINS,
    OURS,
    Component,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import find_problems
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Helm takes names of releases up to this length.
LONGEST_NAME = 53
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
#: What single messages end with, as they are also told alone.
_UNTOUCHED = "Nothing was changed."


def wrong(
    components: Sequence[Component], known: Collection[str], helm: str | None
) -> Iterator[KubeError]:
    """Yield all that is wrong; ``known`` are the catalogue's names, ``helm`` is the program where it is there."""
    wanted = [component for component in components if component.enabled]
    ours = [component for component in wanted if component.owner == OURS]
    off = {component.name for component in components if not component.enabled}
    graph = [
        (component.name, [need for need in component.needs if need not in off])
        for component in wanted
    ]
    for problem in find_problems(graph):
        end = "" if problem.message.endswith("?") else "."
        yield KubeError(problem.reason, problem.message + end)
    for component in wanted:
        for need in component.needs:
            if need in off:
                yield KubeError(
                    "needs_disabled",
                    f"{component.name} needs {need}, which is not enabled. Enable it, or disable both.",
                )
    for component in ours:
        yield from _definition(component, known)
    charts = [component.name for component in ours if component.source.is_chart]
    if charts and not helm:
        yield KubeError(
            "missing_program",
            f"{', '.join(charts)} {'is' if len(charts) == 1 else 'are'} rendered by helm, which is not there. Install "
            "Helm 3.8 or newer, or say where it is with the option helm.",
        )


def _definition(component: Component, known: Collection[str]) -> Iterator[KubeError]:
    name, source = component.name, component.source
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        yield KubeError(
            "bad_name",
            f"{name}: a component's name has up to {LONGEST_NAME} small letters, digits and -, as it is its release's.",
        )
    if component.empty:
        yield KubeError("unknown_component", _unknown(component, known))
    if len(source.origins) > 1:
        yield KubeError(
            "bad_source",
            f"{name}: its source names {' and '.join(source.origins)}; it has one of {', '.join(ORIGINS)}.",
        )
    if source.chart and not source.repository and "/" not in source.chart:
        yield KubeError(
            "bad_source",
            f"{name}: chart {source.chart} without repository. Name its repository, a chart oci://…, or a path.",
        )
    if component.values and not source.is_chart:
        yield KubeError("bad_source", f"{name}: values are for charts, and it has none.")


def _unknown(component: Component, known: Collection[str]) -> str:
    wanted = component.definition or component.name
    near = get_close_matches(wanted, sorted(known), n=3, cutoff=0.5)
    hint = f"the nearest are {', '.join(near)}" if near else f"there are {', '.join(sorted(known))}"
    return (
        f"{component.name} has neither source nor manifests, and the catalogue has no {wanted}"
        f"{f' ({hint})' if known else ''}."
    )


def of(component: str, problem: KubeError) -> KubeError:
    """A problem that says whose it is."""
    text = str(problem)
    named = text if text.startswith(component) else f"{component}: {text}"
    return KubeError(problem.reason, named)


def refuse(found: Sequence[KubeError]) -> None:
    """Raise all problems as one ``KubeError`` with the reason of the first; nothing where there is none."""
    if not found:
        return
    texts = [str(problem).replace(f" {_UNTOUCHED}", "") for problem in found]
    if len(texts) > 1:
        texts = [
            f"{len(texts)} problems:",
            *(f"{number}. {text}" for number, text in enumerate(texts, start=1)),
        ]
    raise KubeError(found[0].reason, "\n".join([*texts, _UNTOUCHED]))
