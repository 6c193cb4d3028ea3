# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run does about each migration: nothing, wait for it, make it, make it anew, or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import verdict
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.history import (
    DONE,
    Entry,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    DEFINITION,
    Migration,
)

SKIP, AWAIT, CREATE, REPLACE = "skip", "await", "create", "replace"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """What a person allows: a failed one again, a changed one as one that has not run."""

    retry_failed: bool = False
    rerun_changed: bool = False


def decide(
    migration: Migration, live: Body | None, known: Entry | None, options: Options
) -> tuple[str, str]:
    """Return what to do and why. ``live`` is the Job of its name, ``known`` its entry in the history.

    Raises ``KubeError``: ``changed_definition``, ``failed_before``, ``foreign_job``.
    """
    # A rerun whose controller was lost: the Job is of today's definition, the history still of the one before.
    ours = live is not None and _definition(live) == migration.checksum
    if known and known.state == DONE and not (ours and known.checksum != migration.checksum):
        return _ran(
            migration,
            known.checksum,
            f"it ran on {known.finished or 'an earlier day'}",
            options,
            live,
        )
    if live is None:
        if known is None:
            return CREATE, ""
        return _failed(migration, known.reason or "its Job is gone", options, CREATE)
    theirs = _definition(live)
    if theirs is None:
        raise KubeError(
            "foreign_job",
            f"{migration.service}: there is a Job {migration.name} that was not made from here, so nobody knows what "
            "it ran. Delete it to have the migration run.",
        )
    found = verdict(live)
    if found and found[0]:
        return _ran(migration, theirs, "its Job is complete", options, live)
    if found or (live.get("spec") or {}).get("suspend"):
        return _failed(migration, found[1] if found else "its pods could not start", options)
    if theirs != migration.checksum:
        raise _changed(migration, theirs, "is running")
    return AWAIT, "it runs already"


def _ran(
    migration: Migration, theirs: str, why: str, options: Options, live: Body | None
) -> tuple[str, str]:
    if theirs == migration.checksum:
        return SKIP, why
    if not options.rerun_changed:
        raise _changed(migration, theirs, "has run")
    return (REPLACE if live else CREATE), "its definition changed"


def _definition(live: Body) -> str | None:
    found: str | None = (live["metadata"].get("annotations") or {}).get(DEFINITION)
    return found


def _failed(
    migration: Migration, why: str, options: Options, again: str = REPLACE
) -> tuple[str, str]:
    if options.retry_failed:
        return again, "failed before; once more"
    raise KubeError(
        "failed_before",
        f"{migration.service}: Job {migration.name} failed before ({why.rstrip('.')}). Mend the cause, then run again "
        "with retry_failed.",
    )


def _changed(migration: Migration, theirs: str, what: str) -> KubeError:
    return KubeError(
        "changed_definition",
        f"{migration.service}: version {migration.version} {what} with another definition ({theirs[:12]}, now "
        f"{migration.checksum[:12]}). Give what changed a version of its own, or run it again with rerun_changed.",
    )
