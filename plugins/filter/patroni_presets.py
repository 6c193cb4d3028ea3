# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters around the presets; each is described in the YAML file of its name."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.groundwork.platform.plugins.module_utils.patroni import (
    bounds,
    durability,
    presets,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.bound_model import (
    Situation,
)


def rto_preset(name: str, **overrides: int | None) -> dict[str, Any]:
    """Return a preset's timings; see rto_preset.yml."""
    try:
        return presets.rto_preset(name, **overrides).to_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"rto_preset: {error}") from error


def durability_settings(preset: str, eligible_members: int, strict: bool = False) -> dict[str, Any]:
    """Return Patroni's dynamic settings of a durability preset; see durability_settings.yml."""
    try:
        return durability.durability_settings(preset, int(eligible_members), bool(strict))
    except ValueError as error:
        raise AnsibleFilterError(f"durability_settings: {error}") from error


def failover_bound(
    event: str,
    preset: str,
    durability: str = "sync",
    overrides: dict[str, int | None] | None = None,
    **situation: Any,
) -> dict[str, Any]:
    """Return the bound of an event; see failover_bound.yml."""
    try:
        chosen = presets.rto_preset(preset, **(overrides or {}))
        return bounds.failover_bound(
            event, chosen, Situation(durability=durability, **situation)
        ).to_dict()
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"failover_bound: {error}") from error


class FilterModule:
    """Filters that give the presets to playbooks and templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "rto_preset": rto_preset,
            "durability_settings": durability_settings,
            "failover_bound": failover_bound,
        }
