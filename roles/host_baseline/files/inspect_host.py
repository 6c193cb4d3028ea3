"""Answer, as JSON, what a host has of its baseline. Nothing is changed.

usage: inspect_host.py JSON        {"folders": [...], "packages": [...], "sysctl": {...}}

Read from stdin by one task, because a task for each question would cost a second on every host.
Standard library only.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def missing_packages(names: list[str]) -> list[str]:
    """Packages that are not installed."""
    form = "${Package} ${db:Status-Status}\n"
    command = ["dpkg-query", "--show", "--showformat", form, *names]
    # dpkg-query fails when it does not know one of the names, and still prints the others.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line.split() for line in done.stdout.splitlines()]
    present = {line[0] for line in lines if line[1:] == ["installed"]}
    return [name for name in names if name not in present]


def other_values(wanted: dict[str, str]) -> list[str]:
    """Kernel parameters that now have another value, or do not exist."""
    other = []
    for name, value in wanted.items():
        file = Path("/proc/sys", name.replace(".", "/"))
        now = file.read_text().split() if file.exists() else ["missing"]
        if now != value.split():
            other.append(f"{name} is {' '.join(now)}, not {value}")
    return other


def huge_pages() -> str:
    """Mode of transparent huge pages, which the kernel writes in brackets."""
    if not HUGE_PAGES.exists():
        return "absent"
    found = re.search(r"\[(\w+)\]", HUGE_PAGES.read_text())
    return found.group(1) if found else "unknown"


def open_files_limit() -> int:
    """Files that PID 1 may allow a service to open (its hard limit)."""
    for line in Path("/proc/1/limits").read_text().splitlines():
        if line.startswith("Max open files"):
            hard = line.split()[4]
            return sys.maxsize if hard == "unlimited" else int(hard)
    return sys.maxsize


def ssh_settings(user: str) -> dict[str, list[str]]:
    """Settings of sshd as they are for a user. sshd demands its folder below /run."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    command = ["/usr/sbin/sshd", "-T", "-C", f"user={user},host=localhost,addr=127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pairs = [line.split() for line in done.stdout.splitlines()]
    return {pair[0]: pair[1:] for pair in pairs if pair}


def has_key(user: str, settings: dict[str, list[str]]) -> bool:
    """Whether a user can log in with a key."""
    if settings.get("authorizedkeyscommand", ["none"]) != ["none"]:
        return True
    if settings.get("trustedusercakeys", ["none"]) != ["none"]:
        return True
    home = pwd.getpwnam(user).pw_dir
    for pattern in settings.get("authorizedkeysfile", [".ssh/authorized_keys"]):
        name = pattern.replace("%h", home).replace("%u", user).replace("%%", "%")
        file = Path(home, name)
        if file.is_file() and any(
            line.strip() and not line.startswith("#") for line in file.read_text().splitlines()
        ):
            return True
    return False


def ssh_reads_drop_ins() -> bool:
    """Whether sshd reads the folder of drop-ins at all."""
    main = Path("/etc/ssh/sshd_config")
    pattern = r"(?mi)^\s*Include\s+/etc/ssh/sshd_config\.d/\*\.conf"
    return main.is_file() and re.search(pattern, main.read_text()) is not None


def main() -> None:
    """Print what was found."""
    wanted = json.loads(sys.argv[1])
    user = os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name
    found = {
        "missing_folders": [path for path in wanted["folders"] if not os.path.isdir(path)],
        "missing_packages": missing_packages(wanted["packages"]),
        "sysctl": other_values(wanted["sysctl"]),
        "huge_pages": huge_pages(),
        "open_files_limit": open_files_limit(),
        "user": user,
        "user_has_key": has_key(user, ssh_settings(user)),
        "ssh_reads_drop_ins": ssh_reads_drop_ins(),
        "has_needrestart": os.path.isdir("/etc/needrestart/conf.d"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
