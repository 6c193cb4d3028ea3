# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the Kubernetes modules share: how to reach the API, and that no secret is logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.kube import client, yaml_text
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Access
from ansible_collections.groundwork.platform.plugins.module_utils.kube.prune import KEPT
from ansible_collections.groundwork.platform.plugins.module_utils.quiet import QuietModule

#: Options that may hold a secret.
CONTENTS = ("checks", "components", "manifests", "registries", "report", "secrets", "services")


class KubeModule(QuietModule):
    """A module whose manifests stay out of the host's log and out of what Ansible shows of a call."""

    contents = CONTENTS


def access_options() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``groundwork.platform.kube.access``."""
    return {
        "kubeconfig": {"type": "path"},
        "context": {"type": "str"},
        "host": {"type": "str"},
        "api_key": {"type": "str", "no_log": True},
        "ca_cert": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "impersonate_user": {"type": "str"},
    }


def argument_spec(**more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``groundwork.platform.kube`` and a module's own."""
    return {**access_options(), "timeout": {"type": "float", "default": 30.0}, **more}


def writing_options() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``groundwork.platform.kube.writing``."""
    return {
        "field_manager": {"type": "str", "default": "groundwork"},
        "force_conflicts": {"type": "bool", "default": False},
        "exclusive": {"type": "bool", "default": False},
        "replace": {"type": "bool", "default": False},
        "prune_kinds": {"type": "list", "elements": "str", "default": [], "choices": sorted(KEPT)},
        "concurrency": {"type": "int", "default": 16},
    }


def require_libraries(module: KubeModule) -> None:
    """End the module where a library is missing, with the way to get it."""
    for library, error in (
        ("PyYAML", yaml_text.IMPORT_ERROR),
        ("aiohttp", client.IMPORT_ERROR),
    ):
        if error is not None:
            module.fail_json(
                missing_required_lib(library), reason="missing_library", exception=str(error)
            )


def access(params: Mapping[str, Any]) -> Access:
    """The connection options."""
    return Access(
        kubeconfig=params["kubeconfig"],
        context=params["context"],
        host=params["host"],
        token=params["api_key"],
        ca_cert=params["ca_cert"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        impersonate_user=params["impersonate_user"],
    )
