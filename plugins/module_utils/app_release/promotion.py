# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Promotion: a version goes where an earlier environment has it on record as good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Service
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    GOOD,
    Kept,
    left,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError


def problems(
    services: Iterable[Service],
    earlier: Mapping[tuple[str, str], Sequence[Kept]],
    name: str,
    soaked: float,
) -> list[KubeError]:
    """Why services may not come from the environment ``name`` yet; ``soaked`` is how long it has to watch them."""
    found = []
    for service in services:
        why = missing(service, earlier.get((service.namespace, service.name), ()), soaked)
        if why:
            found.append(
                KubeError("not_promoted", f"{service.name} {service.target.version}: {name} {why}.")
            )
    return found


def missing(service: Service, revisions: Sequence[Kept], soaked: float) -> str:
    """What an earlier environment's record lacks of a version, or an empty text."""
    version = service.target.version
    same = sorted(
        (kept.revision for kept in revisions if kept.revision.version == version),
        key=lambda each: each.number,
    )
    if not same:
        return "never had it: release it there first"
    last = same[-1]
    if last.state != GOOD:
        return f"has it as {last.state}{f' ({last.reason})' if last.reason else ''}: only what stayed is promoted"
    if last.title in left(revisions):
        return "went back from it: only what stayed is promoted"
    image = service.target.image
    if image and last.image and _tag(image) != _tag(last.image):
        return f"ran it as {last.image}, and this would be {image}"
    seconds = float(last.soak.get("seconds", 0))
    if seconds < soaked:
        return f"watched it for {seconds:g} s, and {soaked:g} s are asked for"
    return ""


def _tag(image: str) -> str:
    """What is the same of an image in every registry."""
    return image.rpartition("/")[2]
