"""Schedules as Cloud Scheduler has them: five fields of unix-cron, in a time zone."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Of minute, hour, day of the month, month, day of the week: least, greatest, names of the least and further ones.
_FIELDS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 7, _DAYS))
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([1-9][0-9]*))?")
#: Leap days are at most so many years apart.
_YEARS = 8


@dataclass(frozen=True)
class Schedule:
    """When something is due. Raises ValueError for what is no schedule or no time zone."""

    fields: tuple[frozenset[int], ...]
    #: Whether day of the month and day of the week leave days out: one of both is enough then.
    days: tuple[bool, bool]
    zone: zoneinfo.ZoneInfo

    @classmethod
    def of(cls, text: str, zone: str = "Etc/UTC") -> Schedule:
        """Read a schedule."""
        words = text.split(" ")
        if len(words) != len(_FIELDS):
            raise ValueError(f"{text!r} has not five fields")
        fields = tuple(_values(word, *field) for word, field in zip(words, _FIELDS, strict=True))
        days = (not words[2].startswith("*"), not words[4].startswith("*"))
        try:
            return cls(fields, days, zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError) as error:
            raise ValueError(f"there is no time zone {zone!r}") from error

    def after(self, moment: datetime.datetime) -> datetime.datetime | None:
        """Give the next minute after a moment at which it is due; None where there is none."""
        at = moment.astimezone(datetime.UTC).replace(second=0, microsecond=0)
        end = at + datetime.timedelta(days=366 * _YEARS)
        at += datetime.timedelta(minutes=1)
        while at < end:
            here = at.astimezone(self.zone)
            wrong = here.hour not in self.fields[1] or not self._on(here)
            if not wrong and here.minute in self.fields[0]:
                return at
            # Zones differ by quarters of hours: nothing is jumped over.
            at += datetime.timedelta(minutes=15 - here.minute % 15 if wrong else 1)
        return None

    def _on(self, here: datetime.datetime) -> bool:
        """Whether it is due on a day."""
        _minute, _hour, dates, months, weekdays = self.fields
        by_date, by_weekday = here.day in dates, here.isoweekday() % 7 in weekdays
        both = all(self.days)
        return here.month in months and (by_date or by_weekday if both else by_date and by_weekday)


def _values(word: str, least: int, greatest: int, names: tuple[str, ...]) -> frozenset[int]:
    """What a field lets in."""
    found: set[int] = set()
    for part in word.split(","):
        read = _PART.fullmatch(part)
        if not read:
            raise ValueError(f"{part!r} is no part of a schedule")
        first = least if read[1] is None else _number(read[1], least, names)
        last = greatest if read[1] is None or (read[3] and not read[2]) else first
        last = _number(read[2], least, names) if read[2] else last
        if not least <= first <= last <= greatest:
            raise ValueError(f"{part!r} is not within {least} and {greatest}")
        found |= set(range(first, last + 1, int(read[3] or 1)))
    # Sunday is 0 and 7.
    return frozenset(found | ({0} if names is _DAYS and 7 in found else set()))


def _number(word: str, least: int, names: tuple[str, ...]) -> int:
    if word.isdigit():
        return int(word)
    if word.lower() not in names:
        raise ValueError(f"{word!r} is no number and no name")
    return names.index(word.lower()) + least
