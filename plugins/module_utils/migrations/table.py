# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Migrations as lines for a terminal: a run, and what has run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import verdict
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import SERVICE
from ansible_collections.groundwork.platform.plugins.module_utils.text import table

_RUN = ("migration", "state", "began", "seconds", "note")
_HISTORY = ("service", "version", "state", "ended", "note")


def migration_table(result: Mapping[str, Any]) -> list[str]:
    """Return what ``ordered_migrations`` told as aligned lines, and what took longest."""
    if "services" not in result:
        return [str(result.get("msg", "No migrations."))]
    lines = table([_RUN, *(_row(entry) for entry in result["services"])])
    path = " → ".join(result.get("critical_path", ()))
    if path:
        lines.append(
            f"{result['makespan']:.1f} s in all; longest chain {result['critical_seconds']:.1f} s: {path}"
        )
    return lines


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(entry["name"]),
        str(entry["state"]),
        f"{entry['started']:.1f}" if "started" in entry else "-",
        f"{entry['seconds']:.1f}" if "seconds" in entry else "-",
        str(entry.get("message") or entry.get("why") or ""),
    )


def migration_history(
    maps: Sequence[Mapping[str, Any]], jobs: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Return the entries of the history, oldest first, and the Jobs that have not ended."""
    entries = [json.loads(text) for found in maps for text in (found.get("data") or {}).values()]
    rows = [
        (
            entry["service"],
            entry["version"],
            entry["state"],
            entry["finished"] or "-",
            " ".join(filter(None, [entry["phase"], entry["reason"]])),
        )
        for entry in sorted(entries, key=lambda entry: (entry["finished"], entry["service"]))
    ]
    rows += [
        (
            job["metadata"]["labels"][SERVICE],
            (job["metadata"]["labels"]).get("app.kubernetes.io/version", "-"),
            "suspended" if job["spec"].get("suspend") else "running",
            "-",
            job["metadata"]["name"],
        )
        for job in jobs
        if verdict(job) is None
    ]
    return table([_HISTORY, *rows]) if rows else ["No migration has run here."]
