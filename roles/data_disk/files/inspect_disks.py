"""Look at the disks of a host and say what is to be done with each, or why it must not be. Nothing is changed.

usage: inspect_disks.py JSON        {"disks": [...], "format_over": [...]} as the role's variables say

Read from stdin by one task, because a task for each question would cost a second each on every host. Standard library only.
The decision (`judge`) is a pure function of what was seen (`look`).
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from typing import Any, Dict, List, Optional, Tuple

Disk = Dict[str, Any]
Refusal = Tuple[str, str]

TOOLS = {"ext4": ("mkfs.ext4", "e2fsprogs"), "xfs": ("mkfs.xfs", "xfsprogs")}
# Two filesystems never fill their device to the last byte; growth is worth while from here on.
GROWTH_BYTES = 16 * 1024 * 1024
# What mkfs and partitioning tools write first lies in here; a disk that was never used reads as zeros.
BLANK_BYTES = 1024 * 1024
DROP_IN = "/etc/systemd/system/{unit}.d/50-data-disk-{name}.conf"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def output(*command: str) -> str:
    """Standard output of a command; empty where it fails, as probes of an empty disk do."""
    environment = {"PATH": SEARCH_PATH, "LC_ALL": "C"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def device_number(path: str) -> str:
    """Major and minor number of a block device, as /proc/self/mountinfo writes them."""
    number = os.stat(path).st_rdev
    return "%d:%d" % (os.major(number), os.minor(number))


def unescape(field: str) -> str:
    """Mount tables write blanks in names as octal numbers."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def mounts() -> List[Tuple[str, str]]:
    """(device number, mount point) of all mounts; the last one on a path is the one that is seen."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        fields = [line.split() for line in table]
    return [(line[2], unescape(line[4])) for line in fields]


def fstab_entry(path: str) -> Optional[Dict[str, str]]:
    """The line of /etc/fstab that mounts something on a path."""
    if not os.path.exists("/etc/fstab"):
        return None
    with open("/etc/fstab", encoding="utf-8") as table:
        lines = [line.split() for line in table if not line.lstrip().startswith("#")]
    for line in lines:
        if len(line) >= 4 and unescape(line[1]).rstrip("/") == path:
            return {"source": line[0], "type": line[2], "options": line[3]}
    return None


def is_blank(device: str) -> bool:
    """Whether a device's beginning was never written to."""
    with open(device, "rb") as content:
        return not any(content.read(BLANK_BYTES))


def filesystem_bytes(kind: str, device: str) -> int:
    """Size of a filesystem by its own superblock; 0 where its tool is missing."""
    if kind == "ext4":
        lines = output("dumpe2fs", "-h", device).splitlines()
        found = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        return int(found.get("Block count", 0)) * int(found.get("Block size", 0))
    lines = output("xfs_db", "-r", "-c", "sb 0", "-c", "print dblocks blocksize", device).splitlines()
    found = {name.strip(): rest for name, _, rest in (line.partition("=") for line in lines)}
    return int(found.get("dblocks", 0)) * int(found.get("blocksize", 0))


def look_at_device(device: str) -> Dict[str, Any]:
    """What a block device holds and who uses it."""
    real = os.path.realpath(device)
    number = device_number(device)
    # Fills libblkid's cache, so that a UUID resolves even before udev has made its link (or where there is no udev).
    output("blkid", device)
    probe = output("blkid", "-p", "-o", "export", device).splitlines()
    found = dict(line.split("=", 1) for line in probe if "=" in line)
    signatures = output("wipefs", "--noheadings", "--output", "TYPE", device).split()
    block = "/sys/dev/block/" + number
    holders = os.listdir(block + "/holders") if os.path.isdir(block + "/holders") else []
    with open("/proc/swaps", encoding="utf-8") as table:
        swaps = [line.split()[0] for line in table]
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


