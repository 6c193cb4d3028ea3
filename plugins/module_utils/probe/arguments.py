# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The argument specification of transaction_probe, as its DOCUMENTATION has it."""

from __future__ import annotations

from typing import Any

SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

ARGUMENTS: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["started", "status", "stopped", "absent"],
        "default": "started",
    },
    "directory": {"type": "path", "default": "/var/lib/groundwork/probe"},
    "table": {"type": "str", "default": "groundwork_probe"},
    "rate": {"type": "float", "default": 50},
    "workers": {"type": "int", "default": 8},
    "duration": {"type": "float"},
    "backlog": {"type": "int", "default": 200},
    "connect_timeout": {"type": "float", "default": 1.0},
    "statement_timeout": {"type": "float", "default": 2.0},
    "retry_pause": {"type": "float", "default": 0.1},
    "start_timeout": {"type": "float", "default": 15.0},
    "verify": {"type": "bool", "default": True},
    "verify_on": {"type": "str", "choices": ["primary", "any"], "default": "primary"},
    "verify_timeout": {"type": "float", "default": 60.0},
    "drop_table": {"type": "bool", "default": False},
    "login_host": {"type": "str"},
    "login_port": {"type": "int", "default": 5000},
    "login_user": {"type": "str"},
    "login_password": {"type": "str", "no_log": True},
    "login_db": {"type": "str", "default": "postgres"},
    "ssl_mode": {"type": "str", "choices": SSL_MODES, "default": "verify-full"},
    "ca_cert": {"type": "path"},
    "ssl_cert": {"type": "path"},
    "ssl_key": {"type": "path", "no_log": False},
}
