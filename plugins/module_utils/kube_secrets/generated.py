# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a generated value is: the one that is kept, else the one that a cluster has already, else a new one.

It never changes by itself. Where folder and cluster have different values under the same version, nobody
but a person can say which one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets import manifests
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.keep import (
    Keep,
    make,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.live import (
    Live,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    Generated,
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.values import Value


@dataclass(frozen=True)
class Seen:
    """A value of the wanted version in a cluster; ``content`` is ``None`` where it cannot be read."""

    where: str
    content: bytes | None = field(repr=False)


def decide(kept: bytes | None, file: str, seen: Sequence[Seen]) -> bytes | None:
    """Return the value, ``None`` where a new one is to be made.

    Raises ``MissingError``: ``values_differ``, ``value_lost``.
    """
    readable = [one for one in seen if one.content is not None]
    if kept is None and seen and not readable:
        raise MissingError(
            "value_lost",
            f"it was generated and sealed before ({seen[0].where}), and {file}, where it was kept, is not there",
            "Bring the file back from a backup, or raise generate.version for a new value",
        )
    first = kept if kept is not None else readable[0].content if readable else None
    others = [one.where for one in readable if one.content != first]
    if others:
        first_place = file if kept is not None else readable[0].where
        raise MissingError(
            "values_differ",
            f"{first_place} and {', '.join(others)} have different values",
            f"If the cluster's is right, remove {file}; if the file's is, remove the key from the Secret; for a new "
            "one in both, raise generate.version",
        )
    return first


class Generation:
    """The generated values of one cluster's secrets."""

    def __init__(self, keep: Keep, there: Mapping[Target, Live]) -> None:
        self._keep = keep
        self._there = there

    def values(self, sources: Iterable[Generated]) -> dict[Generated, Value]:
        """Values as they will be; new ones are made, and not kept yet. Raises ``KubeError`` (``bad_state``)."""
        return {source: self._value(source) for source in sources}

    def save(self, made: Mapping[Generated, Value]) -> dict[Generated, Value]:
        """Keep what is new, and return what counts. Raises ``KubeError`` (``bad_state``).

        Where a run for another cluster came first, its value counts here, too; unless this cluster has
        another one already, which is missing then.
        """
        kept = dict(made)
        for source, value in made.items():
            if isinstance(value, bytes):
                # A run for another cluster may have been first before this look as well as after it.
                there = self._keep.read(source)
                saved = self._keep.save(source, value) if there is None else there
                kept[source] = value if saved == value else self._value(source)
        return kept

    def _value(self, source: Generated) -> Value:
        file = str(self._keep.file(source))
        try:
            value = decide(self._keep.read(source), file, list(_seen(source, self._there)))
        except MissingError as error:
            return error
        return make(source) if value is None else value


def _seen(source: Generated, there: Mapping[Target, Live]) -> Iterator[Seen]:
    """The value of the wanted version where a cluster has it already."""
    for target, found in there.items():
        keys = [key for key, used in target.described.data.items() if used == source]
        versions = manifests.generated_versions(found.secret or found.own)
        contents = manifests.contents_of(found.secret)
        sealed = ((found.own or {}).get("spec") or {}).get("encryptedData") or {}
        for key in keys:
            if versions.get(key, 1) != source.version:
                continue
            if contents is None and key in sealed:
                yield Seen(f"the SealedSecret {target.where}", None)
            elif contents is not None and key in contents:
                yield Seen(f"the Secret {target.where}", contents[key])
