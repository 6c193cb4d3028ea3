"""Disks that snapshots are taken of, and what is said of their ages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshots import (
    data_disks,
    declarations,
    lines,
    made,
    newest,
    read,
    restore,
)

from tests.unit.gcp_data.google import check_bodies
from tests.unit.gcp_data.test_gcp_database_cluster import PAYMENTS

Body = dict[str, Any]

CLUSTERS = {"payments": PAYMENTS}
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_all_but_the_idle_host() -> None:
    assert [entry["host"] for entry in data_disks(CLUSTERS)] == [
        "pay-1",
        "pay-2",
        "pay-3",
        "pay-backup",
    ]
    (one,) = data_disks(CLUSTERS, hosts="pay-dr", idle=True)
    assert one == {
        "cluster": "payments",
        "host": "pay-dr",
        "disk": "pay-dr-data",
        "zone": "asia-southeast2-a",
    }


def test_a_host_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="did you mean pay-1"):
        data_disks(CLUSTERS, hosts="pay-11")


def test_google_takes_the_snapshots() -> None:
    found = declarations(data_disks(CLUSTERS), "before-upgrade1", "20260301-120000")
    check_bodies(found)
    assert all(len(entry["name"]) <= 63 for entry in found)
    assert found[0]["name"] == "pay-1-data-before-upgrade1-20260301-120000"


def told(name: str, status: str, created: str) -> dict[str, str]:
    return {
        "name": name,
        "sourceDisk": "x/pay-1-data",
        "status": status,
        "creationTimestamp": created,
    }


def test_the_newest_good_one_counts() -> None:
    items = [
        told("a", "READY", "2026-03-01T11:40:00Z"),
        told("b", "READY", "2026-03-01T03:50:00.000-08:00"),
        told("c", "FAILED", "2026-03-01T11:59:00Z"),
    ]
    first, second = newest(read(items, NOW), ["pay-1-data", "pay-2-data"])
    assert (first["newest"], first["age_seconds"]) == ("b", 600)
    assert (first["good"], first["others"]) == (2, 1)
    assert (second["newest"], second["age_seconds"]) == ("", None)
    assert lines([first, second])[1].split() == ["pay-1-data", "2", "1", "b", "10", "min", "0", "s"]


def snapshot(name: str, minutes: int, disk: str = "pay-2-data", status: str = "READY") -> Body:
    created = f"2026-03-01T{12 - 1 - minutes // 60:02}:{59 - minutes % 60:02}:00Z"
    return {"name": name, "disk": disk, "status": status, "created": created}


TAKEN = [
    snapshot("newer", 1, status="CREATING"),
    snapshot("new", 5),
    snapshot("other", 10, disk="pay-1-data"),
    snapshot("old", 20),
]


def disk(name: str, snapshot: str, minutes: int) -> Body:
    return {"disk": name, "snapshot": snapshot, "age_seconds": minutes * 60}


MADE = disk("pay-2-20260301113900", "old", 15)


@pytest.mark.parametrize(
    "restored, name, chosen, called",
    [
        ([], "", "new", "pay-2-20260301115400"),
        # It was made a moment ago, and a newer snapshot was taken since then.
        ([MADE], "", "old", "pay-2-20260301113900"),
        ([disk("again", "old", 15)], "again", "old", "again"),
        # Long ago, of another disk's snapshot, of one that is gone, or for something else.
        ([disk("pay-2-20260301113900", "old", 61)], "", "new", "pay-2-20260301115400"),
        ([disk("pay-2-20260301113900", "other", 15)], "", "new", "pay-2-20260301115400"),
        ([disk("pay-2-20260301113900", "gone", 15)], "", "new", "pay-2-20260301115400"),
        ([disk("pay-2-look", "old", 15)], "", "new", "pay-2-20260301115400"),
        ([MADE], "another", "new", "another"),
    ],
)
def test_a_restore_that_is_repeated_takes_up_its_disk(
    restored: list[Body], name: str, chosen: str, called: str
) -> None:
    found = restore(
        {"snapshots": TAKEN, "restored": restored}, "latest", "pay-2-data", "pay-2", name
    )
    assert (found["snapshot"]["name"], found["disk"]) == (chosen, called)
    assert found["again"] == (chosen == "old")


def test_a_snapshot_that_is_named_is_taken() -> None:
    found = {"snapshots": TAKEN, "restored": [MADE]}
    assert restore(found, "new", "pay-2-data", "pay-2")["disk"] == "pay-2-20260301115400"
    assert restore(found, "newer", "pay-2-data", "pay-2") == {}
    assert restore(found, "latest", "pay-3-data", "pay-3") == {}


def test_disks_that_were_made_from_snapshots_are_told() -> None:
    items = [
        {"name": "older", "sourceSnapshot": "x/snapshots/a", "creationTimestamp": "2026-03-01T11:00:00Z"},
        {"name": "plain", "creationTimestamp": "2026-03-01T11:00:00Z"},
        {"name": "younger", "sourceSnapshot": "x/snapshots/b", "creationTimestamp": "2026-03-01T03:59:00-08:00"},
    ]  # fmt: skip
    assert made(items, NOW) == [
        {"disk": "younger", "snapshot": "b", "age_seconds": 60},
        {"disk": "older", "snapshot": "a", "age_seconds": 3600},
    ]
