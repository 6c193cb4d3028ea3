# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The argument specification of port_pool_check, as its DOCUMENTATION has it."""

from __future__ import annotations

from typing import Any

POOL = {
    "name": {"type": "str", "default": ""},
    "start": {"type": "int", "required": True},
    "end": {"type": "int", "required": True},
}
OTHER = {**POOL, "name": {"type": "str", "required": True}}
PORT: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "protocol": {"type": "str", "default": "TCP", "choices": ["TCP", "UDP", "SCTP"]},
}
PORTS = {"type": "list", "elements": "dict", "default": [], "options": PORT}

#: The options beside those of the doc fragment ``groundwork.platform.kube``.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "pool": {"type": "dict", "required": True, "options": POOL},
    "protocol": PORT["protocol"],
    "others": {"type": "list", "elements": "dict", "default": [], "options": OTHER},
    "node_port_range": {"type": "str", "default": "30000-32767"},
    "ephemeral_range": {"type": "str", "default": "32768-60999"},
    "reserved_ports": {"type": "str", "default": ""},
    "host_ports": PORTS,
    "node_ports": PORTS,
    "service_ports": PORTS,
    "cluster": {"type": "bool"},
    "enforce": {"type": "bool", "default": True},
}
