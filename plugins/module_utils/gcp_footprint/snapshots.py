# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Data disks of database clusters and their snapshots, for the playbooks that take and look at them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    Declared,
    declared,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean, table

READY = "READY"
#: Names have up to 63 characters; a label of 15, a time of 15 and two hyphens are beside the disk's.
_DISK_IN_NAME = 31


def data_disks(
    clusters: Mapping[str, Mapping[str, Any]],
    chosen: Sequence[str] = (),
    hosts: str = "",
    idle: bool = False,
) -> list[dict[str, str]]:
    """Return ``{cluster, host, disk, zone}`` of the chosen clusters (none: all) and hosts (comma-separated).

    Without ``idle`` those are left out that the inventory takes no snapshots of. Raises ``ValueError``
    for a host that there is not.
    """
    found = [
        {
            "cluster": name,
            "host": member,
            "disk": str(entry.get("disk", f"{member}-data")),
            "zone": str(entry["zone"]),
        }
        for name in (chosen or clusters)
        for member, entry in clusters[name]["members"].items()
        if idle or entry.get("snapshots", entry.get("role") != "dr")
    ]
    wanted = [host.strip() for host in hosts.split(",") if host.strip()]
    known = [entry["host"] for entry in found]
    for host in wanted:
        if host not in known:
            raise ValueError(f"{host}: {did_you_mean(host, known)}Hosts are {', '.join(known)}")
    return [entry for entry in found if not wanted or entry["host"] in wanted]


def declarations(disks: Iterable[Mapping[str, str]], label: str, time: str) -> list[Declared]:
    """Return snapshots to be taken, with names that say disk, label and time."""
    return [
        declared(
            "compute.snapshots",
            f"{entry['disk'][:_DISK_IN_NAME].rstrip('-')}-{label}-{time}",
            {
                "description": f"{label} of {entry['host']}",
                "sourceDisk": {"type": "compute.disks", "name": entry["disk"], "zone": entry["zone"]},
                "labels": {
                    "groundwork_cluster": entry["cluster"],
                    "groundwork_host": entry["host"],
                    "groundwork_snapshots": label,
                },
            },
        )
        for entry in disks
    ]  # fmt: skip


def read(items: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return snapshots as Google tells them in fewer words, the newest first; ages are in seconds."""
    found = [
        {
            "name": str(item["name"]),
            "disk": str(item.get("sourceDisk", "")).rpartition("/")[2],
            "cluster": str((item.get("labels") or {}).get("groundwork_cluster", "")),
            "status": str(item.get("status", "")),
            "created": str(item["creationTimestamp"]),
            "age_seconds": round((now - _time(item["creationTimestamp"])).total_seconds()),
            "bytes": int(item.get("storageBytes", 0)),
        }
        for item in items
    ]
    return sorted(found, key=lambda entry: (entry["age_seconds"], entry["name"]))


def made(items: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return disks as Google tells them that were made from a snapshot, the newest first; ages are in seconds."""
    found = [
        {
            "disk": str(item["name"]),
            "snapshot": str(item["sourceSnapshot"]).rpartition("/")[2],
            "age_seconds": round((now - _time(item["creationTimestamp"])).total_seconds()),
        }
        for item in items
        if item.get("sourceSnapshot")
    ]
    return sorted(found, key=lambda entry: (entry["age_seconds"], entry["disk"]))


def restore(
    found: Mapping[str, Sequence[Mapping[str, Any]]],
    wanted: str,
    source: str,
    host: str,
    name: str = "",
    again_minutes: int = 60,
) -> dict[str, Any]:
    """Return ``{snapshot, disk, again}``: what a disk is made of and what it is called; empty without a snapshot.

    ``found`` is what gcp_snapshot_info returned for the host, ``wanted`` the name of a snapshot or
    ``latest``, ``source`` the disk whose latest is meant, ``name`` the new disk's. Disks go on being taken
    snapshots of: a run that was cut short, or is repeated, within ``again_minutes`` takes up the
    disk that it made (``again``), and does not make another one of a snapshot that is newer.
    """
    ready = [entry for entry in found["snapshots"] if entry["status"] == READY]
    if wanted != "latest":
        return _made_of([entry for entry in ready if entry["name"] == wanted], host, name)
    ours = {entry["name"]: entry for entry in found["snapshots"] if entry["disk"] == source}
    for disk in found["restored"]:
        called = disk["disk"] == name or (not name and _names_itself(disk["disk"], host))
        young = disk["age_seconds"] <= again_minutes * 60
        if called and young and disk["snapshot"] in ours:
            return {"snapshot": ours[disk["snapshot"]], "disk": disk["disk"], "again": True}
    return _made_of([entry for entry in ready if entry["disk"] == source], host, name)


def _names_itself(disk: str, host: str) -> bool:
    """Whether a disk is called after its host and when its snapshot was taken."""
    return re.fullmatch(re.escape(host) + r"-\d{14}", disk) is not None


def _made_of(chosen: Sequence[Mapping[str, Any]], host: str, name: str) -> dict[str, Any]:
    if not chosen:
        return {}
    time = re.sub("[^0-9]", "", chosen[0]["created"])[:14]
    return {"snapshot": chosen[0], "disk": name or f"{host}-{time}", "again": False}


def _time(text: str) -> datetime:
    # fromisoformat knows Z since Python 3.11.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def newest(snapshots: Sequence[Mapping[str, Any]], disks: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each disk its newest good snapshot and how many it has; without one its age is None."""
    found = []
    for disk in disks:
        mine = [entry for entry in snapshots if entry["disk"] == disk]
        good = [entry for entry in mine if entry["status"] == READY]
        found.append(
            {
                "disk": disk,
                "good": len(good),
                "others": len(mine) - len(good),
                "newest": good[0]["name"] if good else "",
                "age_seconds": good[0]["age_seconds"] if good else None,
            }
        )
    return found


def lines(disks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table of what ``newest`` returns."""
    rows = [["DISK", "GOOD", "OTHERS", "NEWEST", "AGE"]]
    for entry in disks:
        age = entry["age_seconds"]
        told = "-" if age is None else f"{age // 60} min {age % 60} s"
        rows.append(
            [entry["disk"], str(entry["good"]), str(entry["others"]), entry["newest"] or "-", told]
        )
    return table(rows)
