"""Playbooks that provision and take down: what protects an environment from them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.gcp_roles.roles import PROJECTS, ROOT


def plays(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "playbooks" / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("inventory", PROJECTS)
def test_who_holds_production_is_taken_down_by_a_second_word_alone(inventory: str) -> None:
    folder = ROOT / "inventories" / inventory / "group_vars/all"
    said = {}
    for path in folder.glob("*.yml"):
        said.update(yaml.safe_load(path.read_text("utf-8")))
    # The hub has production's deployer and the vault.
    assert said.get("deprovision_protected", False) == (inventory in ("hub", "production"))
