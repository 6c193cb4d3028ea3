"""Print the drills' reports as a short table, and where their pages are.

usage: drill_summary.py FOLDER [SINCE]     SINCE: epoch seconds; older reports are left out
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLUMNS = ("drill", "seconds without acks", "bound", "acknowledged", "rows lost", "verdict")


def shown(value: Any, unit: str = "") -> str:
    """Show a measured value; what is not known is a dash, never a zero."""
    if value is None:
        return "-"
    return f"{value:.1f}{unit}" if isinstance(value, float) else f"{value}{unit}"


def row(report: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one report (its keys are the contract of docs/drill-report.schema.json)."""
    return (
        str(report["title"]),
        shown(report["rto_seconds"], " s"),
        shown(report["bound_seconds"], " s"),
        shown(report["acknowledged"]),
        shown(report["rpo_rows"]),
        str(report["verdict"]),
    )


def table(rows: list[tuple[str, ...]]) -> str:
    """Align the rows below their headings."""
    widths = [max(len(line[column]) for line in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
    lines = [COLUMNS, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in lines
    )


def main(folder: str, since: str = "0") -> int:
    """Print the reports below a folder in the order in which they were written."""
    files = [
        path for path in Path(folder).glob("*/report.json") if path.stat().st_mtime >= float(since)
    ]
    files.sort(key=lambda path: path.stat().st_mtime)
    if not files:
        print(f"No report of a drill below {folder}.", file=sys.stderr)
        return 1
    print(
        "\n" + table([row(json.loads(path.read_text(encoding="utf-8"))) for path in files]) + "\n"
    )
    for path in files:
        print(f"Report: {path.with_name('report.html')}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
