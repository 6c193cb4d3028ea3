# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects of an inventory that its manifests do not have any more."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    METADATA,
    PRUNED,
    Options,
    Outcome,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.diff import difference
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.kinds import wave
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import of_inventories
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import INVENTORY_LABEL

#: With these goes what no manifest can bring back: only who names them loses them.
KEPT = frozenset(
    ("Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition")
)
#: The API's controllers make these and copy a Service's labels to them.
_COPIED = frozenset(("Endpoints", "EndpointSlice"))
_LISTED = METADATA.replace("PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True)
class Surplus:
    """A live object, its metadata alone, that no manifest of its inventory has."""

    resource: Resource
    body: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """What tells it apart."""
        return self.resource.key(self.body)

    @property
    def inventory(self) -> str:
        """What it belonged to."""
        return str(self.body["metadata"]["labels"][INVENTORY_LABEL])


async def surplus(
    client: Client,
    catalogue: Catalogue,
    inventories: Collection[str],
    wanted: Collection[Key],
    also: Collection[str],
) -> list[Surplus]:
    """Find what carries the label of an inventory and is not wanted; kinds in ``KEPT`` only where ``also`` names them.

    What another object owns is left to it. Raises those of the client.
    """
    resources = [
        resource
        for resource in catalogue.preferred()
        if {"list", "delete"} <= resource.verbs
        and resource.kind.name not in _COPIED
        and (resource.kind.name not in KEPT or resource.kind.name in also)
    ]
    lists = await asyncio.gather(
        *(_labelled(client, resource, inventories) for resource in resources)
    )
    return [
        Surplus(resource, body)
        for resource, bodies in zip(resources, lists)
        for body in bodies
        if resource.key(body) not in wanted and not body["metadata"].get("ownerReferences")
    ]


async def prune(client: Client, found: Collection[Surplus], options: Options) -> list[Outcome]:
    """Delete surplus; what was applied last goes first. Raises those of the client."""
    outcomes: list[Outcome] = []
    for number in sorted({wave(entry.resource.kind) for entry in found}, reverse=True):
        outcomes += await asyncio.gather(
            *(
                _delete(client, entry.resource, entry.body, options)
                for entry in found
                if wave(entry.resource.kind) == number
            )
        )
    return outcomes


async def _labelled(
    client: Client, resource: Resource, inventories: Collection[str]
) -> list[Mapping[str, Any]]:
    answer = await client.get(
        resource.path(), accept=_LISTED, labelSelector=of_inventories(inventories)
    )
    # Who may not see a kind has not applied it either.
    return list(answer.body["items"] or ()) if answer.ok else []


async def _delete(
    client: Client, resource: Resource, body: Mapping[str, Any], options: Options
) -> Outcome:
    key = resource.key(body)
    # The very object that was seen, and not one that somebody made in its place meanwhile.
    wish: dict[str, Any] = {
        "propagationPolicy": "Background",
        "preconditions": {"uid": body["metadata"]["uid"]},
    }
    if options.check:
        wish["dryRun"] = ["All"]
    answer = await client.send("DELETE", resource.path(key.namespace, key.name), wish)
    if not answer.ok and answer.status != 404:
        return Outcome(key, "prune", FAILED, "failed", f"deleting {key}: {answer.message}")
    diff = difference(str(key), resource.named(body), None) if options.diff else None
    return Outcome(key, "prune", PRUNED, diff=diff)
