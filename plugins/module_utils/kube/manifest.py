# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests: what was written down about an object, and where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents

#: What a folder is searched for.
SUFFIXES = (".yaml", ".yml", ".json")


class Kind(NamedTuple):
    """A kind of objects at one version of its API."""

    api_version: str
    name: str

    @property
    def group(self) -> str:
        """The API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]


class Key(NamedTuple):
    """What tells objects apart, whichever version of the API names them."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.name}{place}"


@dataclass(frozen=True)
class Manifest:
    """One object as it is wanted; ``source`` is its file and line or its place in the task."""

    body: Mapping[str, Any]
    source: str

    @cached_property
    def kind(self) -> Kind:
        """Its kind."""
        return Kind(self.body["apiVersion"], self.body["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace, empty where it names none."""
        return str(self.body["metadata"].get("namespace") or "")

    @cached_property
    def key(self) -> Key:
        """What tells it apart."""
        return Key(self.kind.group, self.kind.name, self.namespace, self.name)

    def within(self, namespace: str) -> Manifest:
        """The same object in a namespace, or in none where it is empty."""
        metadata = dict(self.body["metadata"])
        metadata.pop("namespace", None)
        if namespace:
            metadata["namespace"] = namespace
        return Manifest({**self.body, "metadata": metadata}, self.source)


def from_files(paths: Iterable[str]) -> Iterator[Manifest]:
    """Read files, and all files of folders that carry one of ``SUFFIXES``, in the order of their names.

    Raises ``KubeError``: ``no_such_file``, ``no_manifests``, ``malformed_yaml``, ``malformed_manifest``.
    """
    for path in paths:
        files = list(_files(path))
        if not files:
            raise KubeError(
                "no_manifests", f"{path} holds no file that ends in {', '.join(SUFFIXES)}."
            )
        for file in files:
            yield from from_text(Path(file).read_text(encoding="utf-8"), file)


def _files(path: str) -> Iterator[str]:
    if os.path.isfile(path):
        yield path
    elif os.path.isdir(path):
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (
                os.path.join(folder, name) for name in sorted(names) if name.endswith(SUFFIXES)
            )
    else:
        raise KubeError("no_such_file", f"{path} is no file and no folder.")


def from_text(text: str, source: str) -> Iterator[Manifest]:
    """Read YAML or JSON with any number of documents.

    Raises ``KubeError``: ``malformed_yaml``, ``malformed_manifest``.
    """
    for value, line in documents(text, source):
        yield from from_value(value, f"{source}:{line}")


def from_value(value: Any, source: str) -> Iterator[Manifest]:
    """Take parsed objects, lists of them, and Kubernetes' own lists apart.

    Raises ``KubeError`` (``malformed_manifest``).
    """
    if isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield from from_value(item, f"{source}, item {number}")
        return
    _check(value, source)
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        yield from from_value(value["items"], source)
        return
    given = (value.get("metadata") or {}).items()
    # A chart that has no annotations often says annotations: null. Sent so, it would remove everybody else's.
    metadata = {key: item for key, item in given if item is not None}
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise KubeError(
            "malformed_manifest",
            f"{source}: a {value['kind']} without metadata.name. Only a named object can be applied again.",
        )
    yield Manifest({**value, "metadata": metadata}, source)


def _check(value: Any, source: str) -> None:
    if not isinstance(value, dict):
        raise KubeError(
            "malformed_manifest", f"{source}: a manifest is a mapping, not {_shown(value)}."
        )
    for field in ("apiVersion", "kind"):
        if not isinstance(value.get(field), str) or not value[field]:
            raise KubeError("malformed_manifest", f"{source}: no {field}.")
    if not isinstance(value.get("metadata") or {}, dict):
        raise KubeError("malformed_manifest", f"{source}: metadata is no mapping.")
    _check_keys(value, source)


def _check_keys(value: Any, place: str) -> None:
    """A key that is no text was a word for who wrote it: Ansible's own reader makes false of ``no``."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise KubeError(
                    "malformed_manifest",
                    f"{place}: the key {_shown(key)} is no text. Put it into quotes where it is written.",
                )
            _check_keys(item, place)
    elif isinstance(value, list):
        for item in value:
            _check_keys(item, place)


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}"
