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


GUARD = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: groundwork.platform.gcp_kubernetes_cluster, tasks_from: guard}
"""


@pytest.mark.parametrize("after, allowed, good", [(0, "", False), (0, "true", True), (3, "", True)])
def test_nodes_go_where_that_is_allowed(
    after: int, allowed: str, good: bool, tmp_path: Path
) -> None:
    """By the role's own guard: provision.yml and the role alone go by the same one."""
    tasks = yaml.safe_load(
        (ROOT / "roles/gcp_kubernetes_cluster/tasks/main.yml").read_text("utf-8")
    )
    assert "guard.yml" in [task.get("ansible.builtin.import_tasks") for task in tasks]
    book = tmp_path / "book.yml"
    book.write_text(GUARD, "utf-8")
    change = {"field": "initialNodeCount", "before": 3, "after": after}
    entry = {"key": "p", "type": "container.nodePools", "action": "update", "changes": [change]}
    given = ["-e", json.dumps({"gcp_kubernetes_cluster_plan": [entry]})]
    given += ["-e", f"provision_shrink={allowed}"] if allowed else []
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", *given, str(book)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode == 0) == good, done.stdout + done.stderr
    assert ("nodes_would_go: p (3 -> 0 nodes" in done.stdout) != good


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
