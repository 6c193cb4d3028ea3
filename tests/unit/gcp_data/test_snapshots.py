"""Disks that snapshots are taken of, and what is said of their ages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshots import (
    data_disks,
    declarations,
    lines,
    newest,
    read,
)

from tests.unit.gcp_data.google import check_bodies
from tests.unit.gcp_data.test_gcp_database_cluster import PAYMENTS

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
