# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module's options in, its result out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    Options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.bulk import told
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import summary
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets import (
    sealing,
    secret_manager,
    workloads,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.describe import (
    Defaults,
    describe,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    KINDS,
    SCOPES,
    SEALED,
    Described,
    Stored,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.runner import run
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.settings import (
    RefusedError,
    Report,
    Settings,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.values import (
    sources,
)

#: The module's options besides those of the doc fragment ``groundwork.platform.kube``.
OPTIONS: dict[str, dict[str, Any]] = {
    # KubeModule keeps both out of logs; no_log would hide each word of them wherever it stands.
    "secrets": {"type": "raw", "no_log": False},
    "registries": {"type": "raw"},
    "application_namespaces": {"type": "list", "elements": "str", "default": []},
    "form": {"type": "str", "default": "secret", "choices": list(KINDS)},
    "state_dir": {"type": "path", "required": True},
    "digest_key": {"type": "str", "no_log": True},
    "certificate": {"type": "path"},
    "controller_namespace": {"type": "str", "default": "kube-system"},
    "controller_name": {"type": "str", "default": "sealed-secrets-controller"},
    "scope": {"type": "str", "default": "strict", "choices": list(SCOPES)},
    "files_dir": {"type": "path"},
    "git_only": {"type": "bool", "default": False},
    "csi_provider": {"type": "str", "default": "gcp", "choices": ["gcp", "gke"]},
    "google_endpoint": {"type": "str"},
    "google_credentials": {"type": "path", "no_log": False},
    "google_token": {"type": "str", "no_log": True},
    "restart": {"type": "bool", "default": True},
    "standby": {"type": "bool", "default": False},
    "force_conflicts": {"type": "bool", "default": False},
    "replace": {"type": "bool", "default": False},
    "inventory": {"type": "str", "default": "secrets"},
    "prune": {"type": "bool", "default": False},
    "expected_namespaces": {"type": "list", "elements": "str", "default": []},
    "field_manager": {"type": "str", "default": "groundwork"},
    "wait_timeout": {"type": "float", "default": 300.0},
    "concurrency": {"type": "int", "default": 16},
}


def apply_all(module: KubeModule) -> None:
    """Bring the secrets to what the module was given, and end it."""
    params = module.params
    require_libraries(module)
    defaults = Defaults(
        params["form"], params["scope"], tuple(params["application_namespaces"] or ())
    )
    described, problems = describe(params["secrets"], params["registries"], defaults)
    _require_more(module, described)
    try:
        report = run(connect(access(params)), described, problems, _settings(module))
    except RefusedError as error:
        module.fail_json(str(error), reason=error.reason, problems=error.problems)
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    for warning in report.warnings:
        module.warn(warning)
    result = _result(report)
    if report.error:
        message = f"{report.error} Not all was done; results say what, and the next run goes on."
        module.fail_json(message, reason=report.error.reason, **result)
    broken = [outcome for outcome in report.outcomes if outcome.action == FAILED]
    if broken:
        module.fail_json(told(broken, len(report.outcomes)), **result)
    module.exit_json(**result)


def _require_more(module: KubeModule, described: list[Described]) -> None:
    """Libraries that only some forms and sources need."""
    needed = []
    if any(secret.form == SEALED for secret in described):
        needed.append(("cryptography", sealing.IMPORT_ERROR))
    asks_google = any(isinstance(source, Stored) for source in sources(described))
    if asks_google and not module.params["google_token"]:
        needed.append(("google-auth", secret_manager.IMPORT_ERROR))
    for library, error in needed:
        if error is not None:
            module.fail_json(
                missing_required_lib(library), reason="missing_library", exception=str(error)
            )


def _settings(module: KubeModule) -> Settings:
    params = module.params
    options = Options(
        manager=params["field_manager"],
        force_conflicts=params["force_conflicts"],
        exclusive=True,
        replace=params["replace"],
        check=module.check_mode,
        diff=module._diff,
    )
    google = secret_manager.Access(
        params["google_endpoint"] or "",
        params["google_credentials"],
        params["google_token"],
        params["timeout"],
    )
    key = params["digest_key"]
    same = (
        "state_dir", "certificate", "controller_namespace", "controller_name", "csi_provider",
        "files_dir", "git_only", "standby", "expected_namespaces", "restart", "inventory", "prune",
        "wait_timeout", "concurrency", "timeout",
    )  # fmt: skip
    return Settings(
        options=options,
        google=google,
        environment=os.environ,
        digest_key=key.encode() if key else None,
        **{name: params[name] for name in same},
    )


def _result(report: Report) -> dict[str, Any]:
    """What the module returns; keys by their names alone."""
    result = summary(report.outcomes)
    for shown, outcome in zip(result["results"], report.outcomes):
        if outcome.key in report.keys:
            shown["keys"] = dict(report.keys[outcome.key])
    restarted = workloads.told(report.restarts)
    result.update(
        restarted=restarted,
        files=list(report.files),
        generated=report.generated,
        changes=list(_changes(report, restarted)),
    )
    result["changed"] = result["changed"] or bool(
        restarted or report.files or report.generated or report.resumed
    )
    return result


def _changes(report: Report, restarted: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each object and file that changes, and for each restart."""
    for outcome in report.outcomes:
        if outcome.changed:
            yield _line(str(outcome.key), outcome.action, report.keys.get(outcome.key, {}))
    for path, keys in report.files.items():
        yield _line(path, "written", keys)
    for restart in restarted:
        because = " and ".join(restart["secrets"])
        yield f"{restart['kind']} {restart['name']} in {restart['namespace']}: restarted for {because}"


def _line(what: str, action: str, keys: Mapping[str, str]) -> str:
    listed = ", ".join(f"{key} {word}" for key, word in keys.items())
    return f"{what}: {action}" + (f" ({listed})" if listed else "")
