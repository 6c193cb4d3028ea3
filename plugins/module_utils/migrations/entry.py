# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``ordered_migrations``: from its options to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.decide import Options
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    CONTRACT,
    EXPAND,
    Consumer,
    Gate,
    Migration,
    Rollout,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import ordered
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.result import (
    failures,
    shown,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import Wishes, run
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.template import job
from ansible_collections.groundwork.platform.plugins.module_utils.progress import progress

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
    require_libraries(module)
    params = module.params
    tell = progress(params["progress_file"])
    try:
        rollouts = list(_rollouts(params))
        migrations = ordered(list(_migrations(params)), rollouts, params["order"])
        done = asyncio.run(
            run(connect(access(params)), migrations, rollouts, _wishes(module), tell)
        )
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    result = shown(done)
    message = failures(result)
    if message:
        module.fail_json(message, **result)
    module.exit_json(**result)


def _migrations(params: Mapping[str, Any]) -> Iterator[Migration]:
    for given in params["services"]:
        if not (given["job"] or given["image"]):
            continue
        version = given["version"] or params["version"]
        if not version:
            raise KubeError(
                "no_version",
                f"{given['name']}: of which version? Give version, here or for all services.",
            )
        if given["image"] and not given["command"]:
            raise KubeError(
                "no_command", f"{given['name']}: with which command does {given['image']} migrate?"
            )
        yield Migration(
            given["name"],
            version,
            job(given, version, given["namespace"] or params["namespace"]),
            tuple(given["needs"] or ()),
            tuple(Gate(**_given(gate)) for gate in given["gates"] or ()),
            given["phase"],
            tuple(
                Consumer(**_given({**each, "versions": tuple(each["versions"] or ())}))
                for each in given["consumers"] or ()
            ),
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


def _wishes(module: KubeModule) -> Wishes:
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
