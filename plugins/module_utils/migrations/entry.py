# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``ordered_migrations``: from its options to its result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import commands
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.decide import Options
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.file_history import (
    FileHistory,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    CONTRACT,
    EXPAND,
    Consumer,
    Gate,
    Migration,
    Rollout,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import (
    ordered,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.result import (
    failures,
    shown,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import (
    Done,
    Wishes,
    run,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.template import (
    command,
    job,
)
from ansible_collections.groundwork.platform.plugins.module_utils.progress import progress

#: What a migration is.
JOB, COMMAND = "job", "command"

_TEXTS = {"type": "list", "elements": "str"}


_GATE_KINDS = ("rollout", "service", "tcp")
_GATE = {
    "type": "list",
    "elements": "dict",
    "options": {
        **{kind: {"type": "str"} for kind in _GATE_KINDS},
        "namespace": {"type": "str"},
        "port": {"type": "int", "default": 80},
        "path": {"type": "str", "default": "/"},
        "timeout": {"type": "float", "default": 300.0},
    },
    "required_one_of": [_GATE_KINDS],
    "mutually_exclusive": [_GATE_KINDS],
}
_CONSUMER = {
    "deployment": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "at_least": {"type": "str"},
    "versions": _TEXTS,
}
_ROLLOUT = {
    "deployment": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "needs": _TEXTS,
    "manifests": {"type": "list", "elements": "raw"},
    "timeout": {"type": "float", "default": 300.0},
}
#: What a Job is made of, see ``template``.
_TEMPLATE: dict[str, dict[str, Any]] = {
    "image": {"type": "str"},
    "command": _TEXTS,
    "app": {"type": "str"},
    "prefix": {"type": "str", "default": "nx-"},
    "deadline": {"type": "int", "default": 300},
    "backoff_limit": {"type": "int", "default": 3},
    "wait_for": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str"}, "image": {"type": "str"}, "command": _TEXTS},
    },
    "env_from": {"type": "list", "elements": "dict"},
    "environment": {"type": "dict"},
    "node_selector": {"type": "dict"},
    "resources": {"type": "dict"},
    "security": {"type": "dict"},
    "pull_policy": {"type": "str"},
    "pull_secrets": {"type": "list", "elements": "str", "no_log": False},
    "service_account": {"type": "str"},
}


def service_options() -> dict[str, dict[str, Any]]:
    """The options of one service."""
    return {
        "name": {"type": "str", "required": True},
        "version": {"type": "str"},
        "job": {"type": "dict"},
        "needs": _TEXTS,
        "gates": _GATE,
        "rollout": {"type": "dict", "options": _ROLLOUT},
        "phase": {"type": "str", "default": EXPAND, "choices": [EXPAND, CONTRACT]},
        "consumers": {"type": "list", "elements": "dict", "options": _CONSUMER},
        "namespace": {"type": "str"},
        **_TEMPLATE,
    }


def migrate_all(module: KubeModule) -> None:
    """Run what the module was given, and end it."""
    params = module.params
    if params["target"] == JOB:
        require_libraries(module)
    try:
        done = asyncio.run(_run(module))
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    result = shown(done)
    message = failures(result)
    if message:
        module.fail_json(message, **result)
    module.exit_json(**result)


async def _run(module: KubeModule) -> Done:
    params = module.params
    tell = progress(params["progress_file"])
    rollouts = list(_rollouts(params))
    wanted = ordered(list(migrations(params)), rollouts, params["order"])
    if params["target"] == COMMAND:
        history = FileHistory(os.path.expanduser(params["history_file"]))
        return await commands.run(wanted, history, wishes(module), tell)
    return await run(connect(access(params)), wanted, rollouts, wishes(module), tell)


def migrations(params: Mapping[str, Any]) -> Iterator[Migration]:
    """The migrations among the services. Raises ``KubeError``."""
    target = params["target"]
    for given in params["services"]:
        if target == COMMAND:
            _check_command(given)
        elif not (given["job"] or given["image"]):
            continue
        name, version = given["name"], given["version"] or params["version"]
        if not version:
            raise KubeError(
                "no_version", f"{name}: of which version? Give version, here or for all services."
            )
        if not given["command"] and not given["job"]:
            raise KubeError("no_command", f"{name}: with which command does it migrate?")
        namespace = given["namespace"] or params["namespace"]
        yield Migration(
            name,
            version,
            command(given, version) if target == COMMAND else job(given, version, namespace),
            tuple(given["needs"] or ()),
            tuple(_gate(name, gate) for gate in given["gates"] or ()),
            given["phase"],
            tuple(
                Consumer(**_given({**each, "versions": tuple(each["versions"] or ())}))
                for each in given["consumers"] or ()
            ),
        )


def _gate(service: str, given: Mapping[str, Any]) -> Gate:
    """Read a gate; an address that cannot be one is told before anything begins."""
    address = given["tcp"]
    if address:
        host, _colon, port = address.rpartition(":")
        if not (host and port.isdecimal() and 0 < int(port) < 65536):
            text = (
                f"{service}: the gate tcp: {address} is no HOST:PORT, such as db.example.com:5432."
            )
            raise KubeError("bad_gate", text)
    return Gate(**_given(given))


def _check_command(given: Mapping[str, Any]) -> None:
    """Refuse what is for Jobs alone, as a command would go without it unseen."""
    others = [key for key in ("image", "job", "gates", "rollout", "consumers") if given[key]]
    if others:
        raise KubeError(
            "jobs_only",
            f"{given['name']}: {', '.join(others)} is for Jobs; a command on a host has command, environment, needs, "
            "deadline and backoff_limit.",
        )


def _rollouts(params: Mapping[str, Any]) -> Iterator[Rollout]:
    for given in params["services"]:
        rollout = given["rollout"]
        if rollout:
            yield Rollout(
                given["name"],
                rollout["deployment"],
                rollout["namespace"] or given["namespace"] or params["namespace"],
                tuple(rollout["needs"] or ()),
                tuple(rollout["manifests"] or ()),
                rollout["timeout"],
            )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def wishes(module: KubeModule) -> Wishes:
    """What a module with these options was asked for."""
    params = module.params
    return Wishes(
        params["namespace"],
        Options(params["retry_failed"], params["rerun_changed"]),
        params["patience"] if params["other_run"] == "wait" else 0.0,
        params["parallel"],
        module.check_mode,
        params["concurrency"],
        params["timeout"],
    )
