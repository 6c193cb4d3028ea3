"""The modules as Ansible runs them: documented options, thin mains, results and reason codes."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.patroni_api.play import Play, frames

ROOT = Path(__file__).resolve().parents[3]
NAMES = [
    "patroni_cluster_info",
    "patroni_switchover",
    "patroni_failover",
    "patroni_config",
    "patroni_restart",
]


def run(name: str, **arguments: Any) -> dict[str, Any]:
    """Run a module as a program of its own, with its arguments on standard input."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "plugins" / "modules" / f"{name}.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_remote_tmp": "/tmp", **arguments}}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT / ".ansible" / "collections")},
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


@pytest.mark.parametrize("name", NAMES)
def test_main_is_thin(name: str) -> None:
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{name}.py").read_text())
    [main] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"
    ]
    assert main.end_lineno is not None
    assert main.end_lineno - main.lineno < 30


@pytest.mark.parametrize("name", NAMES)
def test_documentation_is_whole(name: str) -> None:
    module = importlib.import_module(
        f"ansible_collections.groundwork.platform.plugins.modules.{name}"
    )
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert {"check_mode", "diff_mode", "platform"} <= set(documentation["attributes"])
    for task in yaml.safe_load(module.EXAMPLES):
        assert f"groundwork.platform.{name}" in task
    for key, value in yaml.safe_load(module.RETURN).items():
        assert {"description", "returned", "type", "sample"} <= set(value), key


def test_every_documented_result_of_the_information_is_returned() -> None:
    module = importlib.import_module(
        "ansible_collections.groundwork.platform.plugins.modules.patroni_cluster_info"
    )
    documented = {
        key
        for key, value in yaml.safe_load(module.RETURN).items()
        if value["returned"] == "success"
    }
    with Play(frames("quorum")) as play:
        result = run("patroni_cluster_info", members=[play.url("db-1")])
    assert documented == set(result) - {"changed", "invocation"}
    sample = yaml.safe_load(module.RETURN)["members"]["sample"][0]
    assert set(sample) == set(result["members"][0])


def test_a_refusal_carries_its_reason() -> None:
    with Play(frames("paused")) as play:
        result = run("patroni_switchover", members=[play.url("db-1")], candidate="db-1")
    assert (result["failed"], result["refused"], result["reason"]) == (True, True, "paused")


def test_a_failure_is_told_from_a_refusal() -> None:
    with Play(frames("quorum")) as play:
        result = run(
            "patroni_cluster_info",
            members=[play.url("db-1")],
            leader_is="db-1",
            wait_timeout=0,
            poll_interval=0.1,
        )
    assert (result["failed"], result["refused"], result["reason"]) == (True, False, "wait_timeout")


def test_passwords_are_not_in_the_result() -> None:
    with Play(frames("quorum")) as play:
        result = run(
            "patroni_config",
            members=[play.url("db-1")],
            config={"ttl": 20},
            username="ops",
            password="s3cr3t-x",
        )
    assert not result["changed"]
    assert "s3cr3t-x" not in json.dumps(result)


def test_a_fence_needs_etcd() -> None:
    result = run("patroni_failover", members=["http://127.0.0.1:1"], fenced="db-1")
    assert "etcd" in result["msg"]
