"""The module gcp_resources against an emulator, and the footprint that tests bring up with it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.integration.gcp import Emulator
from tests.integration.kube_api import process

PROJECT = "project-1-dev-payments"
REGION = "asia-southeast1"
FOOTPRINT = Path(__file__).with_name("gcp_footprint.yml")

Result = dict[str, Any]


def footprint(*types: str) -> list[dict[str, Any]]:
    """All declared resources, or those of some types."""
    found = yaml.safe_load(FOOTPRINT.read_text(encoding="utf-8"))
    return [each for each in found if not types or each["type"] in types]


def command(emulator: Emulator, check: bool, options: dict[str, Any]) -> subprocess.Popen[str]:
    """The module under way."""
    arguments = {
        "project": PROJECT,
        "region": REGION,
        **options,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
    }
    words, variables = process("gcp_resources")
    running = subprocess.Popen(
        words,
        env={**os.environ, **variables, **emulator.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdin is not None
    running.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    running.stdin.close()
    running.stdin = None
    return running


def manage(
    emulator: Emulator, resources: list[dict[str, Any]], check: bool = False, **options: Any
) -> Result:
    """Run the module; a failure is returned like any result."""
    running = command(emulator, check, {"resources": resources, **options})
    out, err = running.communicate()
    assert out.startswith("{") or "\n{" in out, f"{out}\n{err}"
    assert "Traceback" not in err, err
    found: Result = json.loads(out)
    print(found.get("msg"))
    return found


def acting(result: Result) -> dict[str, str]:
    """What the plan changes: key to action."""
    return {each["key"]: each["action"] for each in result["plan"] if each["action"] != "unchanged"}


def fields(result: Result) -> list[str]:
    """All fields that the plan changes."""
    return [change["field"] for each in result["plan"] for change in each["changes"]]
