# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a chart makes up each time it is rendered: passwords, certificates.

Helm renders once for each install or upgrade; here a chart is rendered in each run. So it is rendered twice,
and where the two differ, what the cluster has is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import encoded

#: The way to a value: keys of mappings, places in lists.
Place = tuple[Union[str, int], ...]
_ABSENT = object()


def made_up(first: Sequence[Manifest], second: Sequence[Manifest]) -> dict[Key, tuple[Place, ...]]:
    """Where two renderings differ, by object. Raises ``KubeError`` (``unsteady``) where names differ."""
    if [manifest.key for manifest in first] != [manifest.key for manifest in second]:
        names = {manifest.key for manifest in first} ^ {manifest.key for manifest in second}
        told = ", ".join(sorted(map(str, names))) or "the order of its objects"
        raise KubeError(
            "unsteady",
            f"it gives other objects each time it is rendered ({told}), so each run would install more of them. Set "
            "the names in its values.",
        )
    found = {}
    for one, other in zip(first, second):
        places = tuple(_differences(encoded(one.body), encoded(other.body), ()))
        if places:
            found[one.key] = places
    return found


def keeping(manifest: Manifest, live: Mapping[str, Any], places: Iterable[Place]) -> Manifest:
    """The manifest with the live object's values at some places; where it has none, with its own."""
    body: Any = manifest.body
    for place in places:
        value = _at(live, place)
        if value is not _ABSENT:
            body = _with(body, place, value)
    return Manifest(body, manifest.source)


def shown(place: Place) -> str:
    """A place in words."""
    return ".".join(map(str, place))


def _differences(one: Any, other: Any, place: Place) -> Iterator[Place]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _differences(one[key], other[key], (*place, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other)):
            yield from _differences(left, right, (*place, number))
    elif one != other:
        yield place


def _at(body: Any, place: Place) -> Any:
    for step in place:
        if isinstance(body, Mapping):
            body = body.get(step, _ABSENT)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
        else:
            return _ABSENT
    return body


def _with(body: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    first, rest = place[0], place[1:]
    if isinstance(body, list):
        return [
            _with(item, rest, value) if number == first else item
            for number, item in enumerate(body)
        ]
    return {**body, first: _with(body[first], rest, value)}
