# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The vault's copies of other projects' disks: who makes them, who deletes them, and that these are two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.places import (
    name_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    Declared,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshot_job import (
    KEEP,
    account,
    deletion,
    right,
    scheduled_job,
    starter_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

COPIER = "vault-snapshots"
CLEANER = "vault-cleaner"
PREFIX = "vault-"
#: Fields of ``gcp_security_vault``: what there has to be, what copies need besides, and what may be left out.
_NEEDED = ("project", "bucket", "location", "keep_days")
_COPIES = ("account", "sources")
_DEFAULTS: Mapping[str, Any] = {
    # Not at the quarters at which environments take their own: a disk bears only so many at once.
    "schedule": "7 * * * *",
    "clean_schedule": "37 3 * * *",
    # A project's quota for snapshots is often 1,000: later on, one of each day stays.
    "keep_all_hours": 48,
    "keep_last": 8,
    # Twice (a run that failed is tried once more) it is less than the hour to the next run.
    "wait_seconds": 1500,
    "image": "python:3.13-slim",
}
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_LOOK = ("compute.snapshots.get", "compute.snapshots.list")


def vault_resources(vault: Mapping[str, Any]) -> list[Declared]:
    """Return the job that copies, and the one that deletes copies in their time.

    They are two: who reads the environments can delete nothing, and who deletes sees nothing but the vault.
    """
    given = {**_DEFAULTS, **vault, "region": vault["location"]}
    found = [*_copier(given), *(_cleaner(given) if given["clean_schedule"] else ())]
    return [{**entry, "project": vault["project"]} for entry in found]


def _copier(given: Mapping[str, Any]) -> list[Declared]:
    project, who = given["project"], given["account"]
    title = "Keeps snapshots of other projects"
    rights = [
        account(who, "Copies snapshots of other projects into this one"),
        *right(project, who, "keep", "groundworkSnapshotKeeper", title, KEEP),
    ]
    settings = {
        **_settings(given),
        "MODE": "take",
        "SOURCES": ",".join(given["sources"]),
        "LOCATION": given["location"],
    }
    return [*rights, *scheduled_job(given, COPIER, who, settings, rights)]


def _cleaner(given: Mapping[str, Any]) -> list[Declared]:
    project = given["project"]
    title = "Sees snapshots"
    rights = [
        account(CLEANER, "Deletes copies whose time is over"),
        # Apart from the deletion, whose condition is about single snapshots: a list is none.
        *right(project, CLEANER, "look", "groundworkSnapshotViewer", title, _LOOK),
        *deletion(project, CLEANER, PREFIX),
    ]
    settings = {**_settings(given), "MODE": "clean"}
    timed = {**given, "schedule": given["clean_schedule"]}
    return [*rights, *scheduled_job(timed, CLEANER, CLEANER, settings, rights)]


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "PREFIX": PREFIX,
        "KEEP_HOURS": given["keep_days"] * 24,
        "KEEP_ALL_HOURS": given["keep_all_hours"],
        "KEEP_LAST": given["keep_last"],
        "WAIT_SECONDS": given["wait_seconds"],
    }


def vault_problems(vault: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a description of the vault. A misspelt field would leave it empty in silence."""
    if not vault:
        return []
    where = "gcp_security_vault"
    known = {*_NEEDED, *_COPIES, *_DEFAULTS, "writers"}
    found = [
        f"unknown_field: {where}.{name}: {did_you_mean(name, known)}It has {', '.join(sorted(known))}."
        for name in sorted(set(vault) - known)
    ]
    needed = (*_NEEDED, *(_COPIES if vault.get("sources") else ()))
    found += [f"missing_field: {where}.{name}." for name in needed if not vault.get(name)]
    days = vault.get("keep_days") or 1
    # A template adds to it: of "35" it would make something else.
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        found.append(f"bad_number: {where}.keep_days: {days!r} is no whole number of days.")
    return found + (_copy_problems(vault, where) if vault.get("sources") else [])


def _copy_problems(vault: Mapping[str, Any], where: str) -> list[str]:
    found = []
    who = vault.get("account") or ""
    if vault.get("project") in vault["sources"]:
        words = "the vault is none of its own sources."
        found.append(f"bad_source: {where}.sources: {words}")
    if not _REGION.fullmatch(str(vault.get("location", ""))):
        words = f"{vault.get('location')!r} is no region, and jobs run in one."
        found.append(f"bad_location: {where}.location: {words}")
    if who in (CLEANER, starter_of(CLEANER), starter_of(COPIER)):
        words = "who copies has to be another than who deletes, and than those who start jobs."
        found.append(f"twice: {where}.account: {words}")
    return found + (name_problems([who], "account", f"{where}.account") if who else [])
