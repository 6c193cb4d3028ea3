# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as one self-contained page, and the index of all reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence import figures
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.phases import (
    FIRST_WRITE,
    Event,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.plot import (
    NARROW,
    WIDE,
    Plot,
    draw,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.report import Report
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.style import CSS
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.template import (
    BOUND,
    END,
    FOOT,
    HEAD,
    INDEX,
    PROMISES,
    SUMMARY,
    TOPOLOGY,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.template_plot import PLOT

LABEL_UNITS = 7.2  # width of a character of the plot's label
MOST_KEYS_SHOWN = 20


def _render(template: str, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters.update(
        seconds=figures.seconds,
        count=figures.count,
        size=figures.size,
        share=figures.share,
        moment=figures.moment,
        measured=figures.measured,
        words=figures.words,
        label=figures.label,
        px=lambda value: f"{value:.1f}",
    )
    return environment.from_string(template).render(css=Markup(CSS), **values)


def render_report(report: Report) -> str:
    """The page; needs Jinja2, which comes with Ansible on the controller."""
    moments = _moments(report)
    return _render(
        "".join((HEAD, SUMMARY, PLOT, PROMISES, BOUND, TOPOLOGY, END, FOOT)),
        heading=f"{report.title}: {report.verdict}",
        r=_with_defaults(report),
        sentence=_sentence(report),
        figures=_figures(report),
        moments=moments,
        origin_name=figures.words(moments[0]["name"]) if moments else "the last acknowledgement",
        not_reported=", ".join(
            figures.words(one.name) for one in report.phases if one.seconds is None
        ),
        rate=f"{report.probe.get('rate') or 0:g}",
        objective=f"{report.slo_budget.objective * 100:g}%" if report.slo_budget else "",
        lane=max(report.bound_seconds or 0, report.rto_seconds or 0) or 1,
        context=[
            (name, value) for name, value in report.context.items() if value not in (None, "")
        ],
        missing_keys=_missing(report),
        **_plots(report),
    )


def render_index(reports: Sequence[Mapping[str, Any]]) -> str:
    """The list of all drills, by name, which begins with the kind or the date as operators chose."""
    keys = ("id", "title", "kind", "verdict", "rto_seconds", "bound_seconds", "rpo_rows")
    rows = [{**dict.fromkeys(keys), **report} for report in reports]
    return _render(HEAD + INDEX + FOOT, heading="Drills", reports=rows)


def _with_defaults(report: Report) -> dict[str, Any]:
    """The report for the template, with the keys that a short probe result may lack."""
    values = report.to_dict()
    names = ("attempts", "failed_attempts", "errors", "latency_ms", "servers", "started_at")
    values["probe"] = {**dict.fromkeys((*names, "ended_at")), **values["probe"]}
    servers = values["probe"]["servers"] or []
    values["probe"]["servers"] = [{"last_lsn": None, **one} for one in servers]
    return values


def _sentence(report: Report) -> str:
    acknowledged = figures.count(report.acknowledged)
    if report.rpo_rows is None:
        data = f"Whether any of {acknowledged} acknowledged payments was lost is not known."
    elif report.rpo_rows == 0:
        data = f"None of {acknowledged} acknowledged payments was lost."
    else:
        data = (
            f"{figures.count(report.rpo_rows)} of {acknowledged} acknowledged payments were lost."
        )
    if report.rto_seconds is not None:
        return f"Writes stopped for {figures.seconds(report.rto_seconds)}. {data}"
    if report.outage is not None:
        least = figures.seconds(report.outage.at_least_seconds)
        return f"Writes stopped and did not come back within {least}. {data}"
    return data


def _figures(report: Report) -> list[dict[str, str]]:
    outcomes = {check.name: check.outcome for check in report.checks}
    target = report.targets.get("rto_seconds")
    lost = "passed" if report.rpo_rows == 0 else "failed" if report.rpo_rows else ""
    return [
        {
            "name": "RTO measured",
            "value": figures.seconds(report.rto_seconds),
            "note": "no target" if target is None else f"target {figures.seconds(float(target))}",
            "outcome": outcomes.get("RTO target", outcomes.get("computed bound", "")),
        },
        {
            "name": "RTO bound",
            "value": figures.seconds(report.bound_seconds),
            "note": report.unknown.get("bound_seconds", "computed from the settings"),
            "outcome": "",
        },
        {
            "name": "RPO, payments lost",
            "value": figures.count(report.rpo_rows),
            "note": "not verified" if report.rpo_rows is None else "acknowledged and absent",
            "outcome": lost,
        },
        {
            "name": "Acknowledged",
            "value": figures.count(report.acknowledged),
            "note": f"{figures.count(report.unacknowledged_present)} more present, not acknowledged",
            "outcome": "",
        },
    ]


def _moments(report: Report) -> list[dict[str, Any]]:
    """Events and the first write, numbered as in the plot."""
    took = {(one.name, one.end): one.seconds for one in report.phases}
    return [
        {
            "name": one.name,
            "at": one.at,
            "note": one.note,
            "offset": round(one.at - _origin(report), 3),
            "took": took.get((one.name, one.at)),
        }
        for one in _marked(report)
    ]


def _marked(report: Report) -> list[Event]:
    """The reported events, and the first write where the phases end with it."""
    events = list(report.events)
    if all(one.name != FIRST_WRITE for one in events):
        events += [
            Event(one.name, one.end, one.note)
            for one in report.phases
            if one.name == FIRST_WRITE and one.end is not None
        ]
    return sorted(events, key=lambda event: event.at)


def _origin(report: Report) -> float:
    if report.events:
        return report.events[0].at
    return report.outage.start if report.outage else float(report.probe.get("started_at") or 0)


def _missing(report: Report) -> str:
    keys = (report.probe.get("verification") or {}).get("missing_keys") or []
    more = len(keys) - MOST_KEYS_SHOWN
    return ", ".join(keys[:MOST_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _plots(report: Report) -> dict[str, Any]:
    """The plot in both sizes with its words."""
    histogram = report.probe.get("histogram")
    outage, span = report.outage, None
    if outage is not None:
        span = (outage.start, outage.end or outage.start + outage.at_least_seconds)
    drawn = [
        draw(histogram, _marked(report), span, _origin(report), size) if histogram else None
        for size in (WIDE, NARROW)
    ]
    wide, narrow = drawn
    label = "" if outage is None else figures.seconds(outage.at_least_seconds)
    return {
        "gap_label": label,
        "plot_text": _sentence(report),
        "wide": None if wide is None else _labelled(wide, label),
        "narrow": None if narrow is None else _labelled(narrow, label),
    }


def _labelled(plot: Plot, label: str) -> dict[str, Any]:
    """The plot with a place for the gap's label: inside the gap, or beside a narrow one."""
    values: dict[str, Any] = asdict(plot)
    values["size"]["base"] = plot.size.base
    if plot.gap is not None:
        left, right = plot.gap
        width = len(label) * LABEL_UNITS + 14
        if right - left > width + 8:
            place = (left + right - width) / 2
        elif right + 6 + width < plot.size.width - plot.size.right:
            place = right + 4
        else:
            place = left - width - 4
        height = plot.size.base - plot.size.top
        values.update(label_left=place, label_width=width, label_y=plot.size.top + height * 0.42)
    return values
