# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a component works: small checks against the API, asked until they hold or time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.components.model import Component
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import APPLY
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Catalogue
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Manifest,
    from_text,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    Item,
    defined,
    plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.wait import until_ready

#: Seconds between two questions.
PAUSE = 1.0

#: Asks once: an empty text where the check holds, or what is wrong.
Question = Callable[[], Awaitable[str]]


class Checks:
    """A component's checks, resolved against what the cluster will serve. Raises ``KubeError`` where it cannot."""

    def __init__(
        self,
        component: Component,
        own: Sequence[Manifest],
        catalogue: Catalogue,
        others: Sequence[Manifest],
    ) -> None:
        """``own`` are the component's manifests, ``others`` those of all components."""
        self._component = component
        self._own = own
        self._objects: list[tuple[Item, str]] = []
        self._accepted: list[Item] = []
        self._paths: list[str] = []
        for check in component.verify:
            if "api" in check:
                self._paths.append(check["api"])
            elif "accepts" in check:
                wanted = _manifests(check["accepts"], f"{component.name}: verify")
                self._accepted += plan(wanted, catalogue, component.namespace, None, others).items
            else:
                self._objects.append(self._object(check, catalogue, others))

    async def failing(self, client: Client, manager: str, timeout: float) -> list[str]:
        """Ask all at once until they hold, up to ``timeout`` seconds; what does not hold then."""
        found = await asyncio.gather(
            *(_ready(client, item, condition, timeout) for item, condition in self._objects),
            *(_until(partial(_answers, client, path), timeout) for path in self._paths),
            *(_until(partial(_accepts, client, item, manager), timeout) for item in self._accepted),
        )
        return [text for text in found if text]

    def _object(
        self, check: Mapping[str, Any], catalogue: Catalogue, others: Sequence[Manifest]
    ) -> tuple[Item, str]:
        api_version = check.get("api_version") or _api_version(
            check["kind"], self._own, catalogue, others
        )
        body = {
            "apiVersion": api_version,
            "kind": check["kind"],
            "metadata": {"name": check["name"], "namespace": check.get("namespace") or ""},
        }
        looked_at = plan(
            [Manifest(body, f"{self._component.name}: verify")],
            catalogue,
            self._component.namespace,
            None,
            others,
        )
        return looked_at.items[0], check.get("condition", "")


def _api_version(
    kind: str, own: Sequence[Manifest], catalogue: Catalogue, others: Sequence[Manifest]
) -> str:
    """The version that a kind's bare name means: the component's own, Kubernetes' own, or the only one."""
    served = [resource.kind for resource in catalogue.preferred()]
    for kinds in (
        [manifest.kind for manifest in own],
        [known for known in served if "." not in known.group],
        [*served, *defined(others)],
    ):
        # One version for each group; the first is the one that the cluster prefers.
        meant = {known.group: known.api_version for known in reversed(kinds) if known.name == kind}
        if len(meant) == 1:
            return next(iter(meant.values()))
        if meant:
            raise KubeError(
                "unknown_kind",
                f"verify: {kind} is a kind of {' and of '.join(sorted(meant))}. Say which with api_version.",
            )
    raise KubeError(
        "unknown_kind", f"verify: the cluster knows no {kind}, and no component brings it."
    )


def _manifests(given: Any, source: str) -> list[Manifest]:
    return list(from_text(given, source) if isinstance(given, str) else from_value(given, source))


async def _ready(client: Client, item: Item, condition: str, timeout: float) -> str:
    conditions = {item.key.kind: condition} if condition else {}
    late = await until_ready(client, [item], conditions, timeout)
    return f"{item.key}: {late[item.key]}" if item.key in late else ""


async def _until(ask: Question, timeout: float) -> str:
    deadline = time.monotonic() + timeout
    while True:
        told = await ask()
        if not told or time.monotonic() > deadline:
            return told
        await asyncio.sleep(PAUSE)


async def _answers(client: Client, path: str) -> str:
    answer = await client.get(path)
    return "" if answer.ok else f"{path} answers with {answer.status}: {answer.message}"


async def _accepts(client: Client, item: Item, manager: str) -> str:
    """Whether the API, its webhooks included, would take an object."""
    query = {"fieldManager": manager, "fieldValidation": "Strict", "force": "true"}
    query["dryRun"] = "All"
    answer = await client.send("PATCH", item.path, item.manifest.body, APPLY, query)
    return "" if answer.ok else f"{item.key} is not accepted: {answer.message}"
