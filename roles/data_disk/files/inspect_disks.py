"""Say of a host's disks what is to be done with each, or why it must not be. Nothing is changed.

usage: inspect_disks.py {"disks": [...], "format_over": [...]}

Read from stdin by one task: a task for each question would cost a second on every host.
The decision (`judge`) is a pure function of what was seen (`look`).
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

Disk = dict[str, Any]
Seen = dict[str, Any]

TOOLS = {"ext4": ("mkfs.ext4", "e2fsprogs"), "xfs": ("mkfs.xfs", "xfsprogs")}
# Two filesystems never fill their device to the last byte; growth is worth while from here on.
GROWTH_BYTES = 16 * 1024 * 1024
# What mkfs and partitioning tools write first lies in here; a disk that was never used reads as zeros.
BLANK_BYTES = 1024 * 1024
EXT4_SIZE = re.compile(r"^Block (?:count|size):\s+(\d+)$", re.MULTILINE)
XFS_SIZE = re.compile(r"^data\s+=\s+bsize=(\d+)\s+blocks=(\d+)", re.MULTILINE)
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def output(*command: str) -> str:
    """Standard output of a command; empty where it fails, as probes of an empty disk do."""
    environment = {"PATH": SEARCH_PATH, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.stdout.strip() if done.returncode == 0 else ""


def text_of(path: str) -> str:
    """Content of a text file; empty where there is none."""
    return Path(path).read_text(encoding="utf-8") if os.path.exists(path) else ""


def lines_of(path: str) -> list[list[str]]:
    """Fields of a table's lines. The tables write a blank in a name as an octal number."""
    lines = [line.split() for line in text_of(path).splitlines() if line.strip()]
    return [[field.replace("\\040", " ") for field in line] for line in lines]


def mounts() -> list[tuple[str, str]]:
    """(device number, mount point) of all mounts; the last one on a path is the one that is seen."""
    return [(line[2], line[4]) for line in lines_of("/proc/self/mountinfo")]


def fstab_entry(path: str) -> dict[str, str] | None:
    """The line of /etc/fstab that mounts something on a path."""
    for line in lines_of("/etc/fstab"):
        if len(line) >= 4 and not line[0].startswith("#") and line[1].rstrip("/") == path:
            return {"source": line[0], "type": line[2], "options": line[3]}
    return None


def is_blank(device: str) -> bool:
    """Whether a device's beginning was never written to."""
    with open(device, "rb") as content:
        return not any(content.read(BLANK_BYTES))


def filesystem_bytes(kind: str, device: str, path: str) -> int:
    """Size that a filesystem says of itself; 0 where its tool is missing."""
    if kind == "ext4":
        sizes = EXT4_SIZE.findall(output("dumpe2fs", "-h", device))
    else:
        # A mounted XFS is asked by its path: the superblock on disk lags behind.
        found = XFS_SIZE.findall(output("xfs_info", path or device))
        sizes = list(found[0]) if found else []
    return int(sizes[0]) * int(sizes[1]) if len(sizes) == 2 else 0


def look_at_device(device: str) -> Seen:
    """What a block device holds and who uses it."""
    real = os.path.realpath(device)
    rdev = os.stat(device).st_rdev
    number = f"{os.major(rdev)}:{os.minor(rdev)}"  # as /proc/self/mountinfo writes it
    # Fills libblkid's cache, so that a UUID resolves even before udev has made its link (or where there is no udev).
    output("blkid", device)
    probe = output("blkid", "-p", "-o", "export", device).splitlines()
    found = dict(line.split("=", 1) for line in probe if "=" in line)
    signatures = output("wipefs", "--noheadings", "--output", "TYPE", device).split()
    holders = [path.name for path in Path(f"/sys/dev/block/{number}/holders").glob("*")]
    swaps = [line[0] for line in lines_of("/proc/swaps")]
    return {
        "real": real,
        "number": number,
        "type": found.get("TYPE", ""),
        "uuid": found.get("UUID", ""),
        "signatures": sorted(set(signatures)),
        "blank": not signatures and is_blank(device),
        "bytes": int(output("blockdev", "--getsize64", device) or 0),
        "users": holders + (["swap"] if real in swaps else []),
    }


