"""Playbooks that provision and take down: what protects an environment from them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.gcp_roles.roles import PROJECTS, ROOT


def plays(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "playbooks" / name).read_text("utf-8"))
    return found


def test_who_may_be_stopped_may_not_be_deleted_by_that() -> None:
    """Production's deletionProtection holds until provision_allow_delete names a host."""
    options = next(
        play["module_defaults"] for play in plays("provision.yml") if "module_defaults" in play
    )
    given = options["groundwork.platform.gcp_resources"]
    assert "provision_allow_replace" in given["allow_replace"]
    assert "provision_allow_delete" in given["allow_delete"]
    assert "provision_allow_replace" not in given["allow_delete"]


PREFLIGHT = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: {folder}/provision_preflight.yml
    - ansible.builtin.debug: {{msg: "declared {{{{ gcp_resources_declared | length }}}}"}}
"""


def test_playbooks_of_one_command_declare_everything_once(tmp_path: Path) -> None:
    """`ansible-playbook provision.yml deprovision.yml`: facts of the first one are there in the second."""
    book = tmp_path / "book.yml"
    book.write_text(PREFLIGHT.format(folder=ROOT / "playbooks/tasks"), "utf-8")
    hosts = ROOT / "inventories/staging/hosts.yml"
    given = json.dumps({"provision_roles": ["gcp_projects"]})
    done = subprocess.run(
        ["ansible-playbook", "-i", str(hosts), "-e", given, str(book), str(book)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "GCP_AUTH_KIND": "application"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = re.findall(r"declared (\d+)", done.stdout)
    assert first == second != "0"


@pytest.mark.parametrize("inventory", PROJECTS)
def test_who_holds_production_is_taken_down_by_a_second_word_alone(inventory: str) -> None:
    folder = ROOT / "inventories" / inventory / "group_vars/all"
    said = {}
    for path in folder.glob("*.yml"):
        said.update(yaml.safe_load(path.read_text("utf-8")))
    # The hub has production's deployer and the vault.
    assert said.get("deprovision_protected", False) == (inventory in ("hub", "production"))
