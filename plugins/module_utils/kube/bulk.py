# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``kube_apply``: from its options to its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
        module.fail_json(told_failures(broken, len(outcomes)), **result)
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
        yield from from_text(_kustomized(module, module.params["kustomize"]), "kustomize")


def _kustomized(module: KubeModule, folder: str) -> str:
    kustomize = module.get_bin_path("kustomize")
    kubectl = module.get_bin_path("kubectl")
    if not kustomize and not kubectl:
        raise KubeError(
            "missing_program", "kustomize needs the program kustomize or kubectl; neither is there."
        )
    command = [kustomize, "build", folder] if kustomize else [kubectl, "kustomize", folder]
    status, output, errors = module.run_command(command)
    if status != 0:
        raise KubeError("malformed_manifest", f"{' '.join(command)}: {errors.strip()}")
    return str(output)


def told_failures(broken: list[Outcome], total: int) -> str:
    """One message for all objects that failed or were left out."""
    named = " ".join(outcome.message for outcome in broken[:NAMED])
    more = f" And {len(broken) - NAMED} more, see results." if len(broken) > NAMED else ""
    return f"{len(broken)} of {total} objects are not as they should be. {named}{more}"
