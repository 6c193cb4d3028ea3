"""What the scanner's policy makes of a report, branch by branch, and what exceptions take away."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError

from tests.unit.release.gate import SHA, gate, report


def only(*severities: str) -> dict[str, Any]:
    """A report with one finding of each severity."""
    found = report()
    found["Results"] = [
        {
            "Target": "image",
            "Vulnerabilities": [
                {"VulnerabilityID": f"CVE-{one}", "PkgName": "zlib", "Severity": one}
                for one in severities
            ],
        }
    ]
    return found


@pytest.mark.parametrize(
    "branch,severity,verdict",
    [
        ("main", "CRITICAL", "fails"),
        ("develop", "CRITICAL", "fails"),
        ("feature/refund", "CRITICAL", "fails"),
        ("main", "HIGH", "fails"),
        ("develop", "HIGH", "fails"),
        ("feature/refund", "HIGH", "warns"),
        *(
            (branch, severity, "")
            for branch in ("main", "develop", "feature/refund")
            for severity in ("MEDIUM", "LOW", "UNKNOWN")
        ),
    ],
)
def test_a_severity_on_a_branch(branch: str, severity: str, verdict: str) -> None:
    found = gate(branch, only(severity))
    assert found["allowed"] == (verdict != "fails")
    assert [one["verdict"] for one in found["findings"]] == ([verdict] if verdict else [])
    assert found["counts"][severity] == 1
    assert bool(found["reasons"]) == (verdict == "fails")


def test_a_closed_gate_hands_out_no_tag() -> None:
    found = gate("main", only("HIGH"))
    assert (found["tags"], found["deploy_tag"], found["build_tag"]) == ([], "", SHA)


def test_each_kind_of_finding_counts() -> None:
    found = gate("develop", report("nx-sale"))
    assert {one["kind"] for one in found["findings"]} == {
        "vulnerability",
        "misconfiguration",
        "secret",
    }
    assert found["counts"] == {"CRITICAL": 3, "HIGH": 4, "MEDIUM": 1, "LOW": 2, "UNKNOWN": 0}


def test_what_decides_is_told_worst_first() -> None:
    found = gate("feature/refund", report("nx-sale"))
    assert [(one["verdict"], one["severity"]) for one in found["findings"]] == [
        ("fails", "CRITICAL")
    ] * 3 + [("warns", "HIGH")] * 4
    (reason,) = found["reasons"]
    assert reason.startswith("CRITICAL fails on every branch, and there are 3: CRITICAL aws-access")
    assert "CVE-2026-10001 in libssl3 3.3.1-r0 (fixed in 3.3.2-r0)" in reason
    (note,) = found["notes"]
    assert note.startswith("4 findings would fail on main and develop: HIGH DS002")
    assert "CVE-2026-10003 in zlib 1.3.1-r1 (no fix yet)" in note


def test_many_findings_are_counted_not_listed() -> None:
    scanned = only()
    scanned["Results"][0]["Vulnerabilities"] = [
        {"VulnerabilityID": f"CVE-{number}", "PkgName": "zlib", "Severity": "HIGH"}
        for number in range(10, 21)
    ]
    found = gate("main", scanned)
    assert found["reasons"][0].endswith("HIGH CVE-14 in zlib (no fix yet); and 6 more.")
    assert len(found["findings"]) == 11


def waiver(**more: str) -> dict[str, str]:
    return {
        "id": "CVE-2026-10001",
        "reason": "Not reachable here.",
        "until": "2027-01-31",
        **more,
    }


def findings(**options: Any) -> list[tuple[str, str]]:
    found = gate("main", report("nx-sale"), **options)
    return [(one["id"], one["package"]) for one in found["findings"]]


def test_an_exception_takes_its_findings_away() -> None:
    before = findings()
    assert findings(exceptions=[waiver()]) == [one for one in before if one[0] != "CVE-2026-10001"]
    # For one package alone it leaves the other's.
    assert findings(exceptions=[waiver(package="libssl3")]) == [
        one for one in before if one != ("CVE-2026-10001", "libssl3")
    ]


def test_exceptions_for_all_open_the_gate() -> None:
    ids = {name for name, _package in findings()}
    found = gate("main", report("nx-sale"), exceptions=[waiver(id=name) for name in ids])
    assert found["allowed"]
    assert found["tags"] == [SHA, "latest"]
    assert {one["id"]: one["findings"] for one in found["exceptions"]["used"]} == {
        "CVE-2026-10001": 2,
        "CVE-2026-10002": 2,
        "CVE-2026-10003": 1,
        "DS002": 1,
        "aws-access-key-id": 1,
    }
    # What is excepted is still there.
    assert found["counts"]["CRITICAL"] == 3


def test_an_exception_counts_until_the_end_of_its_last_day() -> None:
    given = [waiver(until="2026-11-22")]
    assert ("CVE-2026-10001", "libssl3") not in findings(exceptions=given, today="2026-11-22")
    assert ("CVE-2026-10001", "libssl3") in findings(exceptions=given, today="2026-11-23")


def test_an_expired_exception_is_named_as_a_reason() -> None:
    found = gate("main", report("nx-sale"), exceptions=[waiver(until="2026-11-21")])
    assert found["reasons"][-1] == (
        "The exception for CVE-2026-10001 ended on 2026-11-21 and counts no more (Not reachable here.)."
    )
    (told,) = found["exceptions"]["expired"]
    assert (told["id"], told["days_left"]) == ("CVE-2026-10001", -1)
    assert found["exceptions"]["used"] == []


def test_an_expired_exception_for_nothing_is_a_note_alone() -> None:
    found = gate("develop", exceptions=[waiver(until="2026-11-21")])
    assert found["allowed"]
    assert found["notes"] == [
        "The exception for CVE-2026-10001 ended on 2026-11-21: renew or remove it."
    ]


def test_a_narrow_exception_outlives_a_wide_one() -> None:
    given = [waiver(until="2026-11-01"), waiver(package="libssl3")]
    left = findings(exceptions=given)
    assert ("CVE-2026-10001", "libssl3") not in left
    assert ("CVE-2026-10001", "libcrypto3") in left


def test_of_two_exceptions_the_narrow_one_is_used_first() -> None:
    given = [waiver(), waiver(package="libssl3")]
    found = gate("main", report("nx-sale"), exceptions=given)
    assert [(one["package"], one["findings"]) for one in found["exceptions"]["used"]] == [
        ("", 1),
        ("libssl3", 1),
    ]


@pytest.mark.parametrize(
    "until,notes",
    [
        ("2026-12-06", 1),
        ("2026-12-07", 0),
        ("2026-11-22", 1),
    ],
)
def test_an_exception_that_ends_soon_is_noted(until: str, notes: int) -> None:
    found = gate("develop", exceptions=[waiver(until=until)], warn_days=14)
    assert len(found["notes"]) == notes
    assert [one["id"] for one in found["exceptions"]["unused"]] == ["CVE-2026-10001"]


def test_an_exception_for_what_nobody_judges_is_unused() -> None:
    found = gate("main", report("nx-sale"), exceptions=[waiver(id="CVE-2026-10004")])
    assert [one["id"] for one in found["exceptions"]["unused"]] == ["CVE-2026-10004"]


@pytest.mark.parametrize(
    "given,words",
    [
        ([waiver(until="31.01.2027")], "a day is written 2027-01-31"),
        ([waiver(until="2027-02-30")], "a day is written 2027-01-31"),
        ([waiver(reason=" ")], "has no reason"),
        ([waiver(id="")], "has no id"),
        ([waiver(), waiver(until="2028-01-01")], "two exceptions for CVE-2026-10001: keep one"),
    ],
)
def test_a_bad_exception_is_refused(given: list[dict[str, str]], words: str) -> None:
    with pytest.raises(GateError, match=words) as refused:
        gate("main", exceptions=given)
    assert refused.value.reason == "bad_exception"


def test_what_trivy_was_told_to_leave_out_is_noted() -> None:
    found = gate("develop", report("nx-sale-ignored"))
    assert "CVE-2026-10003" not in {one["id"] for one in found["findings"]}
    assert found["notes"] == [
        "Trivy itself left out 1 finding (.trivyignore, VEX), for which no exception here answers."
    ]
