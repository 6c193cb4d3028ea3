from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.drill_summary import main

REPORT = {
    "title": "Failover of payments",
    "rto_seconds": 21.43,
    "bound_seconds": 28.0,
    "acknowledged": 4210,
    "rpo_rows": 0,
    "verdict": "passed",
}


def test_what_is_not_known_is_no_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, changes in (
        ("a", {}),
        ("b", {"rto_seconds": None, "rpo_rows": None, "verdict": "inconclusive"}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(REPORT | changes), encoding="utf-8")

    assert main(str(tmp_path)) == 0

    known, unknown = capsys.readouterr().out.splitlines()[3:5]
    assert known.split("  ")[0] == "Failover of payments"
    assert known.split()[-6:] == ["s", "28.0", "s", "4210", "0", "passed"]
    assert unknown.split()[-6:] == ["-", "28.0", "s", "4210", "-", "inconclusive"]


def test_without_a_report_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(str(tmp_path)) == 1
    assert "No report" in capsys.readouterr().err
