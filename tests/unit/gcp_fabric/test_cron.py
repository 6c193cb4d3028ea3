"""When a schedule of Cloud Scheduler is due."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.lab.gcp.cron import Schedule


@pytest.mark.parametrize(
    "text,moment,due",
    [
        # A minute that has begun is over.
        ("* * * * *", "2026-03-01T12:00:00", "2026-03-01T12:01:00"),
        ("*/15 * * * *", "2026-03-01T12:14:59", "2026-03-01T12:15:00"),
        ("7 * * * *", "2026-03-01T12:07:00", "2026-03-01T13:07:00"),
        ("37 3 * * *", "2026-03-01T03:38:00", "2026-03-02T03:37:00"),
        ("5,35 8-10/2 * * *", "2026-03-01T08:40:00", "2026-03-01T10:05:00"),
        # From a number on.
        ("10/20 * * * *", "2026-03-01T12:31:00", "2026-03-01T12:50:00"),
        ("0 0 29 2 *", "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 12 * JAN,mar MON-FRI", "2026-03-06T12:00:00", "2026-03-09T12:00:00"),
        # Sunday is 0, and 7.
        ("0 0 * * 7", "2026-03-02T00:00:00", "2026-03-08T00:00:00"),
        ("0 0 * * 0", "2026-03-02T00:00:00", "2026-03-08T00:00:00"),
        # With a date and a weekday, each of both is enough.
        ("0 0 20 * mon", "2026-03-17T00:00:00", "2026-03-20T00:00:00"),
        ("0 0 20 * mon", "2026-03-20T00:00:00", "2026-03-23T00:00:00"),
    ],
)
def test_the_next_minute_that_is_due(text: str, moment: str, due: str) -> None:
    found = Schedule.of(text).after(datetime.fromisoformat(moment + "Z"))
    assert found == datetime.fromisoformat(due + "Z")


@pytest.mark.parametrize(
    "text,zone,moment,due",
    [
        ("0 6 * * *", "Asia/Jakarta", "2026-03-01T00:00:00", "2026-03-01T23:00:00"),
        ("0 6 * * *", "Asia/Kathmandu", "2026-03-01T00:00:00", "2026-03-01T00:15:00"),
        # The hour that summer time leaves out is due on another day only; the one it repeats, twice.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00", "2026-03-30T00:30:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00", "2026-10-25T01:30:00"),
    ],
)
def test_time_zones(text: str, zone: str, moment: str, due: str) -> None:
    found = Schedule.of(text, zone).after(datetime.fromisoformat(moment + "Z"))
    assert found == datetime.fromisoformat(due + "Z")


def test_a_day_that_never_comes() -> None:
    assert Schedule.of("0 0 30 2 *").after(datetime.fromisoformat("2026-03-01T00:00:00Z")) is None


@pytest.mark.parametrize(
    "text",
    [
        *("often", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *"),
        *("* * * * 8", "*/0 * * * *", "5-1 * * * *", "mon * * * *", "* * * * monday", "1, * * * *"),
        *("-1 * * * *", "", "* * * * * ", "1.5 * * * *"),
    ],
)
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Schedule.of(text)


def test_what_is_no_time_zone() -> None:
    for zone in ("Asia/Atlantis", "../etc/passwd"):
        with pytest.raises(ValueError, match="there is no time zone"):
            Schedule.of("* * * * *", zone)
