# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``release_gate``: from its options to its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import KubeModule
from ansible_collections.groundwork.platform.plugins.module_utils.release import (
    exceptions,
    report,
)
from ansible_collections.groundwork.platform.plugins.module_utils.release.branches import (
    Branch,
    branch_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError
from ansible_collections.groundwork.platform.plugins.module_utils.release.policy import (
    Verdict,
    counts,
    judge,
)
from ansible_collections.groundwork.platform.plugins.module_utils.release.tags import (
    Tags,
    check_deploy,
    check_push,
    tags_of,
)


def release_gate(module: KubeModule) -> None:
    """Judge, and end the module."""
    params = module.params
    try:
        result = evaluate(params, _given_report(params))
    except GateError as error:
        module.fail_json(str(error), reason=error.reason)
    for note in result["notes"]:
        module.warn(note)
    if params["enforce"] and not result["allowed"]:
        module.fail_json(_closed(params, result), reason="gate_closed", **result)
    module.exit_json(changed=False, **result)


def _given_report(params: Mapping[str, Any]) -> Any:
    """What the report says, from the option or the file. Raises ``GateError`` (``bad_report``)."""
    if params["report"] is not None:
        return params["report"]
    try:
        return Path(params["report_file"]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GateError(
            "bad_report", f"{params['report_file']} cannot be read: {error}."
        ) from error


def evaluate(params: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """Return the module's result. Raises ``GateError``."""
    branch = branch_of(params["branch"], params["feature_branches"])
    tags = tags_of(branch, params["commit"], params["version"] or "")
    check_push(branch, tags, params["push"])
    if params["deploy"]:
        check_deploy(branch, tags, params["deploy"])
    waivers = exceptions.parse(params["exceptions"])
    today = _today(params["today"])
    scanned = report.parse(given, allow_empty=params["allow_empty"])
    verdict = judge(branch, scanned, waivers, today, params["warn_days"])
    return {
        "branch_kind": branch.kind,
        "environment": branch.environment,
        "artifact": scanned.artifact,
        "scanned_at": scanned.created,
        "counts": counts(scanned.findings),
        **_tags(tags, verdict),
        **_told(branch, params["version"], verdict, today),
    }


def _today(given: str | None) -> date:
    return (
        exceptions.parse_day(given, "today", "bad_date")
        if given
        else datetime.now(timezone.utc).date()
    )


def _tags(tags: Tags, verdict: Verdict) -> dict[str, Any]:
    # Who does not look at "allowed" has nothing to push or deploy either.
    return {
        "build_tag": tags.build,
        "tags": list(tags.push) if verdict.allowed else [],
        "deploy_tag": tags.deploy if verdict.allowed else "",
    }


def _told(branch: Branch, version: str | None, verdict: Verdict, today: date) -> dict[str, Any]:
    notes = list(verdict.notes)
    if branch.pushes_version and not version:
        notes.append(f"No version was given, so {branch.kind} pushes no v<semver> tag.")
    return {
        "allowed": verdict.allowed,
        "reasons": list(verdict.reasons),
        "notes": notes,
        "findings": [
            {**asdict(finding), "verdict": word}
            for word, findings in (("fails", verdict.fails), ("warns", verdict.warns))
            for finding in findings
        ],
        "exceptions": {
            "used": [
                {**waiver.told(today), "findings": number}
                for waiver, number in verdict.used.items()
            ],
            "unused": [waiver.told(today) for waiver in verdict.unused],
            "expired": [waiver.told(today) for waiver in verdict.expired],
        },
    }


def _closed(params: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    return (
        f"The gate is closed for {result['artifact']} ({params['branch']} at {result['build_tag']}): "
        f"{' '.join(result['reasons'])}"
    )
