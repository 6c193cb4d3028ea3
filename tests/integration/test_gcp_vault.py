"""The vault's copies: made by the clock, run by the job's own program, deleted by another, and what goes wrong.

Projects are made, so nothing is enabled in them but what is declared. Tests build on one another.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.integration.gcp import Emulator
from tests.integration.gcp_roles_world import bring
from tests.integration.gcp_vault_world import REGION, RUN, SCHEDULER, VAULT, Body, World
from tests.integration.gcp_world import acting
from tests.lab.gcp.faults import permission_of
from tests.unit.gcp_roles.roles import declare, environment

STAGING, PRODUCTION = "project-1-dev-payments", "project-1-prod-payments"
KEEPER = f"snapshot-keeper@{VAULT}.iam.gserviceaccount.com"
CLEANER = f"vault-cleaner@{VAULT}.iam.gserviceaccount.com"
DISKS = {STAGING: ["pay-main-1-data", "pay-main-2-data"], PRODUCTION: ["pay-main-1-data"]}
AUTO = {"groundwork_snapshots": "auto"}
HUB = ["gcp_projects", "gcp_security"]
NOBODY_LOOKS = {
    "match": {"method": "compute.disks.aggregatedList", "name": f"*{PRODUCTION}/*"},
    "effect": {"permission": True},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Emulator(tmp_path_factory.mktemp("gcp"), ("--jobs", "--clock", "stands")) as emulator:
        made = World(emulator)
        for project in (VAULT, STAGING, PRODUCTION):
            url = "cloudresourcemanager.googleapis.com/v3/projects"
            made.ask("POST", url, {"projectId": project, "parent": "folders/1"})
        bring(emulator, "hub", declare("hub", HUB))
        for inventory, project in (("staging", STAGING), ("production", PRODUCTION)):
            services = f"serviceusage.googleapis.com/v1/projects/{project}/services"
            apis = ["compute.googleapis.com", "iam.googleapis.com"]
            made.ask("POST", f"{services}:batchEnable", {"serviceIds": apis})
            rights = [
                each
                for each in environment(inventory)
                if each["name"] in ("groundworkSnapshotReader", "snapshot-readers")
            ]
            bring(emulator, inventory, rights)
            for name in DISKS[project]:
                body = {"name": name, "sizeGb": "10", "labels": {**AUTO, "app": "payments"}}
                made.compute("POST", f"{project}/zones/asia-southeast1-a/disks", body)
            other = {"name": "boot", "sizeGb": "10"}
            made.compute("POST", f"{project}/zones/asia-southeast1-a/disks", other)
        yield made
        emulator.complain()


def test_a_second_run_changes_nothing(world: World) -> None:
    for check in (True, False):
        assert acting(bring(world.emulator, "hub", declare("hub", HUB), check)) == {}


def test_nothing_is_started_before_its_time(world: World) -> None:
    due = datetime.fromisoformat(world.schedule("vault-snapshots")["scheduleTime"])
    assert (due.minute, due.second) == (7, 0)
    assert world.at((due - timedelta(seconds=1)).isoformat()) == []
    assert world.executions("vault-snapshots") == {}


def test_the_clock_copies_every_disk_into_the_vault(world: World) -> None:
    before = world.schedule("vault-snapshots")
    execution, said = world.run("vault-snapshots")
    assert execution.get("succeededCount") == 1, said
    copies = world.copies()
    assert {copy["status"] for copy in copies} == {"READY"}
    copied = sorted(
        "/".join((copy["sourceDisk"].split("/")[6], copy["sourceDisk"].split("/")[-1]))
        for copy in copies
    )
    assert copied == [f"{project}/{disk}" for project in DISKS for disk in DISKS[project]]
    for copy in copies:
        assert copy["name"].startswith("vault-pay-main-")
        assert copy["labels"] == {**AUTO, "app": "payments"}
        assert copy["storageLocations"] == [REGION]
    assert world.copies(STAGING) == []
    after = world.schedule("vault-snapshots")
    assert (after["status"], after["state"]) == ({}, "ENABLED")
    assert after["lastAttemptTime"] >= after["userUpdateTime"]
    due = [datetime.fromisoformat(each["scheduleTime"]) for each in (before, after)]
    assert due[1] - due[0] == timedelta(hours=1)


def test_what_was_copied_just_now_is_not_copied_again(world: World) -> None:
    names = {copy["name"] for copy in world.copies()}
    execution, said = world.run("vault-snapshots")
    assert execution.get("succeededCount") == 1
    assert said.count("young enough") == 3
    assert {copy["name"] for copy in world.copies()} == names


@pytest.mark.parametrize(
    "effect, reason",
    [
        ({"permission": "compute.disks.createSnapshot"}, "Required 'compute.disks.createSnapshot'"),
        ({"operation_error": {"code": "RESOURCE_NOT_READY", "message": "It stands still."}}, "It stands still."),
    ],
)  # fmt: skip
def test_one_disk_that_fails_keeps_none_of_the_others(
    world: World, effect: Body, reason: str
) -> None:
    world.empty()
    rule = {
        "match": {"method": "compute.snapshots.insert", "name": "vault-pay-main-2-*"},
        "effect": effect,
    }
    with world.emulator.faults(rule):
        execution, said = world.run("vault-snapshots")
    assert execution.get("failedCount") == 1
    assert len(world.copies()) == 2
    (line,) = [
        line["message"]
        for line in map(json.loads, said.splitlines())
        if (line["severity"] == "ERROR" and "disk" in line) or "resource" in line
    ]
    assert f"{STAGING}/pay-main-2-data" in line
    assert reason in line
    assert '"message": "1 failures"' in said


def test_an_environment_that_lets_nobody_look_keeps_none_of_the_others(world: World) -> None:
    world.empty()
    with world.emulator.faults(NOBODY_LOOKS):
        execution, said = world.run("vault-snapshots")
    assert execution.get("failedCount") == 1
    assert len(world.copies()) == 2
    assert f"Look at disks of {PRODUCTION} failed: 403" in said


def test_it_is_started_and_run_by_accounts_that_may(world: World) -> None:
    """Whatever the program has asked, its account's roles say, where it asked it."""
    starts = [
        each["user"]
        for each in world.emulator.requests()
        if each.get("method") == "run.projects.locations.jobs.run"
    ]
    assert set(starts) == {f"vault-snapshots-start@{VAULT}.iam.gserviceaccount.com"}
    granted = world.granted(KEEPER)
    asked = {
        f"{each['path'].split('/')[1]} {permission_of(each['method'])}"
        for each in world.asked(KEEPER)
    }
    assert {
        f"{VAULT} compute.snapshots.create",
        f"{VAULT} compute.globalOperations.get",
        f"{PRODUCTION} compute.disks.list",
    } <= asked
    assert asked <= set(granted)
    # To make one of a disk, and to label it.
    assert f"{PRODUCTION} compute.disks.createSnapshot" in granted
    assert f"{VAULT} compute.snapshots.setLabels" in granted
    assert not [
        each
        for each in granted
        if "delete" in each or ("set" in each.lower() and "setLabels" not in each)
    ]


