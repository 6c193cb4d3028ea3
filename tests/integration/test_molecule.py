"""Every Molecule scenario: its role on hosts of a lab of its own, twice, in check mode, verified."""

from __future__ import annotations

import pytest

from tests.integration.labs import ROOT, run

SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
# Roles whose own suites are slow; the others' hosts are converged by tests of databases and disks as well.
SHORT = {"certificates", "host_baseline"}


@pytest.mark.lab
@pytest.mark.parametrize(
    "scenario",
    [pytest.param(name, marks=() if name in SHORT else pytest.mark.slow) for name in SCENARIOS],
)
def test_scenario(scenario: str) -> None:
    result = run(["molecule", "test", "--scenario-name", scenario])
    assert result.returncode == 0, (
        f"to look at it: make molecule SCENARIO={scenario} COMMAND=converge"
    )
