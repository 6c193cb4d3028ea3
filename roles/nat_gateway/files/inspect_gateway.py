"""Answer, as JSON, what a host has that a NAT gateway's settings depend on. Nothing is changed.

usage: inspect_gateway.py JSON        {"sysctl": [names], "interface_sysctl": [names below net.ipv4.conf.INTERFACE]}

Read from stdin by one task. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: The mark of a drained gateway, as `nat-gateway` writes it.
DRAINED = Path("/var/lib/groundwork/nat-gateway/drained")


def ip(*arguments: str) -> Any:
    """Ask iproute2."""
    command = ["ip", "-json", "-4", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout or "[]")


def parameter(name: str) -> str:
    """Value of a kernel parameter, `missing` where the kernel does not have it (yet)."""
    # A dot within an interface's name is written as a slash, and the other way round.
    file = Path("/proc/sys", name.translate(str.maketrans("./", "/.")))
    return " ".join(file.read_text().split()) if file.exists() else "missing"


def memory_mib() -> int:
    """The host's memory."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    """Print what was found."""
    wanted = json.loads(sys.argv[1])
    addresses = ip("address", "show")
    names = wanted["sysctl"] + [
        f"net.ipv4.conf.{one['ifname'].replace('.', '/')}.{name}"
        for one in addresses
        if one["ifname"] != "lo"
        for name in wanted["interface_sysctl"]
    ]
    routes = ip("route", "show", "default")
    best = min((route.get("metric", 0) for route in routes), default=0)
    found = {
        "addresses": addresses,
        "default_interfaces": sorted(
            {route["dev"] for route in routes if route.get("metric", 0) == best and "dev" in route}
        ),
        "drained": DRAINED.exists(),
        "memory_mib": memory_mib(),
        "sysctl": {name: parameter(name) for name in names},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
