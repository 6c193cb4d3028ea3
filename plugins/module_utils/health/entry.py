# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``health_check``: from its options to its result."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from contextlib import suppress

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.health import web
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import (
    Course,
    Plan,
    run,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
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
    wanted = {
        "aiohttp": ("aiohttp", needs_api or not kinds.isdisjoint(("http", "promql", "kubernetes"))),
        "jmespath": ("jmespath", needs_json),
        "psycopg": ("psycopg", "postgresql" in kinds),
        "dnspython": ("dns.asyncresolver", "dns" in kinds),
    }
    return [name for name, (part, needed) in wanted.items() if needed and not _there(part)]


def _there(part: str) -> bool:
    """Whether a library can be imported. Two of them take longer than all else, so only those that are needed are."""
    try:
        importlib.import_module(part)
    except ImportError:
        return False
    return True


async def ask(checks: Sequence[Check], given: Access, plan: Plan) -> Course:
    """Ask all checks."""
    longest = max(check.pace.timeout for check in checks)
    async with World(given, plan.concurrency, longest) as shared:
        _read_certificates(checks, shared)
        return await run(checks, shared, plan)


def _read_certificates(checks: Sequence[Check], shared: World) -> None:
    """Now, so that the first attempt is no slower than the others; what cannot be read is that attempt's failure."""
    for check in checks:
        if isinstance(check.question, web.Http) and check.question.url.startswith("https"):
            with suppress(FailedError):
                shared.tls(check.question.tls)


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
