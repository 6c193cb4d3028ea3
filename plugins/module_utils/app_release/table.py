# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases as tables, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import parse
from ansible_collections.groundwork.platform.plugins.module_utils.text import table

_RUN = ("service", "version", "before", "state", "seconds", "soak", "requests", "5xx", "note")
_HISTORY = ("service", "revision", "version", "state", "ended", "by", "note")


def release_table(result: Mapping[str, Any]) -> list[str]:
    """Return what ``app_release`` told as aligned lines, migrations that ran first."""
    if "services" not in result:
        return [str(result.get("msg", "Nothing was released."))]
    ran = [each for each in result.get("migrations", ()) if each["state"] != "skipped"]
    rows = [_migration(each) for each in ran] + [_service(each) for each in result["services"]]
    lines = table([_RUN, *rows])
    path = " → ".join(result.get("critical_path", ()))
    if path:
        lines.append(
            f"{result['makespan']:.1f} s until all were up; longest chain {result['critical_seconds']:.1f} s: {path}"
        )
    return [*lines, *result.get("notes", ())]


def _migration(entry: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = f"{entry['seconds']:.1f}" if "seconds" in entry else "-"
    note = str(entry.get("message") or entry.get("why") or "")
    return (
        f"{entry['name']} migration",
        entry["version"],
        "-",
        entry["state"],
        seconds,
        "-",
        "-",
        "-",
        note,
    )


def _service(entry: Mapping[str, Any]) -> tuple[str, ...]:
    soak = entry.get("soak") or {}
    return (
        entry["name"],
        entry["version"],
        entry["previous"] or "-",
        entry["state"],
        f"{entry['seconds']:.1f}" if "seconds" in entry else "-",
        f"{soak['seconds']:.0f}" if soak.get("seconds") else "-",
        str(soak.get("requests", "-")),
        str(soak.get("failed", "-")),
        str(entry.get("message") or entry.get("why") or ""),
    )


def release_history(secrets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the revisions on record, by service, the newest first."""
    kept = sorted(
        (parse(body).revision for body in secrets), key=lambda each: (each.service, -each.number)
    )
    rows = [
        (
            each.service,
            str(each.number),
            each.version,
            each.state,
            each.ended or "-",
            each.by or "-",
            each.reason or (f"rollback of {each.rollback_of}" if each.rollback_of else ""),
        )
        for each in kept
    ]
    return table([_HISTORY, *rows]) if rows else ["Nothing has been released here."]
