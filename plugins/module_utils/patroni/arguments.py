# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the Patroni modules share: options, client, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import EtcdGateway
from ansible_collections.groundwork.platform.plugins.module_utils.http import HttpClient, HttpError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.course import FailedError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError


def argument_spec(**more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``groundwork.platform.patroni`` and a module's own."""
    spec: dict[str, dict[str, Any]] = {
        "members": {"type": "list", "elements": "str", "required": True},
        "ca_cert": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "timeout": {"type": "float", "default": 3.0},
    }
    spec.update(more)
    return spec


def waiting(default: float) -> dict[str, dict[str, Any]]:
    """The options of a module that watches the cluster; seconds."""
    return {
        "wait_timeout": {"type": "float", "default": default},
        "poll_interval": {"type": "float", "default": 0.2},
    }


def etcd_options() -> dict[str, Any]:
    """The option ``etcd``: how to reach the store that Patroni keeps its state in."""
    return {
        "type": "dict",
        "options": {
            "endpoints": {"type": "list", "elements": "str", "required": True},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "ca_cert": {"type": "path"},
            "client_cert": {"type": "path"},
            "client_key": {"type": "path", "no_log": False},
            "namespace": {"type": "str", "default": "service"},
            "timeout": {"type": "float", "default": 2.0},
        },
    }


def etcd_from(params: Mapping[str, Any]) -> EtcdGateway:
    """The gateway that the option ``etcd`` describes. Raises ``ValueError``, ``EtcdError``."""
    http = HttpClient(
        ca_cert=params["ca_cert"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        timeout=params["timeout"],
    )
    return EtcdGateway(http, params["endpoints"], params["username"], params["password"])


def client_from(params: dict[str, Any]) -> PatroniClient:
    """The client that the common options describe. Raises ``ValueError``."""
    http = HttpClient(
        ca_cert=params["ca_cert"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        username=params["username"],
        password=params["password"],
        timeout=params["timeout"],
    )
    return PatroniClient(http, params["members"])


def difference(result: Mapping[str, Any]) -> dict[str, str]:
    """A module's result as Ansible shows a difference; empty where nothing changes."""
    if not result.get("changed"):
        return {}
    if "plan" in result:
        steps = [f"{step['member']}: {step['action']}\n" for step in result["plan"]]
        return {"prepared": "".join(steps)}
    if "new_leader" in result:
        leaders = (result.get("old_leader"), result["new_leader"])
        before, after = (f"leader: {name or 'not known yet'}\n" for name in leaders)
        return {"before": before, "after": after}
    return {}


def run(module: AnsibleModule, operation: Callable[[PatroniClient], dict[str, Any]]) -> None:
    """Run ``operation`` and end the module with its result or with a reason code."""
    try:
        result = operation(client_from(module.params))
    except RefusedError as refused:
        module.fail_json(
            msg=refused.message, reason=refused.reason, refused=True, **refused.details
        )
    except FailedError as failed:
        module.fail_json(msg=failed.message, reason=failed.reason, refused=False, **failed.result)
    except HttpError as error:
        module.fail_json(
            msg=f"No answer from Patroni: {error}", reason="unreachable", refused=False
        )
    except ValueError as error:
        module.fail_json(msg=str(error), reason="invalid_options", refused=True)
    else:
        for risk in result.get("risks") or []:
            module.warn(risk)
        shown = difference(result)
        module.exit_json(**({"diff": shown} if shown else {}), **result)
