# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be applied, resolved against what the cluster serves, and refused before any change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.diff import SERVER_METADATA
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.kinds import wave
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Key,
    Kind,
    Manifest,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import encoded

#: Objects with the same value of this label belong to one inventory: what prune compares with.
INVENTORY_LABEL = "groundwork.platform/inventory"
NAMESPACE = Kind("v1", "Namespace")
DEFINITION = "CustomResourceDefinition"
#: What the API has to offer of a kind.
_NEEDED = frozenset(("create", "get", "list", "patch"))


@dataclass(frozen=True)
class Item:
    """A manifest and where the API takes it. ``defined_by`` names the CRD in the same call that brings its kind."""

    manifest: Manifest
    resource: Resource
    defined_by: str = ""

    @property
    def key(self) -> Key:
        """What tells the object apart."""
        return self.manifest.key

    @property
    def path(self) -> str:
        """The object's path."""
        return self.resource.path(self.manifest.namespace, self.manifest.name)

    @property
    def wave(self) -> int:
        """When it is applied; see ``kinds``."""
        return wave(self.key)


@dataclass(frozen=True)
class Plan:
    """All items, in their order, and the namespaces among them."""

    items: tuple[Item, ...]

    @property
    def namespaces(self) -> frozenset[str]:
        """Names of the namespaces that are applied."""
        return frozenset(item.key.name for item in self.items if item.resource.kind == NAMESPACE)

    @property
    def used_namespaces(self) -> frozenset[str]:
        """Names of the namespaces that objects are in."""
        return frozenset(item.key.namespace for item in self.items if item.key.namespace)


def plan(
    manifests: Iterable[Manifest],
    catalogue: Catalogue,
    default_namespace: str,
    inventory: str | None,
    others: Iterable[Manifest] = (),
) -> Plan:
    """Find the resource of each manifest, put it into its namespace and label it.

    ``others`` are applied before these; the kinds that they define may be used. Raises ``KubeError``
    (``unknown_kind``, ``not_appliable``, ``twice``) that names all manifests it is about.
    """
    manifests = list(manifests)
    coming = defined([*others, *manifests])
    items, unknown, unfit = [], [], []
    for manifest in manifests:
        resource, defined_by = catalogue.get(manifest.kind), ""
        if resource is None and manifest.kind in coming:
            resource, defined_by = coming[manifest.kind]
        if resource is None:
            unknown.append(f"{manifest.source}: {catalogue.unknown(manifest.kind)}")
            continue
        if not resource.verbs >= _NEEDED:
            unfit.append(f"{manifest.source}: {_unfit(resource)}")
        items.append(
            Item(_prepared(manifest, resource, default_namespace, inventory), resource, defined_by)
        )
    if unknown:
        raise KubeError("unknown_kind", _sentence(unknown))
    if unfit:
        raise KubeError("not_appliable", _sentence(unfit))
    return joined(items)


def joined(items: Iterable[Item]) -> Plan:
    """One plan of items, wave by wave. Raises ``KubeError`` (``twice``) that names all twins."""
    items = list(items)
    _refuse_twins(items)
    return Plan(tuple(sorted(items, key=lambda item: item.wave)))


def defined(manifests: Iterable[Manifest]) -> dict[Kind, tuple[Resource, str]]:
    """Kinds that definitions among the manifests bring, and the definitions' names."""
    found = {}
    for manifest in manifests:
        if manifest.kind.name != DEFINITION:
            continue
        spec: Mapping[str, Any] = manifest.body.get("spec") or {}
        names = spec.get("names") or {}
        for version in spec.get("versions") or ():
            kind = Kind(f"{spec.get('group')}/{version.get('name')}", str(names.get("kind")))
            found[kind] = (
                Resource(
                    kind,
                    str(names.get("plural")),
                    spec.get("scope") == "Namespaced",
                    _NEEDED,
                ),
                manifest.name,
            )
    return found


def _unfit(resource: Resource) -> str:
    kind = resource.kind
    return (
        f"a {kind.name} ({kind.api_version}) cannot be applied, as the API offers no "
        f"{', '.join(sorted(_NEEDED - resource.verbs))} for it, only {', '.join(sorted(resource.verbs))}"
    )


def _prepared(
    manifest: Manifest, resource: Resource, default_namespace: str, inventory: str | None
) -> Manifest:
    namespace = (manifest.namespace or default_namespace) if resource.namespaced else ""
    placed = manifest.within(namespace)
    # What is none of a writer's business would make a manifest differ from its own result for ever.
    body = {key: value for key, value in encoded(placed.body).items() if key != "status"}
    metadata = {key: value for key, value in body["metadata"].items() if key not in SERVER_METADATA}
    if inventory:
        metadata["labels"] = {**(metadata.get("labels") or {}), INVENTORY_LABEL: inventory}
    return Manifest({**body, "metadata": metadata}, manifest.source)


def _refuse_twins(items: Iterable[Item]) -> None:
    seen: dict[Key, str] = {}
    twins = []
    for item in items:
        if item.key in seen:
            twins.append(f"{item.key} is in {seen[item.key]} and in {item.manifest.source}")
        seen[item.key] = item.manifest.source
    if twins:
        raise KubeError("twice", _sentence(twins))


def _sentence(problems: list[str]) -> str:
    return f"{'; '.join(problems)}. Nothing was changed."
