"""Ways to be broken on purpose, so that a bad release can be tried with the same image.

FAULTS="errors:after=10,status=500,share=0.5;slow:seconds=2" — several are parted by semicolons.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

#: errors, slow (before the work), late (after it): requests of the API. unready, unhealthy, dead: the
#: probes. exit: the process ends. migrate-fail, -hang, -sleep: the migration, with its transaction open.
KINDS = frozenset(
    (
        *("errors", "slow", "late", "unready", "unhealthy", "dead", "exit"),
        *("migrate-fail", "migrate-hang", "migrate-sleep"),
    )
)
_STARTED = time.monotonic()


@dataclass(frozen=True)
class Fault:
    """One way to be broken, from some seconds after the start on."""

    kind: str
    after: float = 0.0
    share: float = 1.0
    status: int = 500
    seconds: float = 1.0


def parse(text: str) -> tuple[Fault, ...]:
    """Read FAULTS. Raises ValueError with the part that cannot be read."""
    return tuple(_one(part.strip()) for part in text.split(";") if part.strip())


def _one(text: str) -> Fault:
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise ValueError(f"FAULTS: {kind!r} is none of {', '.join(sorted(KINDS))}")
    given = dict(pair.strip().partition("=")[::2] for pair in rest.split(",") if pair.strip())
    if unknown := set(given) - {"after", "share", "status", "seconds"}:
        raise ValueError(f"FAULTS: {kind} has no {', '.join(sorted(unknown))}")
    return Fault(
        kind,
        after=float(given.get("after", Fault.after)),
        share=float(given.get("share", Fault.share)),
        status=int(given.get("status", Fault.status)),
        seconds=float(given.get("seconds", Fault.seconds)),
    )


def struck(faults: tuple[Fault, ...], kind: str) -> Fault | None:
    """The fault of a kind, if it strikes now."""
    age = time.monotonic() - _STARTED
    for fault in faults:
        if fault.kind == kind and age >= fault.after and random.random() < fault.share:
            return fault
    return None
