# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that tell drift; each is described in the YAML file of its name."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.kube import drift_report


class FilterModule:
    """Filters that tell how a cluster differs from its inventory."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "kube_differences": drift_report.differences,
            "kube_drift_lines": drift_report.lines,
        }
