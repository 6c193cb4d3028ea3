"""The world between external addresses: a namespace of its own, with a way out of this machine.

Partners stand here. What leaves for the real internet (package mirrors) is masqueraded twice, so
that no address of the lab is ever seen outside.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.lab.gcp.fabric import kernel, names
from tests.lab.gcp.fabric.plan import CONTROLLER, machine_links

#: The gateway of partners.
GATEWAY = "203.0.113.1"
_UPLINK = "uplink"
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def uplink_link(lab: str) -> str:
    """The machine's end of the way out."""
    return "u" + names.digest(lab)


def uplink_addresses(lab: str) -> tuple[str, str]:
    """Addresses of the machine's end and of the internet's: a pair of 100.64.0.0/10 by the name."""
    first, second, third = hashlib.sha256(lab.encode()).digest()[:3]
    start = f"100.{64 + first % 64}.{second}"
    return f"{start}.{third & 0xFC | 1}", f"{start}.{third & 0xFC | 2}"


async def make(lab: str) -> None:
    """Make the internet of a lab if it is not there."""
    space = names.internet_namespace(lab)
    if not await kernel.make_namespace(space, router=True):
        return
    here, there = uplink_addresses(lab)
    link = uplink_link(lab)
    await kernel.ip(
        "",
        *("link", "add", _UPLINK, "netns", space, "type", "veth"),
        *("peer", "name", link, "netns", str(os.getpid())),
    )
    await kernel.batch("", [f"addr add {here}/30 dev {link}", f"link set {link} up"])
    lines = [f"addr add {GATEWAY}/32 dev lo", f"addr add {there}/30 dev {_UPLINK}"]
    lines += [f"link set {_UPLINK} up", f"route add default via {here}"]
    await kernel.batch(space, lines)
    await kernel.nft(space, _masquerade("inet groundwork", f'oifname "{_UPLINK}" masquerade'))
    await kernel.nft("", machine_rules(lab))
    if _FORWARD.read_text(encoding="ascii").strip() == "0":
        _FORWARD.write_text("1", encoding="ascii")


async def inhabited(lab: str) -> bool:
    """Whether partners stand in a lab's internet."""
    space = names.internet_namespace(lab)
    there = await kernel.links(space) if space in kernel.namespaces(space) else {}
    return any(link.startswith("h") for link in there)


async def remove(lab: str) -> None:
    """Remove a lab's internet, and what the machine has for it."""
    if names.internet_namespace(lab) in kernel.namespaces(names.prefix(lab)):
        await kernel.remove_namespace(names.internet_namespace(lab))
        await kernel.nft("", f"delete table ip {names.table(lab)}\n")


def machine_rules(lab: str) -> str:
    """Rules in the machine's own namespace: the way out, and the controller's face to networks."""
    _, there = uplink_addresses(lab)
    return _masquerade(
        f"ip {names.table(lab)}",
        f"ip saddr {there} masquerade",
        f'oifname "{machine_links(lab)}*" snat to {CONTROLLER}',
    )


def _masquerade(table: str, *rules: str) -> str:
    hook = "type nat hook postrouting priority srcnat"
    chain = "\n".join(f"    {line}" for line in (hook, *rules))
    return (
        f"table {table}\ndelete table {table}\n"
        f"table {table} {{\n  chain leaving {{\n{chain}\n  }}\n}}\n"
    )


async def add_partner(lab: str, process: int, host: str, address: str) -> None:
    """Give a host, by its first process, an address of the internet."""
    space, namespace = names.internet_namespace(lab), names.process_namespace(process)
    link, hardware = "h" + names.digest(host), names.mac(address)
    await kernel.ip(
        "",
        *("link", "add", link, "netns", space, "type", "veth"),
        *("peer", "name", "eth0", "netns", str(process), "address", hardware),
    )
    near = [f"link set {link} up", f"route replace {address}/32 dev {link}"]
    near.append(f"neigh replace {address} lladdr {hardware} dev {link} nud permanent")
    await kernel.batch(space, near)
    far = ["link set lo up", f"addr add {address}/32 dev eth0", "link set eth0 up"]
    far += [f"route add {GATEWAY} dev eth0 scope link", f"route add default via {GATEWAY}"]
    await kernel.batch(namespace, far)