def look(disk: Disk) -> Dict[str, Any]:
    """Everything that a decision about one disk needs."""
    path, device = disk["path"], disk["device"]
    exists = os.path.exists(device)
    is_block = exists and stat.S_ISBLK(os.stat(device).st_mode)
    table = mounts()
    here = [number for number, point in table if point == path]
    seen: Dict[str, Any] = {
        "exists": exists,
        "is_block": is_block,
        "device": look_at_device(device) if is_block else {},
        "path_device": here[-1] if here else "",
        "path_is_directory": os.path.isdir(path),
        "path_exists": os.path.lexists(path),
        "path_is_empty": not os.path.isdir(path) or not os.listdir(path),
        "fstab": fstab_entry(path),
        "owner_known": is_known(disk["owner"], pwd.getpwnam) and is_known(disk["group"], grp.getgrnam),
        "owner": ownership(path) if here else "",
        "guards": [unit for unit in disk["units"] if not is_guarded(unit, disk)],
    }
    number = seen["device"].get("number")
    seen["mounted_at"] = [point for where, point in table if number and where == number]
    if is_block and seen["device"]["type"] == disk["filesystem"]:
        seen["filesystem_bytes"] = filesystem_bytes(disk["filesystem"], device)
    return seen


def is_known(name: str, database: Any) -> bool:
    """Whether a user or group exists; a number needs no entry."""
    if str(name).isdigit():
        return True
    try:
        database(name)
    except KeyError:
        return False
    return True


def ownership(path: str) -> str:
    """Owner, group and mode of a directory as numbers, to be compared with the wanted ones."""
    found = os.stat(path)
    return "%d:%d:%o" % (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))


def wanted_ownership(disk: Disk) -> str:
    """Like `ownership`, of what is wanted; empty where the user does not exist yet."""
    if not (is_known(disk["owner"], pwd.getpwnam) and is_known(disk["group"], grp.getgrnam)):
        return ""
    owner, group = str(disk["owner"]), str(disk["group"])
    user_id = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    group_id = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    return "%d:%d:%o" % (user_id, group_id, int(str(disk["mode"]), 8))


def guard_path(unit: str, disk: Disk) -> str:
    """Where the drop-in stands that keeps a unit from starting on an unmounted path."""
    return DROP_IN.format(unit=unit, name=disk["path"].strip("/").replace("/", "-"))


def guard_text(disk: Disk) -> str:
    """A unit waits for the mount, and fails by name where it is not there."""
    return (
        "# Written by the role data_disk: never start on the bare directory below the disk.\n"
        "[Unit]\nRequiresMountsFor={0}\nAssertPathIsMountPoint={0}\n".format(disk["path"])
    )


def is_guarded(unit: str, disk: Disk) -> bool:
    """Whether the drop-in of a unit is as it should be."""
    path = guard_path(unit, disk)
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as text:
        return text.read() == guard_text(disk)


def refuse_device(disk: Disk, seen: Dict[str, Any], named: bool) -> List[Refusal]:
    """Why a device must not be touched."""
    device = disk["device"]
    if not seen["exists"]:
        return [("device_missing", "%s does not exist. Attach the disk, or correct its path." % device)]
    if not seen["is_block"]:
        return [("device_not_block", "%s is not a block device." % device)]
    found = seen["device"]
    elsewhere = [point for point in seen["mounted_at"] if point != disk["path"]]
    if elsewhere or found["users"]:
        users = ", ".join(elsewhere + found["users"])
        return [("device_in_use", "%s (%s) is in use: %s." % (device, found["real"], users))]
    if found["type"] == disk["filesystem"] or found["blank"] or named:
        return []
    holds = ", ".join(found["signatures"]) or "bytes that no known format explains"
    return [(
        "device_holds_data",
        "%s (%s, %d MiB) holds %s, not the %s that is asked for. It was left as it is. If nothing on it is needed, "
        "add %s to data_disk_format_over; that destroys all of it."
        % (device, found["real"], found["bytes"] >> 20, holds, disk["filesystem"], device),
    )]


