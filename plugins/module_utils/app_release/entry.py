# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``app_release``: from its options to its result."""

from __future__ import annotations

import asyncio
from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import (
    promotion,
    traffic,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.parse import read
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    Policy,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.result import shown
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.run import Wishes, run
from ansible_collections.groundwork.platform.plugins.module_utils.health.entry import missing
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import wishes
from ansible_collections.groundwork.platform.plugins.module_utils.progress import progress


def release_all(module: KubeModule) -> None:
    """Release what the module was given, and end it."""
    require_libraries(module)
    params = module.params
    try:
        services, migrations, budget = read(params)
        lacking = missing([check for service in services for check in service.checks])
        if traffic.IMPORT_ERROR and any(service.metrics for service in services):
            lacking.append("prometheus-client")
        if lacking:
            module.fail_json(missing_required_lib(", ".join(lacking)), reason="missing_library")
        tell = progress(params["progress_file"])
        done = asyncio.run(run(access(params), services, migrations, _wishes(module, budget), tell))
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    result = shown(done)
    if done.failure:
        module.fail_json(done.failure, **result)
    module.exit_json(**result)


def _wishes(module: KubeModule, budget: Any) -> Wishes:
    params = module.params
    policy = params["image_policy"] or {}
    earlier = params["promoted_from"]
    return Wishes(
        wishes(module),
        params["operation"],
        params["revision"],
        params["rollback"],
        Policy(
            tuple(policy.get("registries") or ()),
            policy.get("digest", False),
            tuple(policy.get("moving", ("latest",))),
            policy.get("ask", False),
            policy.get("ca_cert"),
        ),
        budget,
        params["allow_degraded"],
        access(earlier) if earlier else None,
        earlier["name"] if earlier else "",
        earlier["soak"] if earlier else 0.0,
        promotion.read(earlier["namespace"]) if earlier else None,
        params["by"] or "",
        params["argocd_namespace"],
        params["force_conflicts"],
    )
