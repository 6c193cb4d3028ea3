"""The snapshot job's decisions: which disks are due, what may be deleted, how old the newest is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp import owners
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint import (
    snapshot_disks as job,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def snapshot(name: str, minutes: float, status: str = "READY", disk: str = "1") -> dict[str, Any]:
    created = NOW - timedelta(minutes=minutes)
    return {
        "name": name,
        "status": status,
        "sourceDiskId": disk,
        "sourceDisk": f"https://www.googleapis.com/compute/v1/projects/p-1/zones/a/disks/d{disk}",
        # As Google writes it: with the offset of its own clocks.
        "creationTimestamp": created.astimezone().isoformat(timespec="milliseconds"),
    }


def gone(
    snapshots: list[dict[str, Any]], hours: float = 1, last: int = 2, every: float = 1e9
) -> list[str]:
    return sorted(item["name"] for item in job.expired(snapshots, NOW, hours, every, last))


def test_what_is_kept_long_enough_goes() -> None:
    assert gone([snapshot(f"s{age}", age) for age in (15, 30, 45, 61, 75)]) == ["s61", "s75"]


def test_of_older_ones_the_first_good_one_of_each_day_stays() -> None:
    """NOW is noon. Ages are in hours, and the day before yesterday begins at 60."""
    hourly = [snapshot(f"h{age:03}", 60 * age) for age in range(1, 110)]
    left = {item["name"] for item in hourly} - set(gone(hourly, 24 * 4, every=48))
    assert left == {f"h{age:03}" for age in (*range(1, 49), 60, 84)}
    # Another run on what is left takes nothing away, and what has been kept for its days goes.
    assert gone([item for item in hourly if item["name"] in left], 24 * 4, every=48) == []
    assert gone([snapshot("first", 60 * 97), *hourly[:3]], 24 * 4, every=48) == ["first"]


def test_a_failed_one_is_not_the_first_of_its_day() -> None:
    mixed = [snapshot("a1", 60), snapshot("bad", 3600, "FAILED"), snapshot("good", 3500)]
    assert gone(mixed, 24 * 4, last=1, every=48) == ["bad"]


def test_the_last_good_ones_stay_however_old() -> None:
    many = [snapshot(f"s{age}", age) for age in (600, 700, 800)]
    assert gone(many) == ["s800"]
    # Failed ones are no good ones, and count as none.
    assert gone([snapshot("bad", 550, "FAILED"), *many]) == ["bad", "s800"]


def test_what_is_under_way_stays() -> None:
    assert gone([snapshot("slow", 500, "UPLOADING")], last=0) == []


def test_disks_are_counted_each_for_itself() -> None:
    mixed = [snapshot(f"a{age}", age) for age in (100, 200, 300)]
    mixed += [snapshot(f"b{age}", age, disk="2") for age in (400, 500)]
    assert gone(mixed) == ["a300"]


@pytest.mark.parametrize(
    "minutes,status,found",
    [
        (9, "READY", True),
        (11, "READY", False),
        (9, "FAILED", False),
        (9, "UPLOADING", True),
        # A first, full one takes long, and a second one would only wait for it.
        (1430, "UPLOADING", True),
        (1450, "UPLOADING", False),
    ],
)
def test_a_disk_with_a_young_one_is_not_due(minutes: float, status: str, found: bool) -> None:
    assert (job.young_enough([snapshot("s", minutes, status)], NOW) is not None) == found


def test_a_later_one_that_is_stuck_holds_up_its_disk_no_longer_than_any() -> None:
    before = snapshot("before", 40)
    assert job.young_enough([snapshot("stuck", 25, "UPLOADING"), before], NOW) is None
    slow = snapshot("slow", 9, "UPLOADING")
    assert job.young_enough([slow, before], NOW) == slow


def test_a_disk_that_was_made_anew_has_no_snapshot_yet() -> None:
    assert [item["name"] for item in job.of_disk({"id": "1"}, [snapshot("s", 5)], NOW)] == ["s"]
    assert job.of_disk({"id": "9"}, [snapshot("s", 5)], NOW) == []


@pytest.mark.parametrize(
    "minutes,seen,sources,found",
    [
        (60, "2", ["p-0", "p-1"], ["p-1/zones/a/disks/d1"]),
        (60, "1", ["p-1"], []),
        # What went a day ago was seen by somebody; what is no source any more was taken out by a person.
        (1500, "2", ["p-1"], []),
        (60, "2", ["p-2"], []),
    ],
)
def test_a_disk_that_was_copied_and_is_not_to_be_seen_is_told(
    minutes: float, seen: str, sources: list[str], found: list[str]
) -> None:
    assert job.lost([{"id": seen}], [snapshot("s", minutes)], sources, NOW) == found


def test_names_are_googles_and_differ_by_disk_and_time() -> None:
    disk = {"name": "pay-main-backup-with-a-rather-long-name-data-disk", "id": "1"}
    name = job.snapshot_name("auto-", disk, NOW)
    assert len(name) <= 63
    assert name.startswith("auto-pay-main-backup")
    assert name.endswith("-20260301-120000")
    assert "--" not in name
    # Another project has a disk of the same name.
    assert job.snapshot_name("auto-", {**disk, "id": "2"}, NOW) != name


def test_a_snapshot_bears_no_mark_by_which_it_would_be_pruned() -> None:
    sent: list[dict[str, Any]] = []

    class Google:
        def ask(self, *request: Any) -> dict[str, str]:
            sent.append(request[2])
            return {"name": "operation"}

    labels = {"groundwork_cluster": "pay", owners.LABEL: "platform"}
    disk = {"name": "d", "id": "1", "selfLink": "link", "labels": labels}
    given = {"PREFIX": "auto-", "LABEL": "snapshot=yes", "LOCATION": ""}
    job.take(Google(), disk, given, NOW)  # type: ignore[arg-type]
    assert sent[0]["labels"] == {"groundwork_cluster": "pay", "snapshot": "yes"}
