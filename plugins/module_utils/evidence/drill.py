# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a drill's inputs to its files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import (
    Attempt,
    read_attempts,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.errors import (
    EvidenceError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.html import (
    render_index,
    render_report,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.report import (
    Inputs,
    build_report,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.text import (
    summarize_report,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.writer import (
    EvidenceDirectory,
    as_json,
    sha256_of,
)

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}")
SECRET = re.compile(r"passw|secret|token|private_?key|credential", re.IGNORECASE)


def write_drill(options: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Compute the report and write it; the module's result. Raises EvidenceError, OSError."""
    identifier, path = options["id"], options["attempts_file"]
    if not IDENTIFIER.fullmatch(identifier):
        raise EvidenceError("bad_option", "id: letters, digits, '_', '.' and '-', at most 101.")
    if not 0 < options["objective"] < 1:
        raise EvidenceError("bad_option", "objective: a share between 0 and 1, such as 0.9999.")
    _refuse_secrets(options["context"])
    attempts = _checked_attempts(path, options["probe"]) if path else None
    evidence_files = [_describe(path)] if path else []
    report = build_report(_inputs(options, attempts, evidence_files))
    directory = EvidenceDirectory(options["directory"], check_mode)
    if path:
        with open(path, "rb") as file:
            directory.write(os.path.join(identifier, "attempts.jsonl"), file.read())
    json_path = directory.write(os.path.join(identifier, "report.json"), as_json(report.to_dict()))
    html_path = directory.write(os.path.join(identifier, "report.html"), render_report(report))
    index_path = directory.write("index.html", render_index(list(directory.reports())))
    return {
        "changed": directory.changed,
        "id": report.id,
        "verdict": report.verdict,
        "rto_seconds": report.rto_seconds,
        "rpo_rows": report.rpo_rows,
        "rpo_bytes": report.rpo_bytes,
        "bound_seconds": report.bound_seconds,
        "acknowledged": report.acknowledged,
        "unknown": report.unknown,
        "checks": report.to_dict()["checks"],
        "phases": report.to_dict()["phases"],
        "json_path": json_path,
        "html_path": html_path,
        "index_path": index_path,
        "summary": summarize_report(report, html_path),
    }


def _inputs(
    options: Mapping[str, Any], attempts: list[Attempt] | None, files: list[dict[str, Any]]
) -> Inputs:
    return Inputs(
        id=options["id"],
        kind=options["kind"],
        title=options["title"] or f"{options['kind'].replace('_', ' ').capitalize()} drill",
        probe=options["probe"],
        attempts=attempts,
        events=options["events"],
        topology_before=options["topology_before"],
        topology_after=options["topology_after"],
        bound=options["bound"],
        targets={name: value for name, value in options["targets"].items() if value is not None},
        wal=options["wal"],
        context=options["context"],
        objective=options["objective"],
        evidence_files=files,
    )


def _refuse_secrets(context: Mapping[str, Any]) -> None:
    """Evidence is handed around; raises EvidenceError `secret_in_context`."""
    for name in context:
        if SECRET.search(str(name)):
            raise EvidenceError(
                "secret_in_context",
                f"context.{name} looks like a secret: leave it out of evidence.",
            )


def _checked_attempts(path: str, probe: Mapping[str, Any]) -> list[Attempt]:
    """The fetched record; raises EvidenceError where it is not the one that the probe summed up."""
    try:
        attempts = read_attempts(path)
    except (OSError, ValueError) as error:
        raise EvidenceError("attempts_unreadable", f"Failed to read {path}: {error}.") from error
    digest, expected = sha256_of(path), probe.get("result_sha256")
    if expected is not None and digest != expected:
        raise EvidenceError(
            "attempts_mismatch",
            f"{path} is not the record that the probe summed up (SHA-256 {digest}, expected {expected}); "
            "fetch it again after state=stopped.",
        )
    return attempts


def _describe(path: str) -> dict[str, Any]:
    return {"name": "attempts.jsonl", "bytes": os.path.getsize(path), "sha256": sha256_of(path)}
