# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expand and contract: what a migration takes away must be used by nobody any more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import waits_for
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Consumer,
    Migration,
)

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)+)(?:[-+].*)?$")

Body = Mapping[str, Any]


async def objections(client: Client, migration: Migration) -> list[str]:
    """Why a contract migration may not run yet, consumer by consumer."""
    found = []
    for consumer in migration.consumers:
        namespace = consumer.namespace or migration.namespace
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{consumer.deployment}"
        answer = await client.get(path)
        if answer.status == 404:
            continue  # who is not there uses nothing
        text = objection(consumer, answer.body) if answer.ok else answer.message
        if text:
            found.append(f"{migration.service}: {consumer.deployment} {text}")
    return found


def objection(consumer: Consumer, deployment: Body) -> str:
    """Why a consumer still needs what goes, or an empty text."""
    waiting = waits_for(deployment)
    if waiting:
        return f"is being rolled out ({waiting}), so pods of more than one version may run"
    running = version_of(deployment)
    if running in consumer.versions:
        return ""
    if consumer.at_least:
        ours, wanted = numbers(running), numbers(consumer.at_least)
        if ours is None or wanted is None:
            return f"runs {running}, which cannot be compared with {consumer.at_least}: name versions instead"
        return (
            ""
            if ours >= wanted
            else f"runs {running}, and {consumer.at_least} is the first that does without"
        )
    return f"runs {running}, and only {', '.join(consumer.versions) or 'nothing'} does without"


def version_of(deployment: Body) -> str:
    """The version that a Deployment's pods say they are, or the tag of their first image."""
    template = deployment["spec"]["template"]
    label = (template["metadata"].get("labels") or {}).get("app.kubernetes.io/version")
    image = str(template["spec"]["containers"][0].get("image", ""))
    return str(label or image.rpartition("/")[2].partition(":")[2] or image)


def numbers(version: str) -> tuple[int, ...] | None:
    """A version's numbers, ``None`` where it is no row of numbers (a commit)."""
    found = _NUMBERS.match(version)
    return tuple(map(int, found.group(1).split("."))) if found else None
