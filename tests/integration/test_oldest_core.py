"""The oldest ansible-core that is supported builds the platform and replaces a lost primary."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.integration.labs import ROOT, Lab, run

pytestmark = [pytest.mark.lab, pytest.mark.slow]
ENVIRONMENT = ROOT / ".cache/oldest-core"


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        assert run([sys.executable, "-m", "venv", str(ENVIRONMENT)]).returncode == 0
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    assert run([*pip, "-r", "tests/integration/oldest.txt"]).returncode == 0
    return replace(make_lab("t-oldest"), programs=ENVIRONMENT / "bin")


def test_it_is_the_oldest_that_the_collection_admits(lab: Lab) -> None:
    admitted = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["requires_ansible"]
    version = run([str(lab.programs / "ansible"), "--version"]).output
    assert f"core {admitted.removeprefix('>=').rpartition('.')[0]}." in version


def test_bare_hosts_become_a_cluster_once(lab: Lab) -> None:
    assert lab.succeed("databases", "--check").changed > 0
    lab.succeed("databases")
    assert lab.succeed("databases").changed == 0
    assert lab.succeed("databases", "--check", "--diff").changed == 0


@pytest.mark.parametrize("drill", ["switchover", "fenced_failover"])
def test_drill_stays_inside_its_bound(lab: Lab, tmp_path: Path, drill: str) -> None:
    lab.succeed(
        "db_drill",
        databases="payments",
        drill=drill,
        drill_id=drill,
        drills_directory=str(tmp_path),
    )
    report = json.loads((tmp_path / drill / "report.json").read_text(encoding="utf-8"))
    assert report["rpo_rows"] == 0
    assert report["rto_seconds"] <= report["bound_seconds"]
