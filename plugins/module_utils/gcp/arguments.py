# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of the module: who calls, and what is declared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import SECRET
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.credentials import (
    APPLICATION,
    MACHINE,
    SCOPES,
    SERVICE_ACCOUNT,
    TOKEN,
    Account,
)
from ansible_collections.groundwork.platform.plugins.module_utils.quiet import QuietModule

#: Letters from which on a secret is taken out of messages.
_SHORTEST = 6


class GcpModule(QuietModule):
    """A module whose resources stay out of the host's log and out of what Ansible shows of a call."""

    contents = ("resources", "service_account_contents", "access_token")


def credential_options() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``groundwork.platform.gcp``."""
    return {
        "auth_kind": {
            "type": "str",
            "default": APPLICATION,
            "choices": [APPLICATION, SERVICE_ACCOUNT, MACHINE, TOKEN],
            "fallback": (env_fallback, ["GCP_AUTH_KIND"]),
        },
        "service_account_file": {
            "type": "path",
            "fallback": (env_fallback, ["GCP_SERVICE_ACCOUNT_FILE"]),
        },
        "service_account_contents": {
            "type": "jsonarg",
            "no_log": True,
            "fallback": (env_fallback, ["GCP_SERVICE_ACCOUNT_CONTENTS"]),
        },
        "service_account_email": {
            "type": "str",
            "fallback": (env_fallback, ["GCP_SERVICE_ACCOUNT_EMAIL"]),
        },
        "access_token": {
            "type": "str",
            "no_log": True,
            "fallback": (env_fallback, ["GCP_ACCESS_TOKEN"]),
        },
        "impersonate_service_account": {"type": "list", "elements": "str", "default": []},
        "scopes": {
            "type": "list",
            "elements": "str",
            "default": list(SCOPES),
            "fallback": (env_fallback, ["GCP_SCOPES"]),
        },
        "quota_project": {"type": "str"},
    }


def run_options() -> dict[str, dict[str, Any]]:
    """What holds for all resources, and how the plan is carried out."""
    return {
        "project": {"type": "str", "fallback": (env_fallback, ["GCP_PROJECT"])},
        "region": {"type": "str"},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "owner": {"type": "str"},
        "prune": {"type": "bool", "default": False},
        "allow_replace": {"type": "list", "elements": "str", "default": []},
        "allow_delete": {"type": "list", "elements": "str", "default": []},
        "concurrency": {"type": "int", "default": 32},
        "timeout": {"type": "float", "default": 1800.0},
        "progress_file": {"type": "path"},
    }


def resource_options() -> dict[str, dict[str, Any]]:
    """The options of one resource."""
    generate = {"length": {"type": "int", "default": 32}}
    payload = {
        # What it is stays out of logs and results as a whole, see module_utils/quiet.
        "value": {"type": "str", "no_log": False},
        "generate": {"type": "dict", "options": generate},
    }
    return {
        "type": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "project": {"type": "str"},
        "region": {"type": "str"},
        "zone": {"type": "str"},
        "location": {"type": "str"},
        "cluster": {"type": "raw"},
        "state": {"type": "str", "choices": ["present", "absent"]},
        "body": {"type": "dict", "default": {}},
        "payload": {
            "type": "dict",
            "options": payload,
            "mutually_exclusive": [("value", "generate")],
            "required_one_of": [("value", "generate")],
        },
        "needs": {"type": "list", "elements": "str", "default": []},
    }


def secrets_of(value: Any, name: str = "") -> set[str]:
    """All texts in the declared resources that are secrets, but for those so short that they may be any word."""
    if isinstance(value, Mapping):
        if name == "payload":
            return secrets_of(value.get("value"), "password")
        return {each for key, part in value.items() for each in secrets_of(part, str(key))}
    if isinstance(value, (list, tuple)):
        return {each for part in value for each in secrets_of(part, name)}
    secret = isinstance(value, str) and name in SECRET and len(value) >= _SHORTEST
    return {value} if secret else set()


def without_secrets(value: Any, secrets: Collection[str], name: str = "") -> Any:
    """A result whose messages have no secret in them."""
    if isinstance(value, Mapping):
        return {key: without_secrets(part, secrets, str(key)) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(part, secrets, name) for part in value]
    if isinstance(value, str) and name in ("msg", "message"):
        for secret in secrets:
            value = value.replace(secret, "(secret)")
    return value


def account(params: Mapping[str, Any]) -> Account:
    """Who calls, of the options."""
    return Account(
        kind=params["auth_kind"],
        file=params["service_account_file"],
        contents=params["service_account_contents"],
        email=params["service_account_email"],
        token=params["access_token"],
        impersonate=tuple(params["impersonate_service_account"]),
        scopes=tuple(params["scopes"]),
        quota_project=params["quota_project"],
    )
