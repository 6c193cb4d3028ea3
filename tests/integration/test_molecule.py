"""Every Molecule scenario: its role on hosts of a lab of its own, twice, in check mode, verified."""

from __future__ import annotations

import pytest

from tests.integration.labs import ROOT, run

SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


@pytest.mark.lab
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str) -> None:
    result = run(["molecule", "test", "--scenario-name", scenario])
    assert result.returncode == 0, (
        f"to look at it: make molecule SCENARIO={scenario} COMMAND=converge"
    )
