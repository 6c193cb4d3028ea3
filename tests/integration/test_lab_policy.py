"""The lab's enforcer of network policies, with packets between network namespaces: its own tests, in Go."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.integration.labs import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]


def test_go_tests_of_the_enforcer_pass() -> None:
    done = subprocess.run(
        ["go", "test", "-trimpath", "-count=1", "./policy"],
        cwd=ROOT / "tests/lab/kube",
        # As tools/build-kube compiles, so that nothing is compiled twice.
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
