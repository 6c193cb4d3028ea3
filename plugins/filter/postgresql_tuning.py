# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter postgresql_tuning, described in postgresql_tuning.yml."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.postgresql.tuning import (
    Machine,
)
from ansible_collections.groundwork.platform.plugins.module_utils.postgresql.tuning import (
    postgresql_tuning as tune,
)


def postgresql_tuning(
    memory_mb: int,
    cores: int,
    disk_kind: str = "ssd",
    max_connections: int = 100,
    disk_mb: int | None = None,
) -> dict[str, dict[str, str]]:
    """Return PostgreSQL parameters for a machine; see postgresql_tuning.yml."""
    try:
        disk = None if disk_mb is None else int(disk_mb)
        return tune(Machine(int(memory_mb), int(cores), disk_kind, int(max_connections), disk))
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"postgresql_tuning: {error}") from error


class FilterModule:
    """The filter that fits PostgreSQL to a machine."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by name."""
        return {"postgresql_tuning": postgresql_tuning}
