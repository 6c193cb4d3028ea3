# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``kube_apply``: from its options to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    SKIPPED,
    Options,
    Outcome,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Manifest,
    from_files,
    from_text,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.programs import kustomized
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import (
    Wishes,
    run,
    summary,
)

#: Failures that the message names; the others are in the results.
NAMED = 5


def apply_all(module: KubeModule) -> None:
    """Apply what the module was given, and end it."""
    params = module.params
    options = Options(
        manager=params["field_manager"],
        force_conflicts=params["force_conflicts"],
        exclusive=params["exclusive"],
        replace=params["replace"],
        check=module.check_mode,
        diff=module._diff,
    )
    require_libraries(module)
    try:
        manifests = list(_manifests(module))
        connection = connect(access(params))
        outcomes = run(connection, manifests, options, _wishes(params, connection.namespace))
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    result = summary(outcomes)
    if params["wait"]:
        result["awaited"] = not (options.check or params["standby"])
    broken = [outcome for outcome in outcomes if outcome.action in (FAILED, SKIPPED)]
    if broken:
        module.fail_json(told(broken, len(outcomes)), **result)
    module.exit_json(**result)


def _wishes(params: Mapping[str, Any], namespace: str) -> Wishes:
    return Wishes(
        namespace=params["namespace"] or namespace,
        inventory=params["inventory"],
        prune=params["prune"],
        prune_kinds=params["prune_kinds"],
        wait=params["wait"],
        wait_conditions=params["wait_conditions"],
        wait_timeout=params["wait_timeout"],
        standby=params["standby"],
        expected=params["expected_namespaces"],
        concurrency=params["concurrency"],
        timeout=params["timeout"],
    )


def _manifests(module: KubeModule) -> Iterator[Manifest]:
    """All manifests of the options. A list may mix objects and texts."""
    given = module.params["manifests"]
    for number, entry in enumerate(given if isinstance(given, list) else [given], start=1):
        source = f"manifests, item {number}" if isinstance(given, list) else "manifests"
        if isinstance(entry, str):
            yield from from_text(entry, source)
        elif entry is not None:
            yield from from_value(entry, source)
    yield from from_files(module.params["src"] or ())
    if module.params["kustomize"]:
        rendered = asyncio.run(kustomized(module.params["kustomize"]))
        yield from from_text(rendered, "kustomize")


def told(broken: Sequence[Outcome], total: int) -> str:
    """Say which objects are not as they should be, the first few by name."""
    named = " ".join(outcome.message for outcome in broken[:NAMED])
    more = f" And {len(broken) - NAMED} more, see results." if len(broken) > NAMED else ""
    return f"{len(broken)} of {total} objects are not as they should be. {named}{more}"
