# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report on a terminal."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.figures import (
    THIN_SPACE,
    UNKNOWN,
    count,
    measured,
    seconds,
    share,
    size,
    words,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.report import Report


def summarize_report(report: Report, html_path: str) -> str:
    """A few aligned lines. Plain ASCII spaces, so that terminals and logs agree on the width."""
    lines = [f"{report.title}  [{report.id}]  {report.verdict.upper()}"]
    for name, value in _rows(report):
        lines.append(f"  {name:<13} {value}")
    for check in report.checks:
        value = measured(check.measured, check.unit)
        text = f"{value} of at most {measured(check.limit, check.unit)}"
        reason = f" ({check.reason})" if check.reason else ""
        lines.append(f"  {check.outcome:<13} {check.name}: {text}{reason}")
    lines.append(f"  {'report':<13} {html_path}")
    return "\n".join(lines).replace(THIN_SPACE, " ").replace(UNKNOWN, "-")


def _rows(report: Report) -> list[tuple[str, str]]:
    unknown = report.unknown
    known = [phase for phase in report.phases if phase.seconds is not None]
    rows = [
        (
            "RTO",
            _or_reason(seconds(report.rto_seconds), report.rto_seconds, unknown, "rto_seconds"),
        ),
        ("bound", seconds(report.bound_seconds)),
        (
            "RPO",
            _or_reason(
                f"{count(report.rpo_rows)} of {count(report.acknowledged)} acknowledged payments"
                f" missing; {count(report.unacknowledged_present)} present without acknowledgement",
                report.rpo_rows,
                unknown,
                "rpo_rows",
            ),
        ),
        (
            "RPO in WAL",
            _or_reason(size(report.rpo_bytes), report.rpo_bytes, unknown, "rpo_bytes"),
        ),
    ]
    if known:
        phases = ", ".join(f"{words(phase.name)} {seconds(phase.seconds)}" for phase in known)
        rows.append(("phases", phases))
    if report.slo_budget is not None:
        spent = ", ".join(
            f"{share(one.spent_share)} of {seconds(one.budget_seconds)} per {one.period}"
            for one in report.slo_budget.periods
        )
        rows.append((f"SLO {report.slo_budget.objective * 100:g}%", spent))
    return rows


def _or_reason(text: str, value: float | None, unknown: dict[str, str], key: str) -> str:
    return text if value is not None else f"not known: {unknown.get(key, 'no reason given')}"
