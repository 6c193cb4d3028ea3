# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of one service in a run: decided from its revisions, and gathered on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Service,
    Target,
    Traffic,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    Kept,
    Revision,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: What a run does about a service.
BRING, KEEP, BRING_BACK = "bring", "keep", "bring_back"
#: How it ended.
(
    WOULD_RELEASE,
    WOULD_BRING_BACK,
    CURRENT,
    RELEASED,
    FAILED,
    ROLLED_BACK,
    ROLLBACK_FAILED,
    STAYS,
    LEFT_OUT,
) = (
    "would_release",
    "would_bring_back",
    "current",
    "released",
    "failed",
    "rolled_back",
    "rollback_failed",
    "stays",
    "left_out",
)


@dataclass
class Fate:
    """One service. ``back`` is what it returns to, ``kept`` this run's revision, ``begun`` whether pods were touched.

    ``known`` are the revisions that were on record before.

    ``seconds`` has the time of each part. ``reason`` and ``message`` say what went wrong.
    """

    service: Service
    action: str
    why: str
    back: Target | None
    kept: Kept
    known: Sequence[Kept] = ()
    state: str = ""
    begun: bool = False
    changes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    traffic: Traffic | None = None
    soaked: float = 0.0
    reason: str = ""
    message: str = ""


def decide(
    service: Service,
    revisions: Sequence[Kept],
    holds: bool,
    live: Target | None,
    by: str,
    rollback_of: str,
) -> Fate:
    """What to do about a service. ``live`` is what runs, where something does.

    ``by`` says who released it, ``rollback_of`` from what it returns.
    """
    newest = records.latest(revisions)
    target = service.target
    current = newest.revision if newest else None
    stays = records.latest(kept for kept in revisions if kept.revision.state != records.ROLLED_BACK)
    runs = stays.revision if stays else None
    back = _way_back(revisions, newest, target, live)
    resumed = bool(
        current and current.state == records.RUNNING and current.checksum == target.checksum
    )
    number = (current.number if current else 0) + (0 if resumed else 1)
    if newest and newest.revision.state == records.ROLLING_BACK and back:
        why = f"the rollback of {newest.revision.version} was cut short"
        return Fate(service, BRING_BACK, why, back, newest, revisions)
    action, why = BRING, "a run of it was cut short" if resumed else ""
    if runs and runs.state == records.GOOD and holds and runs.checksum == target.checksum:
        action, why, number = KEEP, f"revision {runs.number} of {runs.ended}", runs.number
    revision = Revision(
        service.name,
        number,
        target.version,
        records.RUNNING,
        target.checksum,
        target.image,
        began=records.now(),
        by=by,
        rollback_of=rollback_of,
    )
    # Where it is on no record of its own, this one has it for who takes the run up.
    unrecorded = None if any(each.target is back for each in revisions) else back
    return Fate(service, action, why, back, Kept(revision, target, unrecorded), revisions)


def _way_back(
    revisions: Sequence[Kept], newest: Kept | None, target: Target, live: Target | None
) -> Target | None:
    """What a service returns to: the last good revision, or what ran before there was any."""
    away = target.checksum
    if newest and newest.revision.state == records.ROLLING_BACK:
        # That rollback leads away from its own revision, whatever is to come next.
        away = newest.revision.checksum
    good = records.last_good(revisions, other_than=away)
    if good:
        return good.target
    if newest is None:
        return live
    if records.last_good(revisions):
        return None
    # Half of a version that nobody has seen well is no way back.
    return live if newest.revision.state == records.ROLLED_BACK else newest.back


def rolled_back_to(
    service: Service, revisions: Sequence[Kept], number: int | None
) -> tuple[Service, str]:
    """The service as an earlier revision had it, and what it returns from.

    ``number`` names a revision; without one it is the last good one before what runs, or where a rollback was going
    that did not get there. Raises ``KubeError`` (``no_revision``).
    """
    by_number = {kept.revision.number: kept for kept in revisions}
    meant, left = _last_good_before(revisions)
    found = meant if number is None else by_number[number].target if number in by_number else None
    if found is None:
        known = ", ".join(
            f"{kept.revision.number} ({kept.revision.version}, {kept.revision.state})"
            for kept in sorted(revisions, key=lambda each: each.revision.number)
        )
        wanted = f"revision {number}" if number is not None else "good revision before what runs"
        raise KubeError(
            "no_revision",
            f"{service.name}: there is no {wanted} on record. There are {known or 'none'}.",
        )
    return replace(service, target=found, canary=None), left


def _last_good_before(revisions: Sequence[Kept]) -> tuple[Target | None, str]:
    """Where a rollback goes that names no revision, and the title of what it leaves."""
    newest = records.latest(revisions)
    if newest:
        last = newest.revision
        if last.rollback_of and last.state in (records.RUNNING, records.FAILED):
            # It did not get there. Back from what it went to would be forth to what it left.
            return newest.target, last.rollback_of
        if last.state == records.ROLLING_BACK:
            # It leads away from its own revision.
            good = records.last_good(revisions, other_than=last.checksum)
            return good.target if good else newest.back, last.title
    gone = (records.ROLLED_BACK, records.ROLLING_BACK)
    runs = records.latest(kept for kept in revisions if kept.revision.state not in gone)
    good = records.last_good(revisions, other_than=runs.revision.checksum if runs else "")
    return good.target if good else None, runs.revision.title if runs else ""
