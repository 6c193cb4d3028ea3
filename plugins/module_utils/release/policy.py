# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a branch's gate is open: its findings, less what is excepted, by the severities of its rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ansible_collections.groundwork.platform.plugins.module_utils.release.branches import Branch
from ansible_collections.groundwork.platform.plugins.module_utils.release.exceptions import (
    Waiver,
    covering,
)
from ansible_collections.groundwork.platform.plugins.module_utils.release.report import (
    SEVERITIES,
    Finding,
    Report,
)

#: Findings that a message names; the result has them all.
NAMED = 5


@dataclass(frozen=True)
class Verdict:
    """What was decided, each tuple worst first. ``used`` is how many findings each exception took away."""

    fails: tuple[Finding, ...]
    warns: tuple[Finding, ...]
    used: dict[Waiver, int]
    unused: tuple[Waiver, ...]
    expired: tuple[Waiver, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether the gate is open."""
        return not self.fails


def judge(
    branch: Branch, report: Report, waivers: Sequence[Waiver], today: date, warn_days: int
) -> Verdict:
    """Judge a report. An exception that has ended counts no more."""
    left: list[Finding] = []
    used: dict[Waiver, int] = {}
    for finding in report.findings:
        # What nobody judges needs no exception.
        if finding.severity not in branch.fails + branch.warns:
            continue
        waiver = covering(waivers, finding, today)
        if waiver is None:
            left.append(finding)
        else:
            used[waiver] = used.get(waiver, 0) + 1
    fails = tuple(finding for finding in left if finding.severity in branch.fails)
    warns = tuple(finding for finding in left if finding.severity in branch.warns)
    expired = tuple(waiver for waiver in waivers if waiver.expired(today))
    unused = tuple(waiver for waiver in waivers if waiver not in used and waiver not in expired)
    return Verdict(
        fails=fails,
        warns=warns,
        used=used,
        unused=unused,
        expired=expired,
        reasons=tuple(_reasons(branch, fails, expired)),
        notes=tuple(_notes(warns, waivers, today, warn_days, report.suppressed)),
    )


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many there are of each severity."""
    return {
        severity: sum(finding.severity == severity for finding in findings)
        for severity in SEVERITIES
    }


def _reasons(branch: Branch, fails: Sequence[Finding], expired: Sequence[Waiver]) -> Iterator[str]:
    for severity, number in counts(fails).items():
        if number:
            where = "on every branch" if severity == "CRITICAL" else f"on {branch.kind}"
            named = [finding for finding in fails if finding.severity == severity]
            yield f"{severity} fails {where}, and there are {number}: {_names(named)}."
    for waiver in expired:
        if any(waiver.covers(finding) for finding in fails):
            yield f"The exception for {waiver} ended on {waiver.until} and counts no more ({waiver.reason})."


def _notes(
    warns: Sequence[Finding],
    waivers: Sequence[Waiver],
    today: date,
    warn_days: int,
    suppressed: int,
) -> Iterator[str]:
    if warns:
        yield f"{counted(len(warns), 'finding')} would fail on main and develop: {_names(warns)}."
    for waiver in waivers:
        days = waiver.days_left(today)
        if waiver.expired(today):
            yield f"The exception for {waiver} ended on {waiver.until}: renew or remove it."
        elif days <= warn_days:
            yield f"The exception for {waiver} ends on {waiver.until}, in {counted(days, 'day')} ({waiver.reason})."
    if suppressed:
        yield (
            f"Trivy itself left out {counted(suppressed, 'finding')} (.trivyignore, VEX), for which no exception "
            "here answers."
        )


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _names(findings: Sequence[Finding]) -> str:
    more = f"; and {len(findings) - NAMED} more" if len(findings) > NAMED else ""
    return "; ".join(map(str, findings[:NAMED])) + more
