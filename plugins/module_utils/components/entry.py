# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``kube_components``: from its options to its result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.components.install import (
    install,
    refuse_only,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    from_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.problems import (
    refuse,
    wrong,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.result import (
    failures,
    shown,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.run import Wishes
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import Options
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.programs import find
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell, progress


def component_options() -> dict[str, dict[str, Any]]:
    """The options of one component."""
    texts = {"type": "list", "elements": "str"}
    checks = {
        "api": {"type": "str"},
        "accepts": {"type": "raw"},
        "kind": {"type": "str"},
        "api_version": {"type": "str"},
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "condition": {"type": "str"},
    }
    source = {
        **{name: {"type": "str"} for name in ("chart", "repository", "version", "release")},
        "path": {"type": "path"},
        "kustomize": {"type": "path"},
        "manifests": texts,
    }
    return {
        "name": {"type": "str", "required": True},
        "definition": {"type": "str"},
        "needs": texts,
        "namespace": {"type": "str"},
        "source": {"type": "dict", "options": source},
        "manifests": {"type": "raw"},
        "values": {"type": "dict"},
        "wait": {
            "type": "dict",
            "options": {"timeout": {"type": "float"}, "conditions": {"type": "dict"}},
        },
        "verify": {
            "type": "list",
            "elements": "dict",
            "options": checks,
            "required_one_of": [("api", "accepts", "kind")],
            "mutually_exclusive": [("api", "accepts", "kind")],
            "required_together": [("kind", "name")],
        },
        "enabled": {"type": "bool", "default": True},
        "owner": {"type": "str", "default": "groundwork", "choices": ["argocd", "groundwork"]},
    }


def install_all(module: KubeModule) -> None:
    """Install what the module was given, and end it."""
    params = module.params
    require_libraries(module)
    components = [from_options(given) for given in params["components"]]
    # What is only tried is told by the result.
    tell = progress(None if module.check_mode else params["progress_file"])
    helm = find(os.path.expanduser(params["helm"]))
    options = Options(
        manager=params["field_manager"],
        force_conflicts=params["force_conflicts"],
        exclusive=params["exclusive"],
        replace=params["replace"],
        check=module.check_mode or params["preflight"],
        diff=module._diff,
    )
    try:
        refuse(list(wrong(components, params["known"], helm)))
        given = connect(access(params)), components, options, _wishes(params, helm, tell)
        if params["preflight"]:
            refuse_only(*given)
            module.exit_json(changed=False)
        done = install(*given)
    except KubeError as error:
        module.fail_json(str(error), reason=error.reason)
    result = shown(components, done)
    message = failures(result)
    if message:
        module.fail_json(message, **result)
    module.exit_json(**result)


def _wishes(params: Mapping[str, Any], helm: str | None, tell: Tell) -> Wishes:
    return Wishes(
        helm=helm,
        cache=params["cache"],
        parallel=params["parallel"],
        prune=params["prune"],
        prune_kinds=params["prune_kinds"],
        standby=params["standby"],
        expected=params["expected_namespaces"],
        concurrency=params["concurrency"],
        timeout=params["timeout"],
        tell=tell,
    )
