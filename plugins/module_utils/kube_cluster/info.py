# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``kube_cluster_info``: from its options to its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import missing_required_lib
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
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster import (
    certificates,
    nodes,
    quotas,
    routes,
    services,
    workloads,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    CONCURRENCY,
    NAMESPACES,
    NODES,
    PARTS,
    QUOTAS,
    Look,
    Question,
    look,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.verdict import (
    Expectation,
    Finding,
    judge,
    may_pass,
)

#: Seconds between two looks.
PAUSE = 2.0


def cluster_info(module: KubeModule) -> None:
    """Look at the cluster, and end the module."""
    params = module.params
    require_libraries(module)
    if "certificates" in params["gather"] and certificates.IMPORT_ERROR is not None:
        module.fail_json(
            missing_required_lib("cryptography"),
            reason="missing_library",
            exception=str(certificates.IMPORT_ERROR),
        )
    question = Question(params["gather"], params["namespaces"], params["timeout"])
    patience = 0.0 if module.check_mode else params["wait_timeout"]
    try:
        expectation = _expectation(params["expect"], question)
        result = asyncio.run(_settled(connect(access(params)), question, expectation, patience))
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    module.exit_json(changed=False, **result)


def _expectation(given: Mapping[str, Any], question: Question) -> Expectation:
    """What is expected of what is looked at. Raises ``KubeError`` (``bad_expectation``)."""
    names = given["namespaces"]
    if question.namespaces:
        names = [name for name in names if name in question.namespaces]
    try:
        nodes_by_pool = {pool: int(least) for pool, least in given["nodes"].items()}
    except (TypeError, ValueError) as error:
        raise KubeError(
            "bad_expectation", f"expect.nodes has a number of nodes for each pool: {error}."
        ) from error
    return Expectation(**{**given, "namespaces": names, "nodes": nodes_by_pool})


async def _settled(
    connection: Connection, question: Question, expectation: Expectation, patience: float
) -> dict[str, Any]:
    """Look again while something is not ready that may become so, for so many seconds at most."""
    deadline = time.monotonic() + patience
    async with Client(connection, CONCURRENCY, question.timeout) as client:
        while True:
            seen = await look(client, connection, question)
            result = describe(seen, question, datetime.now(timezone.utc))
            findings = judge(result, expectation)
            left = deadline - time.monotonic()
            if left <= 0 or not any(map(may_pass, findings)):
                return {**result, "problems": [_shown(finding) for finding in findings]}
            await asyncio.sleep(min(PAUSE, left))


def _shown(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level,
        "check": finding.check,
        "reason": finding.reason,
        "subject": finding.subject,
        "message": finding.message,
    }


def describe(seen: Look, question: Question, now: datetime) -> dict[str, Any]:
    """What the module returns of a look: the parts that were asked for, and what was not told."""
    result: dict[str, Any] = {"version": seen.version}
    for part, tell in _TOLD.items():
        # Nobody may take what could not be read for empty: it is not told at all.
        if part in question.parts and (part in _OF_SEVERAL or seen.knows(PARTS[part][0], "")):
            result.update(tell(seen, now))
    result["unread"] = [
        {"resource": entry.resource, "namespace": entry.place, "message": entry.message}
        for entry in seen.unread
    ]
    return result


def _nodes(seen: Look, _now: datetime) -> dict[str, Any]:
    shown = nodes.nodes(seen.of(NODES))
    return {"nodes": shown, "pools": nodes.pools(shown), "capacity": nodes.room(seen.of(NODES))}


def _workloads(seen: Look, _now: datetime) -> dict[str, Any]:
    return {"workloads": workloads.workloads(seen), "failed_jobs": workloads.failed_jobs(seen)}


#: Parts that come from several places, of which one may be read without the others.
_OF_SEVERAL = frozenset(("certificates", "ingresses"))
_TOLD: Mapping[str, Callable[[Look, datetime], dict[str, Any]]] = {
    "nodes": _nodes,
    "namespaces": lambda seen, _now: {"namespaces": quotas.namespaces(seen.of(NAMESPACES))},
    "quotas": lambda seen, _now: {"quotas": quotas.quotas(seen.of(QUOTAS))},
    "workloads": _workloads,
    "services": lambda seen, _now: {"services": services.services(seen)},
    "ingresses": lambda seen, _now: {"ingresses": routes.ingresses(seen)},
    "certificates": lambda seen, now: {"certificates": certificates.certificates(seen, now)},
}
