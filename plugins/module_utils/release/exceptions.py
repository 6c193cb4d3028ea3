# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Exceptions to the scanner's policy: findings that somebody has looked at and takes until a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError
from ansible_collections.groundwork.platform.plugins.module_utils.release.report import Finding


@dataclass(frozen=True)
class Waiver:
    """An exception, good until the end of a day (UTC). ``package`` is empty where it is about all of them."""

    id: str
    reason: str
    until: date
    package: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether it is about a finding."""
        return self.id == finding.id and self.package in ("", finding.package)

    def expired(self, today: date) -> bool:
        """Whether it counts no more."""
        return self.until < today

    def days_left(self, today: date) -> int:
        """Days after this one on which it counts."""
        return (self.until - today).days

    def __str__(self) -> str:
        return f"{self.id} in {self.package}" if self.package else self.id

    def told(self, today: date) -> dict[str, Any]:
        """As the module returns it."""
        return {
            "id": self.id,
            "package": self.package,
            "reason": self.reason,
            "until": self.until.isoformat(),
            "days_left": self.days_left(today),
        }


def parse_day(text: str, what: str, code: str = "bad_exception") -> date:
    """Return a day. Raises ``GateError``."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise GateError(code, f"{what} is {text!r}, and a day is written 2027-01-31.") from error


def parse(given: Sequence[Mapping[str, Any]]) -> tuple[Waiver, ...]:
    """Return the exceptions, those about one package first. Raises ``GateError`` (``bad_exception``)."""
    found: dict[tuple[str, str], Waiver] = {}
    for number, entry in enumerate(given):
        for key in ("id", "reason"):
            if not str(entry[key]).strip():
                raise GateError("bad_exception", f"exceptions[{number}] has no {key}.")
        waiver = Waiver(
            id=entry["id"],
            reason=entry["reason"],
            until=parse_day(entry["until"], f"exceptions[{number}].until ({entry['id']})"),
            package=entry.get("package") or "",
        )
        if found.setdefault((waiver.id, waiver.package), waiver) is not waiver:
            raise GateError("bad_exception", f"There are two exceptions for {waiver}: keep one.")
    return tuple(sorted(found.values(), key=lambda waiver: (not waiver.package, str(waiver))))


def covering(waivers: Iterable[Waiver], finding: Finding, today: date) -> Waiver | None:
    """Return the first exception that counts for a finding."""
    return next(
        (one for one in waivers if one.covers(finding) and not one.expired(today)),
        None,
    )
