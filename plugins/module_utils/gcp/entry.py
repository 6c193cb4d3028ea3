# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``gcp_resources``: from its options to its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp import client
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.arguments import (
    GcpModule,
    account,
    secrets_of,
    without_secrets,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.declared import (
    Defaults,
    parse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import Allowed
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.result import failures
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.run import Settings, run
from ansible_collections.groundwork.platform.plugins.module_utils.progress import progress


def manage(module: GcpModule) -> None:
    """Bring resources to what the module was given, and end it."""
    params = module.params
    if client.IMPORT_ERROR is not None:
        module.fail_json(
            f"aiohttp is not there ({client.IMPORT_ERROR}); install it (pip install aiohttp).",
            reason="missing_library",
        )
    tell = progress(None if module.check_mode else params["progress_file"])
    try:
        definitions = Definitions()
        defaults = Defaults(params["project"] or "", params["region"] or "", params["state"])
        resources = parse(definitions, params["resources"], defaults)
        ended = run(definitions, resources, account(params), _settings(module), tell)
    except RefusedError as error:
        _refuse(module, error)
    except GcpError as error:
        _fail(module, f"{error} Nothing was changed.", {"reason": error.reason})
    for warning in ended.warnings:
        module.warn(warning)
    if ended.problems:
        _refuse(module, RefusedError(ended.problems), **{**ended.result, "changed": False})
    reason, message = failures(ended.result)
    if message:
        _fail(module, message, {**ended.result, "reason": reason})
    module.exit_json(**ended.result)


def _refuse(module: GcpModule, error: RefusedError, **result: Any) -> None:
    problems = [{"reason": each.reason, "message": each.message} for each in error.problems]
    more = {"reason": error.problems[0].reason, "problems": problems}
    _fail(module, f"{error} Nothing was changed.", {**result, **more})


def _fail(module: GcpModule, message: str, result: Mapping[str, Any]) -> None:
    """End with a failure. Google quotes values in its errors, so secrets are taken out of all words."""
    told: dict[str, Any] = without_secrets(
        {**result, "msg": message}, secrets_of(module.params["resources"])
    )
    module.fail_json(**told)


def _settings(module: GcpModule) -> Settings:
    params: Mapping[str, Any] = module.params
    return Settings(
        Allowed(params["allow_replace"], params["allow_delete"]),
        params["owner"],
        params["prune"],
        params["concurrency"],
        params["timeout"],
        module.check_mode,
    )
