"""A gate as the module judges it, for reports that Trivy wrote.

The files in ``reports`` were written by Trivy 0.58.1 (``trivy image --input … --format json``), run on images and a
vulnerability database of our own: names of packages are real, what is wrong with them is invented.

- ``nx-sale``: vulnerabilities of four severities, one of them in two packages and one without a fix; a secret; a
  configuration that runs as root.
- ``nx-sale-ignored``: the same with a ``.trivyignore``, written with ``--show-suppressed``; vulnerabilities alone.
- ``nx-identity``: nothing worse than LOW.
- ``nx-static``: an image in which Trivy finds nothing that it can scan, so ``Results`` are missing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.release.arguments import ARGUMENTS
from ansible_collections.groundwork.platform.plugins.module_utils.release.gate import evaluate

REPORTS = Path(__file__).parent / "reports"
COMMIT = "4f1c9a70b2d35e6884aa0c1d2e3f405162738495"
SHA = "4f1c9a70"
TODAY = "2026-11-22"


def report(name: str = "nx-identity") -> dict[str, Any]:
    """One of Trivy's reports."""
    found: dict[str, Any] = json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def gate(branch: str, scanned: Any = None, **options: Any) -> dict[str, Any]:
    """What the module returns, with the defaults of its options."""
    defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    given = {"branch": branch, "commit": COMMIT, "today": TODAY, **options}
    return evaluate({**defaults, **given}, report() if scanned is None else scanned)
