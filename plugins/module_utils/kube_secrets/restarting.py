# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find what uses a changed secret, restart it, and wait until it runs with the new values."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    MERGE,
    METADATA,
    Options,
    Outcome,
    failure,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Kind,
    Manifest,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Item
from ansible_collections.groundwork.platform.plugins.module_utils.kube.wait import until_ready
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import Workload
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.workloads import (
    Body,
    Change,
    Restart,
    patch,
    restarts,
    unknown,
)

_VERBS = frozenset(("get", "list", "watch", "patch"))
_RESOURCES = {
    kind: Resource(Kind("apps/v1", kind), plural, True, _VERBS)
    for kind, plural in (
        ("Deployment", "deployments"),
        ("StatefulSet", "statefulsets"),
        ("DaemonSet", "daemonsets"),
    )
}


async def find(client: Client, changes: Iterable[Change]) -> list[Restart]:
    """Return what has to be restarted for changes, each workload once.

    Raises ``KubeError``: ``no_such_workload`` for one that is named and not there, ``forbidden``.
    """
    by_namespace: dict[str, list[Change]] = {}
    for change in changes:
        by_namespace.setdefault(change.namespace, []).append(change)
    there = await asyncio.gather(*(_workloads(client, namespace) for namespace in by_namespace))
    missing = [
        text
        for workloads, group in zip(there, by_namespace.values())
        for text in unknown(group, workloads)
    ]
    if missing:
        raise KubeError(
            "no_such_workload",
            f"To be restarted and not there: {', '.join(missing)}. Correct restart, or leave it out to have the users "
            "of the secret found. Nothing was changed.",
        )
    return [
        restart
        for workloads, (namespace, group) in zip(there, by_namespace.items())
        for restart in restarts(namespace, workloads, group)
    ]


async def _workloads(client: Client, namespace: str) -> dict[Workload, Body]:
    answers = await asyncio.gather(
        *(client.get(resource.path(namespace)) for resource in _RESOURCES.values())
    )
    found: dict[Workload, Body] = {}
    for kind, answer in zip(_RESOURCES, answers):
        if not answer.ok:
            raise KubeError(
                "forbidden" if answer.status == 403 else "failed",
                f"listing {_RESOURCES[kind].plural} of {namespace}, to find what uses a secret that changes: "
                f"{answer.message}. Nothing was changed.",
            )
        for body in answer.body["items"] or ():
            found[Workload(kind, body["metadata"]["name"])] = body
    return found


async def restart_all(
    client: Client, wanted: Sequence[Restart], options: Options, timeout: float
) -> list[Outcome]:
    """Restart what has not been restarted yet, and wait for all of it; return what went wrong."""
    items = [_item(restart) for restart in wanted]
    answers = await asyncio.gather(
        *(
            _restart(client, item, restart, options)
            for item, restart in zip(items, wanted)
            if not restart.done
        )
    )
    wrong = [outcome for outcome in answers if outcome]
    if wrong or options.check:
        return wrong
    # What is held does not follow by itself: to wait for it would be to wait for a person.
    awaited = [item for item, restart in zip(items, wanted) if not restart.held]
    late = await until_ready(client, awaited, {}, timeout)
    because = {
        _item(restart).key: f"after {' and '.join(restart.secrets)} changed" for restart in wanted
    }
    return [
        Outcome(
            key,
            "restart",
            FAILED,
            "not_ready",
            f"{key} was restarted {because[key]}, and is not ready: {text}. Correct the value, or the workload; the "
            "next run goes on here.",
        )
        for key, text in late.items()
    ]


async def _restart(
    client: Client, item: Item, restart: Restart, options: Options
) -> Outcome | None:
    query: dict[str, Any] = {"fieldManager": options.manager}
    if options.check:
        query["dryRun"] = "All"
    answer = await client.send("PATCH", item.path, patch(restart), MERGE, query, METADATA)
    return None if answer.ok else failure(item, answer, True)


def _item(restart: Restart) -> Item:
    resource = _RESOURCES[restart.workload.kind]
    body = {
        "apiVersion": resource.kind.api_version,
        "kind": resource.kind.name,
        "metadata": {"name": restart.workload.name, "namespace": restart.namespace},
    }
    return Item(Manifest(body, "restart"), resource)
