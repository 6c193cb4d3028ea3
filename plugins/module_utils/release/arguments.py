# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The argument specification of release_gate, as its DOCUMENTATION has it."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.release.branches import (
    FEATURE_NAMES,
)

EXCEPTION = {
    "id": {"type": "str", "required": True},
    "package": {"type": "str"},
    "reason": {"type": "str", "required": True},
    "until": {"type": "str", "required": True},
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "branch": {"type": "str", "required": True},
    "feature_branches": {"type": "list", "elements": "str", "default": list(FEATURE_NAMES)},
    "commit": {"type": "str", "required": True},
    "version": {"type": "str"},
    "push": {"type": "list", "elements": "str", "default": []},
    "deploy": {"type": "str"},
    "report": {"type": "raw"},
    "report_file": {"type": "path"},
    "allow_empty": {"type": "bool", "default": False},
    "exceptions": {"type": "list", "elements": "dict", "default": [], "options": EXCEPTION},
    "warn_days": {"type": "int", "default": 14},
    "today": {"type": "str"},
    "enforce": {"type": "bool", "default": True},
}
