# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The argument specification of drill_report, as its DOCUMENTATION has it."""

from __future__ import annotations

from typing import Any

EVENT = {
    "name": {"type": "str", "required": True},
    "at": {"type": "float"},
    "note": {"type": "str"},
}
TARGETS = {"rto_seconds": {"type": "float"}, "rpo_rows": {"type": "int"}}
WAL = {
    "old_primary_lsn": {"type": "str"},
    "promotion_lsn": {"type": "str"},
    "reason": {"type": "str"},
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "directory": {"type": "path", "default": "artifacts/drills"},
    "id": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True},
    "title": {"type": "str"},
    "probe": {"type": "dict", "required": True},
    "attempts_file": {"type": "path"},
    "events": {"type": "list", "elements": "dict", "default": [], "options": EVENT},
    "topology_before": {"type": "dict"},
    "topology_after": {"type": "dict"},
    "bound": {"type": "dict"},
    "targets": {"type": "dict", "default": {}, "options": TARGETS},
    "wal": {"type": "dict", "default": {}, "options": WAL},
    "objective": {"type": "float", "default": 0.9999},
    "context": {"type": "dict", "default": {}},
}