def look(disk: Disk) -> Seen:
    """Everything that a decision about one disk needs."""
    path, device = disk["path"], disk["device"]
    is_block = os.path.exists(device) and stat.S_ISBLK(os.stat(device).st_mode)
    table, guard = mounts(), guard_text(disk)
    here = [number for number, point in table if point == path]
    seen: Seen = {
        "exists": os.path.exists(device),
        "is_block": is_block,
        "device": look_at_device(device) if is_block else {},
        "path_device": here[-1] if here else "",
        "path_is_directory": os.path.isdir(path),
        "path_exists": os.path.lexists(path),
        "path_is_empty": not os.path.isdir(path) or not os.listdir(path),
        "fstab": fstab_entry(path),
        "owner": ownership(path) if here else "",
        "wanted_owner": wanted_ownership(disk),
        "guards": [unit for unit in disk["units"] if text_of(guard_path(unit, disk)) != guard],
    }
    number = seen["device"].get("number")
    seen["mounted_at"] = [point for where, point in table if number and where == number]
    if seen["device"].get("type") == disk["filesystem"]:
        where = path if here else ""
        seen["filesystem_bytes"] = filesystem_bytes(disk["filesystem"], device, where)
    return seen


def ownership(path: str) -> str:
    """Owner, group and mode of a directory as numbers, to be compared with the wanted ones."""
    found = os.stat(path)
    return f"{found.st_uid}:{found.st_gid}:{stat.S_IMODE(found.st_mode):o}"


def wanted_ownership(disk: Disk) -> str:
    """Like `ownership`, of what is wanted; empty where the user or group does not exist."""
    owner, group = str(disk["owner"]), str(disk["group"])
    try:
        user_id = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
        group_id = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        return ""
    return f"{user_id}:{group_id}:{int(str(disk['mode']), 8):o}"


def guard_path(unit: str, disk: Disk) -> str:
    """Where the drop-in stands that keeps a unit from starting on an unmounted path."""
    name = disk["path"].strip("/").replace("/", "-")
    return f"/etc/systemd/system/{unit}.d/50-data-disk-{name}.conf"


def guard_text(disk: Disk) -> str:
    """Make a unit wait for the mount, and fail by name where it is not there."""
    path = disk["path"]
    return (
        "# Written by the role data_disk: never start on the bare directory below the disk.\n"
        f"[Unit]\nRequiresMountsFor={path}\nAssertPathIsMountPoint={path}\n"
    )


def refuse_device(disk: Disk, seen: Seen, named: bool) -> str:
    """Why a device must not be touched; empty where it may be."""
    device, found = disk["device"], seen["device"]
    if not seen["exists"]:
        return f"device_missing: {device} does not exist. Attach the disk, or correct its path."
    if not seen["is_block"]:
        return f"device_not_block: {device} is not a block device."
    users = [point for point in seen["mounted_at"] if point != disk["path"]] + found["users"]
    if users:
        return f"device_in_use: {device} ({found['real']}) is in use by {', '.join(users)}."
    if found["type"] == disk["filesystem"] or found["blank"] or named:
        return ""
    holds = ", ".join(found["signatures"]) or "bytes that no known format explains"
    return (
        f"device_holds_data: {device} ({found['real']}, {found['bytes'] >> 20} MiB) holds {holds}, "
        f"not the {disk['filesystem']} that is asked for. If nothing on it is needed, add {device} "
        "to data_disk_format_over; that destroys all of it."
    )


def refuse_path(disk: Disk, seen: Seen) -> str:
    """Why a path must not be mounted on; empty where it may be."""
    path, number = disk["path"], seen["device"].get("number", "missing")
    if seen["path_device"] and seen["path_device"] != number:
        return (
            f"path_taken: device {seen['path_device']} is mounted on {path}, and {disk['device']} "
            f"is {number}. Unmount it, or correct the device."
        )
    if seen["path_device"] or not seen["path_exists"]:
        return ""
    if not seen["path_is_directory"]:
        return f"path_not_directory: {path} exists and is not a directory."
    if not seen["path_is_empty"]:
        return f"path_not_empty: {path} holds files, which the disk would hide. Move them away."
    return ""


