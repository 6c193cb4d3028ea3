# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What health_check returned, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import advice
from ansible_collections.groundwork.platform.plugins.module_utils.text import table

_HEADINGS = ("check", "kind", "state", "attempts", "p95", "target", "note")
#: Healthy checks that are shown where there are many; those that failed all are.
SHOWN = 40


def health_table(result: Mapping[str, Any]) -> list[str]:
    """Return aligned lines, failing checks first, and what was found of all together."""
    if "checks" not in result:
        return [str(result.get("msg", "No checks."))]
    failed = [entry for entry in result["checks"] if entry["state"] == "failed"]
    healthy = [entry for entry in result["checks"] if entry["state"] != "failed"]
    shown = failed + healthy[:SHOWN]
    lines = table([_HEADINGS] + [_row(entry) for entry in shown])
    if len(healthy) > SHOWN:
        lines.append(f"... and {len(healthy) - SHOWN} more that are healthy")
    counts, latency = result["counts"], result.get("latency") or {}
    told = f"{counts['healthy']} healthy, {counts['failed']} failed ({counts['allowed']} may)"
    if latency:
        told += f"; p50 {latency['p50']:g} ms, p95 {latency['p95']:g} ms, p99 {latency['p99']:g} ms"
    window = result.get("watched")
    told += f"; {result['seconds']:.1f} s in all"
    lines.append(told if window is None else f"{told}, {window:.1f} s of them watched")
    lines += [
        f"! {entry['name']}: {entry['message'].rstrip('.')}. {advice(entry['reason'])}".rstrip()
        for entry in failed
    ]
    return lines


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    latency = entry.get("latency") or {}
    tries = str(entry["attempts"])
    if entry["failed_attempts"]:
        tries += f" ({entry['failed_attempts']} failed)"
    target = entry["target"] if len(entry["target"]) <= 60 else entry["target"][:57] + "..."
    return (
        entry["name"],
        entry["kind"],
        entry["state"],
        tries,
        f"{latency['p95']:g} ms" if latency else "-",
        target,
        entry["reason"] or _facts(entry.get("facts") or {}),
    )


def _facts(facts: Mapping[str, Any]) -> str:
    told = [f"{key.replace('_', ' ')} {value}" for key, value in facts.items() if value is not None]
    return ", ".join(told)[:60]
