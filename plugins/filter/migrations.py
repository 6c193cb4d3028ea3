# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for people who read of migrations; each is described in the file of its name."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.migrations.table import (
    migration_history,
    migration_table,
)


class FilterModule:
    """Filters for people who read of migrations."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"migration_history": migration_history, "migration_table": migration_table}
