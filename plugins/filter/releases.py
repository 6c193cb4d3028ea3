# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for releases; each is described in the file of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import scaling
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.service_map import (
    run_services,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.table import (
    release_history,
    release_table,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError


def release_services(services: Mapping[str, Any], **given: Any) -> list[dict[str, Any]]:
    """Return the services of a run; see release_services.yml."""
    try:
        return run_services(services, **given)
    except KubeError as error:
        raise AnsibleFilterError(f"{error.reason}: {error}") from error


def scale_problems(
    deployment: Mapping[str, Any], autoscalers: Any, quotas: Any, **given: Any
) -> list[str]:
    """Return why a Deployment cannot be scaled so; see scale_problems.yml."""
    allowed = bool(given.pop("allow_zero", False))
    return scaling.scale_problems(
        deployment, autoscalers, quotas, allow_zero=allowed, **_numbers(given)
    )


def scale_bounds(
    autoscaler: Mapping[str, Any], minimum: Any = None, maximum: Any = None
) -> dict[str, Any]:
    """Return what changes an autoscaler's bounds; see scale_bounds.yml."""
    return scaling.bounds_patch(autoscaler, **_numbers({"minimum": minimum, "maximum": maximum}))


def _numbers(given: Mapping[str, Any]) -> dict[str, int | None]:
    """Numbers as the command line gives them, as texts; none where nothing was given."""
    return {key: None if value in (None, "") else int(value) for key, value in given.items()}


class FilterModule:
    """Filters that say what is released, and what was."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "release_history": release_history,
            "release_services": release_services,
            "release_table": release_table,
            "scale_bounds": scale_bounds,
            "scale_master": scaling.master,
            "scale_problems": scale_problems,
        }
