# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``health_check``: from its options to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.health import (
    names,
    sql,
    web,
    world,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import (
    Course,
    Plan,
    run,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Check
from ansible_collections.groundwork.platform.plugins.module_utils.health.parse import (
    RefusedError,
    read,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.report import report
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Access


def missing(checks: Sequence[Check]) -> list[str]:
    """Names of the libraries that these checks need and that are not there."""
    kinds = {check.kind for check in checks}
    needs_json = any(
        isinstance(check.question, (web.Http, web.Inside)) and check.question.expected.json
        for check in checks
    )
    needs_api = any(isinstance(check.question, web.Inside) for check in checks)
    wanted: dict[str, tuple[bool, Exception | None]] = {
        "aiohttp": (
            needs_api or _any(kinds, ("http", "promql", "kubernetes")),
            world.IMPORT_ERROR,
        ),
        "jmespath": (needs_json, web.IMPORT_ERROR),
        "psycopg": ("postgresql" in kinds, sql.IMPORT_ERROR),
        "dnspython": ("dns" in kinds, names.IMPORT_ERROR),
    }
    return [name for name, (needed, error) in wanted.items() if needed and error is not None]


def _any(kinds: Collection[str], of: Sequence[str]) -> bool:
    return any(kind in kinds for kind in of)


async def ask(checks: Sequence[Check], given: Access, plan: Plan) -> Course:
    """Ask all checks."""
    longest = max(check.pace.timeout for check in checks)
    async with World(given, plan.concurrency, longest) as shared:
        return await run(checks, shared, plan)


def check_all(module: KubeModule) -> None:
    """Ask what the module was given, and end it. In check mode alike: nothing is changed."""
    try:
        checks, plan = read(module.params)
    except RefusedError as refused:
        module.fail_json(str(refused), reason=refused.reason)
    lacking = missing(checks)
    if lacking:
        module.fail_json(missing_required_lib(", ".join(lacking)), reason="missing_library")
    result = report(asyncio.run(ask(checks, access(module.params), plan)), plan.budget)
    if "msg" in result:
        module.fail_json(**result)
    module.exit_json(**result)
