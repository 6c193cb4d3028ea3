"""Changes by hand, and what gcp_resources and google.cloud's tasks make of them: artifacts/bench/google-cloud-drift.md.

Each change is made twice in the footprint of tests/integration/gcp_footprint.yml: gcp_resources is run after the first
one, google.cloud's task of the same resource after the second one. Whether it is taken back is read from the API, by a
plain client. docs/google-cloud-drift.md keeps the table; this fails where ours misses anything.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path

import ansible_collections.google.cloud
import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions

from tests.bench.google_cloud_drift import Row, Trial
from tests.bench.google_cloud_world import account
from tests.integration.gcp import Emulator
from tests.integration.gcp_drift import DRIFTS
from tests.integration.labs import ROOT

OUTPUT = ROOT / "artifacts/bench/google-cloud-drift.md"
_HEAD = (
    "changed by hand",
    "resource",
    "gcp_resources",
    "google.cloud's module",
    "told",
    "repaired",
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """All kinds of change, tried."""
    folder = tmp_path_factory.mktemp("gcp")
    with Emulator(folder) as emulator:
        found = Trial(emulator, DRIFTS, account(folder)).rows()
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(report(found), encoding="utf-8")
    for row in found:
        print(f"{row.drift.name}: {row.theirs.word} {row.theirs.message}")
    print(f"Written to {OUTPUT}")
    return found


def test_every_kind_of_change_is_told_and_taken_back(rows: list[Row]) -> None:
    assert len(rows) >= 30
    assert [row.drift.name for row in rows if not row.ours.good] == []


def report(rows: list[Row]) -> str:
    """The table, with what was counted and which versions were tried, as Markdown."""
    lines = [
        "Made by `pytest tests/bench/test_google_cloud_drift.py -s` against the emulator of tests/lab/gcp, with "
        + ", ".join(f"{name} {number}" for name, number in _versions().items())
        + ".",
        "",
        *_counts(rows),
        "",
        _line(_HEAD),
        _line(["---"] * len(_HEAD)),
        *(_line(_cells(row)) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _versions() -> dict[str, str]:
    manifest = Path(next(iter(ansible_collections.google.cloud.__path__))) / "MANIFEST.json"
    information = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]
    return {
        "google.cloud": information["version"],
        **{name: version(name) for name in ("ansible-core", "google-auth")},
        "definitions of google-api-python-client": version("google-api-python-client"),
        "compute's revision": str(Definitions().document("compute").get("revision", "")),
        "Python": platform.python_version(),
    }


def _counts(rows: list[Row]) -> list[str]:
    number = len(rows)
    ours = sum(row.ours.good for row in rows)
    tried = [row for row in rows if row.module]
    honest = [row for row in tried if row.theirs.said == "changed" and not row.theirs.restless]
    told, both = len(honest), sum(row.theirs.repaired for row in honest)
    repaired = sum(row.theirs.repaired for row in tried)
    return [
        f"- {number} kinds of change. gcp_resources told {ours} of them, took them back, and left everything alone in "
        "the next run.",
        f"- google.cloud has a module for {len(tried)} of them: {told} were told by a task that is quiet otherwise, "
        f"{repaired} were taken back, {both} both.",
    ]


def _cells(row: Row) -> list[str]:
    ours = "told, repaired, quiet" if row.ours.good else "missed"
    theirs = row.theirs
    repaired = "" if theirs.without else ("yes" if theirs.repaired else "**no**")
    return [row.drift.name, f"`{row.drift.key}`", ours, row.module, theirs.word, repaired]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
