# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Promotion: a version goes where an earlier environment has it on record as good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Service
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    GOOD,
    Kept,
    left,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: One namespace for all services, or namespaces there by those here.
Namespaces = Optional[Union[str, Mapping[str, str]]]


def problems(
    services: Iterable[Service],
    earlier: Mapping[tuple[str, str], Sequence[Kept]],
    name: str,
    soaked: float,
    namespaces: Namespaces = None,
) -> list[KubeError]:
    """Why services may not come from the environment ``name`` yet; ``soaked`` is how long it has to watch them.

    ``namespaces`` says where they are there, as ``there`` takes it.
    """
    found = []
    for service in services:
        namespace = there(service.namespace, namespaces)
        why = missing(service, earlier.get((namespace, service.name), ()), soaked)
        if why:
            where = "" if namespace == service.namespace else f" (namespace {namespace})"
            found.append(
                KubeError(
                    "not_promoted",
                    f"{service.name} {service.target.version}: {name}{where} {why}.",
                )
            )
    return found


def there(namespace: str, namespaces: Namespaces) -> str:
    """What a namespace is called in the earlier environment: as here, where neither a name nor a mapping has it."""
    if isinstance(namespaces, Mapping):
        return namespaces.get(namespace, namespace)
    return namespaces or namespace


def read(given: Any) -> Namespaces:
    """The option ``namespace`` of ``promoted_from``. Raises ``KubeError`` (``bad_namespace``)."""
    if given is None or isinstance(given, str):
        return given or None
    if isinstance(given, Mapping) and all(
        isinstance(each, str) and each for pair in given.items() for each in pair
    ):
        return dict(given)
    raise KubeError(
        "bad_namespace",
        f"promoted_from: namespace is neither a name nor a mapping from names here to names there: {given!r}.",
    )


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
