# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of health_check, as its DOCUMENTATION has them."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import PERCENTILES
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    access_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import CONDITIONS
from ansible_collections.groundwork.platform.plugins.module_utils.probe.arguments import SSL_MODES

Options = dict[str, dict[str, Any]]

TEXT = {"type": "str"}
TEXTS = {"type": "list", "elements": "str"}
NUMBER = {"type": "float"}
NEEDED = {"type": "str", "required": True}
SECRET = {"type": "str", "no_log": True}
PACE: Options = {
    "timeout": NUMBER,
    "retries": {"type": "int"},
    "interval": NUMBER,
    "successes": {"type": "int"},
}
TLS: Options = {
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "validate_certs": {"type": "bool"},
}
LOGIN: Options = {"username": TEXT, "password": SECRET}
DAYS: Options = {"certificate_days": {"type": "int"}}
PLACE: Options = {
    "host": NEEDED,
    "port": {"type": "int", "required": True},
    "tls": {"type": "bool", "default": False},
    **TLS,
}
REDIS: Options = {
    **PLACE,
    "port": {"type": "int", "default": 6379},
    "role": {"type": "str", "choices": ["any", "primary", "replica"], "default": "any"},
    **LOGIN,
}
BANNER: Options = {**PLACE, "send": TEXT, "send_hex": TEXT, "expect": NEEDED}
DNS: Options = {
    "name": NEEDED,
    "type": {
        "type": "str",
        "default": "A",
        "choices": ["A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"],
    },
    "servers": TEXTS,
    "port": {"type": "int", "default": 53},
    "records": TEXTS,
    "authoritative": {"type": "bool", "default": False},
}
KUBERNETES: Options = {
    "kind": NEEDED,
    "name": NEEDED,
    "namespace": {"type": "str", "default": "default"},
    "api_version": TEXT,
    "condition": TEXT,
    "endpoints": {"type": "int"},
}
PATRONI: Options = {
    "members": {**TEXTS, "required": True},
    "wait_for": {**TEXTS, "default": ["healthy"], "choices": list(CONDITIONS)},
    "leader_is": TEXT,
    "maximum_lag": {"type": "int"},
    **TLS,
}
ETCD: Options = {
    "endpoints": {**TEXTS, "required": True},
    "expect": {"type": "str", "choices": ["all", "quorum"], "default": "all"},
    **LOGIN,
    **TLS,
}
PROMQL: Options = {
    "url": NEEDED,
    "query": NEEDED,
    "minimum": NUMBER,
    "maximum": NUMBER,
    "empty": {"type": "bool", "default": False},
    **LOGIN,
    **TLS,
}


def _kind(options: Options, **rules: Any) -> dict[str, Any]:
    return {"type": "dict", "options": options, **rules}


#: Limits in ms, by percentile.
LATENCY = _kind(dict.fromkeys(PERCENTILES, NUMBER))


def _http() -> dict[str, Any]:
    service: Options = {
        "namespace": {"type": "str", "default": "default"},
        "name": NEEDED,
        "port": NEEDED,
        "path": {"type": "str", "default": "/"},
        "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
    }
    options: Options = {
        "url": TEXT,
        "service": _kind(service),
        "method": {"type": "str", "default": "GET", "choices": ["GET", "HEAD", "OPTIONS", "POST"]},
        "headers": {"type": "dict"},
        "body": TEXT,
        "status": {"type": "list", "elements": "int"},
        "json": {"type": "dict"},
        "text": TEXT,
        "response_headers": {"type": "dict"},
        "follow_redirects": {"type": "bool", "default": False},
        **LOGIN,
        **DAYS,
        **TLS,
    }
    return _kind(
        options,
        required_one_of=[("url", "service")],
        mutually_exclusive=[("url", "service"), ("service", "certificate_days")],
    )


def _postgresql() -> dict[str, Any]:
    return _kind(
        {
            "host": NEEDED,
            "port": {"type": "int", "default": 5432},
            "database": {"type": "str", "default": "postgres"},
            "user": NEEDED,
            "password": SECRET,
            "role": {"type": "str", "choices": ["any", "primary", "standby"], "default": "any"},
            "maximum_lag": NUMBER,
            "query": TEXT,
            "expect": TEXT,
            "ssl_mode": {"type": "str", "choices": SSL_MODES, "default": "verify-full"},
            **TLS,
        }
    )


def kinds() -> Options:
    """The kinds of checks."""
    return {
        "http": _http(),
        "tcp": _kind({**PLACE, **DAYS}),
        "postgresql": _postgresql(),
        "redis": _kind(REDIS),
        "banner": _kind(BANNER, mutually_exclusive=[("send", "send_hex")]),
        "dns": _kind(DNS),
        "kubernetes": _kind(KUBERNETES),
        "patroni": _kind(PATRONI),
        "etcd": _kind(ETCD),
        "promql": _kind(PROMQL),
    }


def argument_spec() -> Options:
    """All options of the module."""
    defaults: Options = {
        "timeout": {"type": "float", "default": 5.0},
        "retries": {"type": "int", "default": 0},
        "interval": {"type": "float", "default": 1.0},
        "successes": {"type": "int", "default": 1},
        **TLS,
        "validate_certs": {"type": "bool", "default": True},
    }
    of_kinds = kinds()
    check = {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"name": NEEDED, **PACE, **of_kinds},
        "required_one_of": [tuple(of_kinds)],
        "mutually_exclusive": [tuple(of_kinds)],
    }
    budget = {
        "checks": {"type": "str", "default": "0"},
        "attempts": {"type": "str", "default": "0"},
        "latency": LATENCY,
    }
    return {
        **access_options(),
        "checks": check,
        "defaults": {**_kind(defaults), "apply_defaults": True},
        "budget": {**_kind(budget), "apply_defaults": True},
        "for": {"type": "float", "default": 0.0},
        "concurrency": {"type": "int", "default": 128},
    }
