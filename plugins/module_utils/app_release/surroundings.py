# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the preflight holds a release against, read from the services' namespaces all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    AUTOSCALERS,
    World,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

Body = Mapping[str, Any]

_HPA, _SCALED = AUTOSCALERS
#: What is listed in each namespace: kinds by their lists' names, with the API that has them.
_KINDS = {
    "resourcequotas": ("/api/v1", ""),
    "poddisruptionbudgets": ("/apis/policy/v1", ""),
    "deployments": ("/apis/apps/v1", ""),
    "horizontalpodautoscalers": ("/apis/autoscaling/v2", _HPA),
    "scaledobjects": ("/apis/keda.sh/v1alpha1", _SCALED),
}
#: The API version that has KEDA's objects.
KEDA = ("keda.sh/v1alpha1", _SCALED)


async def surroundings(client: Client, namespaces: Iterable[str], keda: bool) -> World:
    """Read what is there; ``keda`` says whether the cluster serves ScaledObjects.

    Who may not see the nodes goes without them. Raises ``KubeError``: ``forbidden`` with all else that may not be
    listed, as what nobody looked at would pass for none; ``failed``; those of the client.
    """
    kinds = [kind for kind in _KINDS if keda or kind != "scaledobjects"]
    wanted = [(name, kind) for name in sorted(set(namespaces)) for kind in kinds]
    nodes, *rest = await asyncio.gather(
        _nodes(client), *(_items(client, *each) for each in wanted), return_exceptions=True
    )
    found: dict[str, list[Body]] = {kind: [] for kind in _KINDS}
    refused = []
    for (_name, kind), items in zip(wanted, rest):
        if isinstance(items, KubeError) and items.reason == "forbidden":
            refused.append(str(items))
        elif isinstance(items, BaseException):
            raise items
        else:
            found[kind] += items
    if isinstance(nodes, BaseException):
        raise nodes
    if refused:
        raise KubeError(
            "forbidden",
            f"The preflight may not look at what it has to hold the release against: {'; '.join(refused)}. Let the one "
            f"who releases list {', '.join(kinds)} in each namespace of the services.",
        )
    return World(
        nodes,
        found["resourcequotas"],
        found["poddisruptionbudgets"],
        [*found["horizontalpodautoscalers"], *found["scaledobjects"]],
        found["deployments"],
    )


async def _nodes(client: Client) -> list[Body]:
    answer = await client.get("/api/v1/nodes")
    if answer.status == 403:
        return []
    if not answer.ok:
        raise KubeError("failed", f"listing nodes: {answer.message}.")
    return list(answer.body["items"] or ())


async def _items(client: Client, namespace: str, plural: str) -> list[Body]:
    api, kind = _KINDS[plural]
    answer = await client.get(f"{api}/namespaces/{namespace}/{plural}")
    if answer.status == 404 and plural == "scaledobjects":
        return []  # KEDA went meanwhile
    if not answer.ok:
        reason = "forbidden" if answer.status == 403 else "failed"
        raise KubeError(reason, f"listing {plural} in {namespace}: {answer.message.rstrip('.')}")
    # Items of a list do not say of which kind they are.
    return [{**each, "kind": kind} if kind else each for each in answer.body["items"] or ()]
