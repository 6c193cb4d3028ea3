# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for what kube_components takes and returns; each is described in the file of its name."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.components.steps import of_steps
from ansible_collections.groundwork.platform.plugins.module_utils.components.table import (
    component_table,
)


class FilterModule:
    """Filters for people who read of components."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"component_table": component_table, "components_of_steps": of_steps}
