"""What is read of Trivy's reports, and what is no report of Trivy."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError
from ansible_collections.groundwork.platform.plugins.module_utils.release.report import (
    Finding,
    parse,
)

from tests.unit.release.gate import report


def test_findings_of_a_report() -> None:
    found = parse(report("nx-sale"))
    assert found.artifact == "nx-sale.tar"
    assert found.created.startswith("2026-11-22T")
    assert found.findings[1:3] == tuple(
        Finding(
            kind="vulnerability",
            id="CVE-2026-10001",
            severity="CRITICAL",
            package=package,
            installed="3.3.1-r0",
            fixed="3.3.2-r0",
            target="nx-sale.tar (alpine 3.20.3)",
            title="openssl: an invented flaw of the handshake",
        )
        for package in ("libcrypto3", "libssl3")
    )


def test_text_and_data_are_the_same() -> None:
    assert parse(json.dumps(report("nx-sale"))) == parse(report("nx-sale"))


def test_nothing_around_a_secret_is_taken() -> None:
    (secret,) = (one for one in parse(report("nx-sale")).findings if one.kind == "secret")
    assert secret.package == "/app/settings.sh"
    assert "export" not in repr(secret)


def test_a_check_that_passed_is_no_finding() -> None:
    scanned = report()
    (result,) = (one for one in scanned["Results"] if one["Class"] == "config")
    assert len(parse(scanned).findings) == 1
    result["Misconfigurations"][0]["Status"] = "PASS"
    assert parse(scanned).findings == ()


def test_a_licence_is_a_finding() -> None:
    scanned = report()
    licence = {"Severity": "CRITICAL", "Category": "forbidden", "PkgName": "", "FilePath": "a/b"}
    scanned["Results"] = [{"Target": "Loose", "Licenses": [{**licence, "Name": "AGPL-3.0"}]}]
    (found,) = parse(scanned).findings
    assert str(found) == "CRITICAL AGPL-3.0 in a/b (license: forbidden)"


def test_an_image_that_cannot_be_scanned_is_no_proof() -> None:
    with pytest.raises(GateError, match=r"key Results is missing or empty.*no proof.*allow_empty"):
        parse(report("nx-static"))
    assert parse(report("nx-static"), allow_empty=True).findings == ()


def changed(*path: Any, to: Any = None) -> dict[str, Any]:
    """A report without something, or with something else there."""
    found = copy.deepcopy(report("nx-sale"))
    place: Any = found
    for step in path[:-1]:
        place = place[step]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return found


FIRST = ("Results", 0, "Vulnerabilities", 0)


@pytest.mark.parametrize(
    "given,words",
    [
        (changed("SchemaVersion"), "the key SchemaVersion is missing"),
        (changed("ArtifactName"), "the key ArtifactName is missing"),
        (changed("Results"), "the key Results is missing"),
        (changed("Results", to="none"), "Results is no list"),
        (changed("Results", 0, "Target"), r"the key Results\[0\].Target is missing"),
        (changed("Results", 0, to="x"), "Results is no list of mappings"),
        (changed(*FIRST[:3], to={"a": 1}), r"Results\[0\].Vulnerabilities is no list"),
        (changed(*FIRST, "VulnerabilityID"), r"Vulnerabilities\[0\].VulnerabilityID is missing"),
        (changed(*FIRST, "PkgName"), r"Vulnerabilities\[0\].PkgName is missing"),
        (changed(*FIRST, "Severity"), r"Vulnerabilities\[0\].Severity is missing"),
        (changed(*FIRST, "Severity", to="BAD"), "Severity is 'BAD', and Trivy knows CRITICAL"),
        (changed("SchemaVersion", to=3), "its SchemaVersion is 3, and 2 is known"),
        ([{"Target": "x", "Vulnerabilities": None}], "a list, as Trivy before 0.20 wrote"),
        ({"bomFormat": "CycloneDX", "specVersion": "1.6"}, "the key SchemaVersion is missing"),
        ({}, "the key SchemaVersion is missing"),
        ("", "it is no JSON"),
        ("2026-11-22 FATAL scan error", "it is no JSON"),
        ("null", "it is no mapping"),
        (7, "it is no mapping"),
    ],
)
def test_what_is_no_report_of_trivy_says_why(given: Any, words: str) -> None:
    with pytest.raises(GateError, match=f"This is no report of Trivy: .*{words}") as refused:
        parse(given)
    assert refused.value.reason == "bad_report"
