# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``velero_info``: from its options to its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import (
    Connection,
    connect,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    discover,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.velero.contents import (
    Item,
    choose,
    describe,
    items,
    messages,
)
from ansible_collections.groundwork.platform.plugins.module_utils.velero.server import Velero

#: Requests in flight, and seconds between two looks.
CONCURRENCY = 16
PAUSE = 1.0

#: Lists without what the objects hold.
_NAMES = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def velero_info(module: KubeModule) -> None:
    """Ask Velero, and end the module."""
    require_libraries(module)
    try:
        result = asyncio.run(_ask(connect(access(module.params)), module.params, module.check_mode))
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    module.exit_json(changed=False, **result)


async def _ask(connection: Connection, params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    async with Client(connection, CONCURRENCY, params["timeout"]) as client:
        velero = Velero(client, params["namespace"], params["patience"])
        kind = "Restore" if params["restore"] else "Backup"
        name = params["restore"] or params["backup"]
        if not name:
            return {"version": await velero.version()}
        found = await _settled(velero, kind, name, 0.0 if check else params["wait"])
        result = describe(found)
        if found is not None and params["details"]:
            result.update(await _details(client, velero, kind, name, params))
        return result


async def _settled(
    velero: Velero, kind: str, name: str, patience: float
) -> Mapping[str, Any] | None:
    """The object once it has ended, or after the last look."""
    deadline = time.monotonic() + patience
    while True:
        found = await velero.get(kind, name)
        if describe(found)["ended"] or time.monotonic() + PAUSE > deadline:
            return found
        await asyncio.sleep(PAUSE)


async def _details(
    client: Client, velero: Velero, kind: str, name: str, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Objects and messages, as far as Velero's store hands them out."""
    result: dict[str, Any] = {
        "objects": [],
        "error_messages": [],
        "warning_messages": [],
        "unread": "",
    }
    try:
        report = await velero.download(f"{kind}Results", name)
        result["error_messages"] = messages(report.get("errors") or {})
        result["warning_messages"] = messages(report.get("warnings") or {})
        listed = await velero.download(f"{kind}ResourceList", name)
    except KubeError as error:
        if error.reason != "unread":
            raise
        return {**result, "unread": str(error)}
    found = list(items(listed or {}))
    chosen = choose(found, params["namespaces"], params["namespace_mapping"])
    there = await _there(client, await discover(client), chosen)
    result["objects"] = [item.told(item in there) for item in chosen]
    return result


async def _there(client: Client, catalogue: Catalogue, wanted: Sequence[Item]) -> set[Item]:
    """Those that the cluster has: a list of names for each kind and namespace."""
    places = sorted({(item.kind, item.namespace) for item in wanted if item.lasting})
    paths = [
        resource.path(namespace)
        for resource, namespace in ((catalogue.get(kind), namespace) for kind, namespace in places)
        if resource is not None
    ]
    served = [place for place in places if catalogue.get(place[0]) is not None]
    answers = await asyncio.gather(*(client.get(path, accept=_NAMES) for path in paths))
    names: set[tuple[Any, ...]] = set()
    for (kind, namespace), path, answer in zip(served, paths, answers):
        if not answer.ok:
            raise KubeError("forbidden", f"GET {path}: {answer.message}")
        names.update(
            (kind, namespace, body["metadata"]["name"]) for body in answer.body.get("items") or ()
        )
    return {item for item in wanted if (item.kind, item.namespace, item.name) in names}