def refuse_path(disk: Disk, seen: Dict[str, Any], named: bool) -> List[Refusal]:
    """Why a path must not be mounted on."""
    path, found = disk["path"], seen["device"]
    if seen["path_device"]:
        if seen["path_device"] != found.get("number"):
            return [(
                "path_taken",
                "another device (%s) is mounted on %s than %s (%s). Unmount it, or correct the device."
                % (seen["path_device"], path, disk["device"], found.get("number", "missing")),
            )]
    elif seen["path_exists"] and not seen["path_is_directory"]:
        return [("path_not_directory", "%s exists and is not a directory." % path)]
    elif not seen["path_is_empty"]:
        return [(
            "path_not_empty",
            "%s holds files and is no mount point: the disk would hide them. Move them away first." % path,
        )]
    entry = seen["fstab"]
    uuid = found.get("uuid") if found.get("type") == disk["filesystem"] else ""
    if entry and found and entry["source"] != "UUID=%s" % uuid and not (named and not uuid):
        return [(
            "fstab_names_another",
            "/etc/fstab mounts %s on %s, but %s is %s. A device's name may have passed to another disk: correct the "
            "device, or remove the line if that disk is gone for good."
            % (entry["source"], path, disk["device"], "UUID=%s" % uuid if uuid else "a disk without %s" % disk["filesystem"]),
        )]
    return []


def judge(disk: Disk, seen: Dict[str, Any], format_over: List[str]) -> Dict[str, Any]:
    """What is to be done with a disk, or why not."""
    named = disk["device"] in format_over
    refusals = refuse_device(disk, seen, named) + refuse_path(disk, seen, named)
    found = seen["device"]
    formatted = bool(found) and found["type"] == disk["filesystem"]
    mounted = bool(found) and seen["path_device"] == found["number"]
    uuid = found["uuid"] if formatted else ""
    entry = {"source": "UUID=" + uuid, "type": disk["filesystem"], "options": disk["options"]}
    known = formatted and seen.get("filesystem_bytes", 0) > 0
    return dict(
        disk,
        refusals=refusals,
        uuid=uuid,
        wipe=bool(found) and not formatted and not found["blank"],
        format=not formatted,
        close=not mounted,
        mount=not mounted or seen["fstab"] != entry,
        own=not mounted or seen["owner"] != wanted_ownership(disk),
        owner_known=seen["owner_known"],
        grow=bool(disk["grow"] and known and found["bytes"] - seen["filesystem_bytes"] > GROWTH_BYTES),
        guards=[{"path": guard_path(unit, disk), "text": guard_text(disk)} for unit in seen["guards"]],
    )


def doubles(disks: List[Disk]) -> List[Refusal]:
    """Two disks that claim one path or one device."""
    refusals: List[Refusal] = []
    for what, names in (
        ("path", [disk["path"] for disk in disks]),
        ("device", [os.path.realpath(disk["device"]) for disk in disks]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            refusals.append(("%s_twice" % what, "%s is declared for two disks." % name))
    return refusals


def missing_packages(plans: List[Disk]) -> List[str]:
    """Debian packages of the tools that making or growing these filesystems takes."""
    kinds = sorted({plan["filesystem"] for plan in plans})
    return [
        TOOLS[kind][1] for kind in kinds if not shutil.which(TOOLS[kind][0], path=SEARCH_PATH)
    ]


def say(plan: Disk) -> str:
    """A plan in words."""
    steps = [
        ("wipe", "wipe what it holds"),
        ("format", "format with %s" % plan["filesystem"]),
        ("mount", "mount on %s" % plan["path"]),
        ("grow", "grow the filesystem"),
        ("own", "give it to %s:%s" % (plan["owner"], plan["group"])),
        ("guards", "keep %s from starting without it" % " ".join(plan["units"])),
    ]
    words = ", ".join(text for key, text in steps if plan[key])
    return "%s: %s" % (plan["device"], words) if words else ""


def main() -> None:
    """Print the plans and the refusals as JSON."""
    wanted = json.loads(sys.argv[1])
    disks = [dict(disk, path=disk["path"].rstrip("/")) for disk in wanted["disks"]]
    plans = [judge(disk, look(disk), wanted["format_over"]) for disk in disks]
    refusals = doubles(disks) + [refusal for plan in plans for refusal in plan["refusals"]]
    answer = {
        "plans": plans,
        "refusals": ["%s: %s" % refusal for refusal in refusals],
        "words": [words for words in map(say, plans) if words],
        "packages": missing_packages(plans),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
