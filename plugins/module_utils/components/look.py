# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster is, before anything is rendered for it: one look for all components."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    discover,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import INVENTORY_LABEL

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True)
class Cluster:
    """What a cluster is; ``definitions`` are the names of its CRDs by the inventory that brought them."""

    catalogue: Catalogue
    version: str
    definitions: Mapping[str, frozenset[str]]


async def look(client: Client) -> Cluster:
    """Ask what decides how components are rendered. Raises ``KubeError``: ``failed``, those of discovery."""
    return Cluster(*await asyncio.gather(discover(client), _version(client), _definitions(client)))


async def _version(client: Client) -> str:
    answer = await client.get("/version")
    if not answer.ok:
        raise KubeError("failed", f"The API does not tell its version: {answer.message}.")
    return str(answer.body["gitVersion"])


async def _definitions(client: Client) -> dict[str, frozenset[str]]:
    answer = await client.get(_DEFINITIONS, accept=_METADATA, labelSelector=INVENTORY_LABEL)
    found: dict[str, frozenset[str]] = {}
    # Who may not list definitions does not bring them either.
    for body in (answer.body["items"] or ()) if answer.ok else ():
        inventory = body["metadata"]["labels"][INVENTORY_LABEL]
        found[inventory] = found.get(inventory, frozenset()) | {body["metadata"]["name"]}
    return found
