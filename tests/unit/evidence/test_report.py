from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.drill import write_drill
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.errors import (
    EvidenceError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.slo import spend

from tests.unit.evidence.samples import FAULT, START, attempt_lines, drill, probe_result

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[3] / "docs/drill-report.schema.json").read_text()
)


def write(directory: Path, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The module's result, and the JSON, valid by the schema."""
    result = write_drill(drill(directory=str(directory), **changes), check_mode=False)
    report = json.loads(Path(result["json_path"]).read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    return result, report


def test_failover_inside_its_bound_passes(tmp_path: Path) -> None:
    result, report = write(tmp_path)
    assert report["verdict"] == result["verdict"] == "passed"
    assert report["rto_seconds"] == pytest.approx(6.98, abs=0.05)
    assert report["bound_seconds"] == 9.1
    assert report["rpo_rows"] == 0
    assert report["acknowledged"] == 3000
    assert report["unacknowledged_present"] == 1
    assert report["rpo_bytes"] is None
    assert "rpo_bytes" in report["unknown"]
    assert [phase["name"] for phase in report["phases"]] == [
        "detect",
        "fence",
        "promote",
        "route",
        "first_write",
    ]
    assert report["phases"][2]["seconds"] == pytest.approx(2.8)
    assert report["slo_budget"]["periods"][0]["spent_share"] == pytest.approx(0.81, abs=0.01)
    for words in ("PASSED", "RTO", "0 of 3 000", "promote 2.80 s", result["html_path"]):
        assert words in result["summary"]


@pytest.mark.parametrize(
    "changes, check",
    [
        ({"targets": {"rto_seconds": 6.9, "rpo_rows": 0}}, "RTO target"),
        ({"bound": {"terms": [], "total_seconds": 6.0}}, "computed bound"),
        (
            {"probe": probe_result(attempt_lines(), missing=1, missing_keys=["drill-9"])},
            "RPO target",
        ),
        ({"probe": probe_result(attempt_lines(), duplicates=1)}, "booked twice"),
    ],
)
def test_each_broken_promise_fails_the_drill(
    tmp_path: Path, changes: dict[str, Any], check: str
) -> None:
    _result, report = write(tmp_path, **changes)
    assert report["verdict"] == "failed"
    assert [one["name"] for one in report["checks"] if one["outcome"] == "failed"] == [check]


def test_without_verification_nothing_is_claimed_about_rows(tmp_path: Path) -> None:
    probe = {**probe_result(attempt_lines()), "verification": None, "verification_reason": "down"}
    result, report = write(tmp_path, probe=probe)
    assert report["verdict"] == "inconclusive"
    assert report["rpo_rows"] is None
    assert report["unknown"]["rpo_rows"] == "down"
    assert "not known: down" in result["summary"]


def test_writes_that_never_come_back_fail_by_what_is_certain(tmp_path: Path) -> None:
    lines = attempt_lines(seconds=18.0)
    probe = {**probe_result(lines), "ended_at": FAULT + 40}
    probe["gaps"] = [{"start": FAULT, "end": None, "seconds": 40.0}]
    _result, report = write(tmp_path, probe=probe)
    assert report["rto_seconds"] is None
    assert report["outage"]["at_least_seconds"] == 40.0
    assert report["verdict"] == "failed"
    assert "first_write" in [one["name"] for one in report["phases"] if one["seconds"] is None]


def test_bytes_follow_from_both_positions(tmp_path: Path) -> None:
    wal = {"old_primary_lsn": "0/5038500", "promotion_lsn": "0/5038400", "reason": None}
    assert write(tmp_path, wal=wal)[1]["rpo_bytes"] == 256


def test_events_are_ordered_and_those_that_nobody_saw_left_out(tmp_path: Path) -> None:
    events = [{"name": "promote", "at": FAULT + 3}, {"name": "fault", "at": FAULT}]
    _result, report = write(tmp_path, events=[*events, {"name": "fence", "at": None}])
    assert [one["name"] for one in report["events"]] == ["fault", "promote"]
    assert report["phases"][0]["seconds"] == pytest.approx(3.0)
    missing = {one["name"]: one["reason"] for one in report["phases"] if one["seconds"] is None}
    assert missing == {"detect": "not reported", "fence": "not reported", "route": "not reported"}


def test_sparse_inputs_still_make_a_report(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"events": [], "topology_before": None, "topology_after": None}
    nothing.update(bound=None, targets={}, context={}, title=None)
    result, report = write(tmp_path, probe={"id": "x"}, **nothing)
    assert report["verdict"] == "inconclusive"
    assert report["title"] == "Failover drill"
    assert report["acknowledged"] is None
    assert "not summed up" in report["unknown"]["rto_seconds"]
    assert Path(result["html_path"]).exists()


def test_second_run_changes_nothing_and_check_mode_writes_nothing(tmp_path: Path) -> None:
    options = drill(directory=str(tmp_path / "new"))
    assert write_drill(options, check_mode=True)["changed"]
    assert not (tmp_path / "new").exists()
    assert write_drill(options, check_mode=False)["changed"]
    assert not write_drill(options, check_mode=False)["changed"]
    assert [path.name for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


def test_fetched_record_is_checked_kept_and_used(tmp_path: Path) -> None:
    lines = attempt_lines()
    record = tmp_path / "fetched.jsonl"
    record.write_text("".join(lines))
    probe = {**probe_result(lines), "gaps": []}  # the record, not the summary, has to be used
    _result, report = write(tmp_path / "drills", probe=probe, attempts_file=str(record))
    assert report["rto_seconds"] == pytest.approx(6.98, abs=0.05)
    kept = tmp_path / "drills" / report["id"] / "attempts.jsonl"
    assert kept.read_bytes() == record.read_bytes()
    assert report["evidence_files"][0]["sha256"] == probe["result_sha256"]
    record.write_text("".join(lines[:-1]))
    with pytest.raises(EvidenceError) as refused:
        write(tmp_path / "drills", probe=probe, attempts_file=str(record))
    assert refused.value.reason == "attempts_mismatch"


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"id": "../escape"}, "bad_option"),
        ({"objective": 1.0}, "bad_option"),
        ({"bound": {"terms": [{"term": "a", "seconds": 1}], "total_seconds": 2}}, "bound_mismatch"),
        ({"bound": {"terms": [{"term": "a"}], "total_seconds": 2}}, "bad_bound"),
        ({"wal": {"old_primary_lsn": "here", "promotion_lsn": "0/1"}}, "bad_lsn"),
        ({"context": {"db_password": "x"}}, "secret_in_context"),
        ({"attempts_file": "/nonexistent"}, "attempts_unreadable"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        write(tmp_path, **changes)
    assert refused.value.reason == reason
    assert list(tmp_path.iterdir()) == []


class Tags(HTMLParser):
    """Collects what a browser would load, and whether all that is opened is closed."""

    VOID = ("meta", "br", "rect", "line", "path", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_self_contained_and_escaped(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    missing = probe_result(attempt_lines(), missing=1, missing_keys=[evil])
    context, events = {"operator": evil}, [{"name": evil, "at": FAULT, "note": evil}]
    result, _report = write(tmp_path, title=evil, probe=missing, context=context, events=events)
    page = Path(result["html_path"]).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.links == []
    assert not re.search(r"https?://|@import|url\(", page)
    assert page.count("<title id=") == page.count("<desc id=") == page.count("<svg") == 2
    assert "nan" not in re.findall(r' d="([^"]*)"', page)[0]


def test_index_lists_every_drill(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, id="second", title="Another & one")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "report.json").write_text("{")
    page = (tmp_path / "index.html").read_text()
    assert 'href="second/report.html"' in page
    assert "Another &amp; one" in page
    assert 'href="failover-20250101T120000/report.html"' in page


def test_budget_of_four_nines() -> None:
    budget = spend(8.64, 0.9999)
    assert [one.budget_seconds for one in budget.periods] == [8.64, 259.2]
    assert budget.periods[0].spent_share == pytest.approx(1.0)
    with pytest.raises(ValueError, match="objective"):
        spend(1.0, 99.99)


def test_schema_refuses_a_report_without_its_contract(tmp_path: Path) -> None:
    _result, report = write(tmp_path)
    for key in ("rto_seconds", "rpo_rows", "bound_seconds", "acknowledged", "verdict"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in report.items() if k != key}, SCHEMA)


def test_long_run_is_shown_around_the_outage(tmp_path: Path) -> None:
    lines = attempt_lines(seconds=300.0, fault=START + 200, recovered=START + 203)
    events = [{"name": "fault", "at": START + 200}]
    result, report = write(tmp_path, probe=probe_result(lines), events=events)
    assert report["rto_seconds"] == pytest.approx(3.0, abs=0.1)
    page = Path(result["html_path"]).read_text()
    ticks = re.findall(r'text-anchor="middle">(−?\d+)</text>', page)  # noqa: RUF001
    assert "10" in ticks
    assert "100" not in ticks
