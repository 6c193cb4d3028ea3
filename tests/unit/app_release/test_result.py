"""What the module returns, and the tables that people read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING_BACK,
    KEEP,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Traffic
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.result import shown
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.run import Done
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import Soaked
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.table import (
    release_history,
    release_table,
)
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import (
    run as migrations,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Migration

from tests.unit.app_release.samples import fate, kept, service

JOB: Any = {"metadata": {"name": "nx-sale-migrate-2", "namespace": "nx"}, "spec": {}}


def done(one: Fate, *, ran: bool = True, migrated: str = "", **more: Any) -> Done:
    """A run of one service, with a migration that was done or skipped where that is said."""
    needs: dict[str, list[str]] = {"sale rollout": ["sale"] if migrated else []}
    results = {"sale rollout": dag.Result[None]("sale rollout", dag.DONE, 2.0, 8.5)}
    fates = {}
    if migrated:
        needs = {"sale": [], **needs}
        results = {"sale": dag.Result[None]("sale", dag.DONE, 0.0, 2.0), **results}
        fates["sale"] = migrations.Fate(Migration("sale", "2", JOB), migrated, "")
    report = dag.Report(results, 8.5, ("sale", "sale rollout"), 8.5) if ran else None
    return Done({"sale": one}, needs, migrations.Done(fates, needs, report), **more)


def test_a_release_is_told_with_its_times_its_window_and_its_way_back() -> None:
    one = fate(
        service("2"),
        state="released",
        begun=True,
        soaked=60.02,
        traffic=Traffic(812, 3, {"p95": 41.2}),
        changes=("Deployment.apps nx-sale in nx updated",),
        seconds={"rollout": 6.1},
    )
    found = shown(done(one, migrated="create", soaked=Soaked(60.02)))
    [entry] = found["services"]
    assert entry == {
        "name": "sale",
        "namespace": "nx",
        "deployment": "nx-sale",
        "version": "2",
        "image": "r/sale:2",
        "state": "released",
        "revision": 2,
        "previous": "1",
        "changes": ["Deployment.apps nx-sale in nx updated"],
        "parts": {"rollout": 6.1},
        "started": 2.0,
        "seconds": 6.5,
        "soak": {"seconds": 60.0, "requests": 812, "failed": 3, "latency": {"p95": 41.2}},
    }
    assert [each["name"] for each in found["migrations"]] == ["sale"]
    assert (found["changed"], found["makespan"], found["soak_seconds"]) == (True, 8.5, 60.0)
    assert "reason" not in found


@pytest.mark.parametrize(
    "state, action, begun, changed",
    [
        ("current", KEEP, False, False),
        ("released", "bring", True, True),
        ("failed", "bring", False, False),
        ("would_release", "bring", False, True),
        ("left_out", "bring", False, False),
        # Of a rollback that an earlier run began.
        ("rolled_back", BRING_BACK, False, True),
        ("rollback_failed", BRING_BACK, False, True),
    ],
)
def test_what_is_a_change(state: str, action: str, begun: bool, changed: bool) -> None:
    one = fate(service("2"), state=state, action=action, begun=begun)
    assert shown(done(one, ran=False))["changed"] is changed


def test_a_migration_that_ran_is_a_change_and_one_that_was_skipped_is_none() -> None:
    one = fate(service("2"), state="current", action=KEEP)
    assert shown(done(one, migrated="create"))["changed"] is True
    assert shown(done(one, migrated="skip"))["changed"] is False


def test_a_failure_is_told_with_its_reason() -> None:
    one = fate(
        service("2"), state="rolled_back", begun=True, reason="slow", message="p95 is 900 ms"
    )
    one.kept = kept(3, "1", rollback_of="2 (revision 2)")
    found = shown(done(one, reason="slow", failure="..."))
    [entry] = found["services"]
    assert (entry["reason"], entry["message"]) == ("slow", "p95 is 900 ms")
    assert entry["rollback_of"] == "2 (revision 2)"
    assert found["reason"] == "slow"


def test_the_table_of_a_run() -> None:
    one = fate(service("2"), state="released", soaked=60.0, traffic=Traffic(812, 3))
    lines = release_table(shown(done(one, migrated="create")))
    assert [line.split() for line in lines[:3]] == [
        ["service", "version", "before", "state", "seconds", "soak", "requests", "5xx", "note"],
        ["sale", "migration", "2", "-", "done", "2.0", "-", "-", "-"],
        ["sale", "2", "1", "released", "6.5", "60", "812", "3"],
    ]
    assert lines[3] == "8.5 s until all were up; longest chain 8.5 s: sale → sale rollout"
    skipped = release_table(shown(done(one, migrated="skip")))
    assert not any("migration" in line for line in skipped)
    assert release_table({"msg": "Quota q is full."}) == ["Quota q is full."]


def test_the_table_of_what_is_on_record_has_the_newest_first() -> None:
    known = [
        kept(1, "1", by="jane", ended="2026-11-30T01:00:00Z"),
        kept(10, "1", rollback_of="3 (revision 9)"),
        kept(9, "3", records.ROLLED_BACK, reason="slow"),
    ]
    lines = release_history([records.secret(each, "nx") for each in known])
    rows = [line.split(maxsplit=6) for line in lines[1:]]
    assert rows == [
        ["sale", "10", "1", "good", "-", "-", "rollback of 3 (revision 9)"],
        ["sale", "9", "3", "rolled_back", "-", "-", "slow"],
        ["sale", "1", "1", "good", "2026-11-30T01:00:00Z", "jane"],
    ]
    assert release_history([]) == ["Nothing has been released here."]
