# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The transaction probe's record of attempts: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """One try of one payment. Times are epoch seconds of the client's clock.

    `sent` is None where no connection was to be had; `server`, `timeline` and `lsn` (read inside
    the transaction) are known for acknowledged attempts only, `phase` and `error` for failed ones.
    """

    key: str
    attempt: int
    due: float
    begun: float
    sent: float | None
    done: float
    ok: bool
    phase: str | None = None
    error: str | None = None
    server: str | None = None
    timeline: int | None = None
    lsn: str | None = None


def parse_attempts(lines: Iterable[str]) -> Iterator[Attempt]:
    """Attempts in the order of their ends.

    A last line without its end is dropped: it is what a killed probe leaves, and its attempt counts
    as never acknowledged. Raises ValueError for a damaged line anywhere else.
    """
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return
        try:
            yield _attempt(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number} of the probe's record is damaged: {error}") from error


def _attempt(record: dict[str, Any]) -> Attempt:
    return Attempt(
        key=str(record["key"]),
        attempt=int(record["attempt"]),
        due=float(record["due"]),
        begun=float(record["begun"]),
        sent=None if record["sent"] is None else float(record["sent"]),
        done=float(record["done"]),
        ok=bool(record["ok"]),
        phase=record.get("phase"),
        error=record.get("error"),
        server=record.get("server"),
        timeline=record.get("timeline"),
        lsn=record.get("lsn"),
    )


def read_attempts(path: str) -> list[Attempt]:
    """The attempts in a file; raises OSError, and ValueError for a damaged line."""
    with open(path, encoding="utf-8") as file:
        return list(parse_attempts(file))