def refuse_fstab(disk: Disk, seen: Seen, named: bool) -> str:
    """Why a path's line in fstab must not be replaced; empty where it may be, or is right."""
    entry, found = seen["fstab"], seen["device"]
    formatted = found.get("type") == disk["filesystem"]
    if not entry or not found or (named and not formatted):
        return ""
    if formatted and entry["source"] == f"UUID={found['uuid']}":
        return ""
    holds = f"UUID={found['uuid']}" if formatted else f"a disk without {disk['filesystem']}"
    return (
        f"fstab_names_another: /etc/fstab mounts {entry['source']} on {disk['path']}, but "
        f"{disk['device']} is {holds}. A device's name may have passed to another disk: correct "
        "the device, or remove the line if that disk is gone for good."
    )


def judge(disk: Disk, seen: Seen, format_over: list[str]) -> Disk:
    """What is to be done with a disk, or why not."""
    named = disk["device"] in format_over
    refusals = [
        refuse_device(disk, seen, named),
        refuse_path(disk, seen),
        refuse_fstab(disk, seen, named),
    ]
    found = seen["device"]
    formatted = bool(found) and found["type"] == disk["filesystem"]
    mounted = bool(found) and seen["path_device"] == found["number"]
    uuid = found["uuid"] if formatted else ""
    entry = {"source": "UUID=" + uuid, "type": disk["filesystem"], "options": disk["options"]}
    size = seen.get("filesystem_bytes", 0)
    unused = found["bytes"] - size if size else 0
    text = guard_text(disk)
    return dict(
        disk,
        refusals=[refusal for refusal in refusals if refusal],
        uuid=uuid,
        wipe=bool(found) and not formatted and not found["blank"],
        format=not formatted,
        close=not mounted,
        mount=not mounted or seen["fstab"] != entry,
        own=not mounted or seen["owner"] != seen["wanted_owner"],
        owner_known=bool(seen["wanted_owner"]),
        grow=bool(disk["grow"] and unused > GROWTH_BYTES),
        guards=[{"path": guard_path(unit, disk), "text": text} for unit in seen["guards"]],
    )


def doubles(disks: list[Disk]) -> list[str]:
    """Paths and devices that two disks claim."""
    paths = [disk["path"] for disk in disks]
    devices = [os.path.realpath(disk["device"]) for disk in disks]
    return [
        f"declared_twice: {name} is declared for two disks."
        for names in (paths, devices)
        for name in sorted(set(names))
        if names.count(name) > 1
    ]


def missing_packages(plans: list[Disk]) -> list[str]:
    """Debian packages of the tools that making or growing these filesystems takes."""
    kinds = sorted({plan["filesystem"] for plan in plans})
    return [TOOLS[kind][1] for kind in kinds if not shutil.which(TOOLS[kind][0], path=SEARCH_PATH)]


def say(plan: Disk) -> str:
    """Tell a plan in words; empty where nothing is to be done."""
    steps = [
        ("wipe", "wipe what it holds"),
        ("format", f"format with {plan['filesystem']}"),
        ("mount", f"mount on {plan['path']}"),
        ("grow", "grow the filesystem"),
        ("own", f"give it to {plan['owner']}:{plan['group']}, mode {plan['mode']}"),
        ("guards", f"keep {' '.join(plan['units'])} from starting without it"),
    ]
    words = [text for key, text in steps if plan[key]]
    return f"{plan['device']}: {', '.join(words)}" if words else ""


def main() -> None:
    """Print the plans and the refusals as JSON."""
    wanted = json.loads(sys.argv[1])
    disks = [dict(disk, path=disk["path"].rstrip("/")) for disk in wanted["disks"]]
    plans = [judge(disk, look(disk), wanted["format_over"]) for disk in disks]
    answer = {
        "plans": plans,
        "refusals": doubles(disks) + [refusal for plan in plans for refusal in plan["refusals"]],
        "words": [words for words in map(say, plans) if words],
        "packages": missing_packages(plans),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
