# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report of Trivy (``--format json``, schema version 2), as findings.

Keys are those of Trivy's own types (pkg/types: report.go, vulnerability.go, misconfiguration.go, secret.go,
license.go). What makes ``trivy --exit-code`` fail is a finding here: vulnerabilities with and without a fix,
misconfigurations that failed, secrets and licences.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError

SCHEMA = 2
#: Trivy's severities, worst first.
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing that Trivy found. ``package`` is the file's or target's name where it is about no package."""

    kind: str
    id: str
    severity: str
    package: str
    installed: str = ""
    fixed: str = ""
    target: str = ""
    title: str = ""

    @property
    def order(self) -> tuple[Any, ...]:
        """Worst first."""
        return (SEVERITIES.index(self.severity), self.kind, self.id, self.package, self.target)

    def __str__(self) -> str:
        words = f"{self.severity} {self.id} in {self.package}"
        if self.installed:
            words += f" {self.installed}"
        if self.kind == "vulnerability":
            return words + (f" (fixed in {self.fixed})" if self.fixed else " (no fix yet)")
        return words + (f" ({self.kind}: {self.title})" if self.title else f" ({self.kind})")


@dataclass(frozen=True)
class Report:
    """What a report says. ``suppressed`` counts what Trivy was told to leave out and says (--show-suppressed)."""

    artifact: str
    created: str
    findings: tuple[Finding, ...]
    suppressed: int = 0


def parse(given: Any, *, allow_empty: bool = False) -> Report:
    """Return a report from its JSON, as text or data. Raises ``GateError`` (``bad_report``) with the missing key.

    Trivy leaves ``Results`` out where it found nothing that it can scan, which says nothing about the image.
    """
    body = _mapping(_data(given))
    for key in ("SchemaVersion", "ArtifactName"):
        if key not in body:
            raise _bad(f"the key {key} is missing. trivy image --format json writes one")
    if body["SchemaVersion"] != SCHEMA:
        raise _bad(f"its SchemaVersion is {body['SchemaVersion']!r}, and {SCHEMA} is known")
    if not body.get("Results") and not allow_empty:
        raise _bad(
            "the key Results is missing or empty: Trivy found nothing that it can scan, which is no proof. Where "
            "that is true (an image of static files), say allow_empty"
        )
    results = _entries(body, "Results", "")
    return Report(
        artifact=str(body["ArtifactName"]),
        created=str(body.get("CreatedAt", "")),
        findings=tuple(sorted(set(_findings(results)), key=lambda finding: finding.order)),
        suppressed=sum(len(result.get("ExperimentalModifiedFindings") or ()) for result in results),
    )


def _data(given: Any) -> Any:
    if not isinstance(given, (str, bytes)):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        raise _bad(f"it is no JSON ({error})") from error


def _mapping(body: Any) -> Entry:
    if isinstance(body, Mapping):
        return body
    if isinstance(body, list):
        raise _bad("it is a list, as Trivy before 0.20 wrote. Schema version 2 is a mapping")
    raise _bad("it is no mapping")


def _entries(body: Entry, key: str, place: str) -> Sequence[Entry]:
    found = body.get(key) or ()
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, Mapping) for one in found):
        raise _bad(f"{place}{key} is no list of mappings")
    return found


def _findings(results: Sequence[Entry]) -> Iterator[Finding]:
    for number, result in enumerate(results):
        place = f"Results[{number}]"
        if "Target" not in result:
            raise _bad(f"the key {place}.Target is missing")
        for key, read in _READERS.items():
            for index, entry in enumerate(_entries(result, key, f"{place}.")):
                finding = read(entry, str(result["Target"]), f"{place}.{key}[{index}]")
                if finding is not None:
                    yield finding


def _vulnerability(entry: Entry, target: str, place: str) -> Finding:
    return Finding(
        kind="vulnerability",
        id=_text(entry, "VulnerabilityID", place),
        severity=_severity(entry, place),
        package=_text(entry, "PkgName", place),
        installed=str(entry.get("InstalledVersion", "")),
        fixed=str(entry.get("FixedVersion", "")),
        target=target,
        title=str(entry.get("Title", "")),
    )


def _misconfiguration(entry: Entry, target: str, place: str) -> Finding | None:
    # A report may hold the checks that passed as well (--include-non-failures).
    if entry.get("Status", "FAIL") != "FAIL":
        return None
    name = _text(entry, "ID", place)
    return _other("misconfiguration", entry, name, target, target, place)


def _secret(entry: Entry, target: str, place: str) -> Finding:
    # Nothing of Match and Code is taken: it shows where the secret is, and what stands around it.
    return _other("secret", entry, _text(entry, "RuleID", place), target, target, place)


def _license(entry: Entry, target: str, place: str) -> Finding:
    package = str(entry.get("PkgName") or entry.get("FilePath") or target)
    return _other("license", entry, _text(entry, "Name", place), package, target, place)


def _other(kind: str, entry: Entry, name: str, package: str, target: str, place: str) -> Finding:
    title = str(entry.get("Title") or entry.get("Category") or "")
    return Finding(kind, name, _severity(entry, place), package, target=target, title=title)


#: The lists of a result, and how an entry of each is read.
_READERS: Mapping[str, Callable[[Entry, str, str], Finding | None]] = {
    "Vulnerabilities": _vulnerability,
    "Misconfigurations": _misconfiguration,
    "Secrets": _secret,
    "Licenses": _license,
}


def _text(entry: Entry, key: str, place: str) -> str:
    if not entry.get(key):
        raise _bad(f"the key {place}.{key} is missing")
    return str(entry[key])


def _severity(entry: Entry, place: str) -> str:
    found = _text(entry, "Severity", place)
    if found not in SEVERITIES:
        raise _bad(f"{place}.Severity is {found!r}, and Trivy knows {', '.join(SEVERITIES)}")
    return found


def _bad(what: str) -> GateError:
    return GateError("bad_report", f"This is no report of Trivy: {what}.")
