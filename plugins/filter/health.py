# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter for what health_check returns; it is described in the file of its name."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.health.table import (
    health_table,
)


class FilterModule:
    """A filter for people who read of health."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"health_table": health_table}
