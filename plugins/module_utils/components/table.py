# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of components, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.text import table

_HEADINGS = ("component", "state", "seconds", "objects", "note")


def component_table(result: Mapping[str, Any]) -> list[str]:
    """Return what ``kube_components`` told as aligned lines: the components, and what took longest."""
    if "components" not in result:
        return [str(result.get("msg", "No components."))]
    lines = table([_HEADINGS] + [_row(entry) for entry in result["components"]])
    path = " → ".join(result["critical_path"])
    if path:
        lines.append(
            f"{result['makespan']:.1f} s in all; longest chain {result['critical_seconds']:.1f} s: {path}"
        )
    lines += [f"! {result['problem']}"] if "problem" in result else []
    told = [entry for entry in result["components"] if "reason" in entry]
    return lines + [f"! {entry['name']}: {entry['message']}" for entry in told]


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    counts = entry.get("counts", {})
    seconds = f"{entry['seconds']:.1f}" if "seconds" in entry else "-"
    notes = [entry["message"]] if "message" in entry and "reason" not in entry else []
    notes += [
        f"{what}: {len(entry[key])}"
        for key, what in (("hooks_left_out", "hooks left out"), ("kept", "made-up values kept"))
        if entry.get(key)
    ]
    return (
        str(entry["name"]),
        str(entry["state"]),
        seconds,
        ", ".join(f"{number} {action}" for action, number in counts.items() if number) or "-",
        ", ".join(notes),
    )
