# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that the modules for etcd share, and how their failures are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    EtcdCallError,
    EtcdCluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.http import HttpClient


def argument_spec(**own: Any) -> dict[str, Any]:
    """The connection's options and a module's own."""
    return {
        "endpoints": {"type": "list", "elements": "str", "required": True},
        "ca_cert": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path"},
        "root_password": {"type": "str", "no_log": True},
        "root_password_previous": {"type": "str", "no_log": True},
        "timeout": {"type": "float", "default": 3.0},
        **own,
    }


def connect(params: Mapping[str, Any]) -> EtcdCluster:
    """The cluster that the options name. Raises ``ValueError`` for unreadable certificates."""
    http = HttpClient(
        ca_cert=params["ca_cert"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        timeout=params["timeout"],
    )
    given = (params["root_password"], params["root_password_previous"])
    passwords = [password for password in given if password]
    return EtcdCluster(http, params["endpoints"], "root" if passwords else "", passwords)


def run(module: Any, work: Callable[[EtcdCluster], Mapping[str, Any]]) -> None:
    """Do the work and exit; a refusal or a failure tells its reason."""
    try:
        result = work(connect(module.params))
    except RefusedError as error:
        module.fail_json(msg=error.message, reason=error.reason, refused=True)
    except EtcdCallError as error:
        module.fail_json(msg=f"etcd did not do {error}", reason="call_failed", refused=False)
    except ValueError as error:
        module.fail_json(msg=str(error), reason="invalid_options", refused=False)
    else:
        module.exit_json(**result)