def test_a_label_that_is_taken_off_is_told(world: World) -> None:
    """Whoever has broken into an environment could end the copies so, and nobody would hear of it."""
    path = f"{STAGING}/zones/asia-southeast1-a/disks/pay-main-2-data"
    disk = world.compute("GET", path)
    given = {"labels": {"app": "payments"}, "labelFingerprint": disk["labelFingerprint"]}
    world.compute("POST", f"{path}/setLabels", given)
    # That nobody may look at another project keeps this no secret.
    with world.emulator.faults(NOBODY_LOOKS):
        execution, said = world.run("vault-snapshots")
    assert execution.get("failedCount") == 1
    assert f"Look at disks of {PRODUCTION} failed: 403" in said
    assert f"{path} was copied before: it is gone, or without its label" in said
    assert '"message": "2 failures"' in said


def test_the_cleaner_deletes_copies_and_nothing_else(world: World) -> None:
    execution, said = world.run("vault-cleaner")
    # All are younger than the days for which they are kept.
    assert execution.get("succeededCount") == 1, said
    assert "is deleted" not in said
    disk = world.compute("GET", f"{STAGING}/zones/asia-southeast1-a/disks/pay-main-1-data")
    for name in ("vault-older", "of-a-person"):
        body = {"name": name, "sourceDisk": disk["selfLink"], "labels": AUTO}
        world.compute("POST", f"{VAULT}/global/snapshots", body)
    before = set(world.executions("vault-cleaner"))
    now = [{"name": "KEEP_HOURS", "value": "0"}, {"name": "KEEP_LAST", "value": "1"}]
    overrides = {"containerOverrides": [{"env": now}]}
    world.ask("POST", f"{RUN}/vault-cleaner:run", {"overrides": overrides})
    execution, said = world.ended("vault-cleaner", before)
    assert execution.get("succeededCount") == 1, said
    left = [copy["name"] for copy in world.copies()]
    # The last good one of each disk stays, and what a person has taken.
    assert len([name for name in left if name.startswith("vault-")]) == 3
    assert "of-a-person" in left
    granted = world.granted(CLEANER)
    asked = {
        f"{each['path'].split('/')[1]} {permission_of(each['method'])}"
        for each in world.asked(CLEANER)
    }
    assert f"{VAULT} compute.snapshots.delete" in asked
    assert asked <= set(granted)
    assert {each.split(" ")[0] for each in granted} == {VAULT}
    assert granted[f"{VAULT} compute.snapshots.delete"].endswith('/global/snapshots/vault-")')
    assert granted[f"{VAULT} compute.snapshots.list"] == ""


def test_a_paused_schedule_starts_nothing(world: World) -> None:
    url = f"{SCHEDULER}/vault-snapshots-start"
    due = world.schedule("vault-snapshots")["scheduleTime"]
    world.ask("POST", f"{url}:pause", {})
    assert "vault-snapshots-start" not in world.at(due)
    world.ask("POST", f"{url}:resume", {})
    assert world.schedule("vault-snapshots")["state"] == "ENABLED"


def test_a_schedule_that_may_start_nothing_says_so(world: World) -> None:
    before = world.executions("vault-snapshots")
    rule = {"match": {"method": "run.jobs.run"}, "effect": {"permission": True}}
    with world.emulator.faults(rule):
        world.at(world.schedule("vault-snapshots")["scheduleTime"])
        until = time.monotonic() + 30
        while not world.schedule("vault-snapshots")["status"] and time.monotonic() < until:
            time.sleep(0.1)
    status = world.schedule("vault-snapshots")["status"]
    assert status["code"] == 7
    assert "run.jobs.run" in status["message"]
    assert world.executions("vault-snapshots") == before
