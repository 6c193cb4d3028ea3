"""Renders what roles declare, case by case: a line of JSON in, a line out. A playbook for each would take seconds.

Ansible sets up the whole process that it is imported into, so this runs in one of its own (`roles.py`).
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

ROOT = Path(__file__).resolve().parents[3]
LOADER = DataLoader()


@cache
def inventory_variables(name: str) -> dict[str, Any]:
    """Variables of an inventory for localhost."""
    # hosts.gcp.yml would ask Google.
    hosts = ROOT / "inventories" / name / "hosts.yml"
    inventory = InventoryManager(loader=LOADER, sources=[str(hosts)])
    manager = VariableManager(loader=LOADER, inventory=inventory)
    found: dict[str, Any] = manager.get_vars(host=inventory.localhost)
    return found


@cache
def role_variables(role: str, folder: str) -> dict[str, Any]:
    """What a role's file of variables has."""
    path = ROOT / "roles" / role / folder / "main.yml"
    found: dict[str, Any] = LOADER.load_from_file(str(path), trusted_as_template=True) or {}
    return found


def declared(case: dict[str, Any]) -> dict[str, Any]:
    """Resources of the roles, or what they refuse."""
    resources: list[Any] = []
    for role in case["roles"]:
        variables = {
            **role_variables(role, "defaults"),
            **inventory_variables(case["inventory"]),
            **role_variables(role, "vars"),
            **case["changes"],
            "ansible_search_path": [str(ROOT / "roles" / role)],
            "role_path": str(ROOT / "roles" / role),
        }
        templar = Templar(loader=LOADER, variables=variables)
        for judged in (f"_{role}_problems", f"_{role}_way_out_problems"):
            problems = templar.template(variables.get(judged, []))
            if problems:
                return {"problems": list(problems)}
        resources += templar.template(variables[f"_{role}_resources"])
    return {"resources": resources}


def main() -> None:
    """Answer until there is no further case."""
    init_plugin_loader([str(ROOT / ".ansible/collections")])
    for line in sys.stdin:
        print(json.dumps(declared(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
