"""Namespaces, links, routes and rules of this machine's kernel, by its own programs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_NAMESPACES = Path("/run/netns")
#: What a router needs; a new namespace may have inherited other values.
_ROUTER = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.fib_multipath_hash_policy=1",
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    # A packet that an instance forwards passes twice.
    "net.netfilter.nf_conntrack_tcp_be_liberal=1",
)


class CommandError(Exception):
    """A program of this machine failed; the message has its own words."""


async def run(*command: str, text: str = "", check: bool = True) -> str:
    """Run a program and return what it says.

    Raises:
        CommandError: it failed, and `check` is set.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if text else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(text.encode() or None)
    if check and process.returncode:
        words = (complained or said).decode(errors="replace").strip()
        raise CommandError(f"{' '.join(command[:6])}: {words[-1000:]}")
    return said.decode(errors="replace")


async def ip(namespace: str, *arguments: str, check: bool = True) -> str:
    """Run ip in a namespace: the name of one, the path of a process's, "" for the machine's own."""
    return await run(*inside(namespace), "ip", *arguments, check=check)


async def batch(namespace: str, lines: Sequence[str], force: bool = False) -> None:
    """Run many commands of ip at once; with `force` one that fails does not end it."""
    if lines:
        options = ("-force",) if force else ()
        text = "\n".join(lines) + "\n"
        await run(*inside(namespace), "ip", *options, "-batch", "-", text=text, check=not force)


async def nft(namespace: str, text: str) -> None:
    """Apply nft rules in a namespace as one transaction."""
    await run(*inside(namespace), "nft", "-f", "-", text=text)


def inside(namespace: str) -> tuple[str, ...]:
    """What to write before a command that has to run in a namespace."""
    # An absolute path stays what it is.
    return ("nsenter", f"--net={_NAMESPACES / namespace}") if namespace else ()


def namespaces(prefix: str) -> list[str]:
    """Namespaces whose names begin so."""
    found = _NAMESPACES.glob(f"{prefix}*") if _NAMESPACES.exists() else ()
    return sorted(one.name for one in found)


async def make_namespace(name: str, router: bool) -> bool:
    """Make a namespace if there is none; say whether it was made."""
    if (_NAMESPACES / name).exists():
        return False
    await run("ip", "netns", "add", name)
    await ip(name, "link", "set", "lo", "up")
    if router:
        await run(*inside(name), "sysctl", "-e", "-q", "-w", *_ROUTER)
    return True


async def links(namespace: str) -> dict[str, dict[str, Any]]:
    """Interfaces of a namespace by name."""
    found = json.loads(await ip(namespace, "-d", "-j", "link", "show") or "[]")
    return {one["ifname"]: one for one in found}


async def addresses(namespace: str, link: str) -> set[str]:
    """IPv4 addresses of an interface, with their prefix lengths."""
    found = json.loads(await ip(namespace, "-j", "-4", "addr", "show", "dev", link) or "[]")
    return {f"{one['local']}/{one['prefixlen']}" for entry in found for one in entry["addr_info"]}


async def set_addresses(namespace: str, link: str, wanted: Iterable[str]) -> None:
    """Give an interface these addresses and no others but those of loopback itself."""
    there, due = await addresses(namespace, link) - {"127.0.0.1/8"}, set(wanted)
    lines = [f"addr del {one} dev {link}" for one in sorted(there - due)]
    await batch(namespace, [*lines, *(f"addr add {one} dev {link}" for one in sorted(due - there))])


async def set_routes(namespace: str, wanted: Iterable[str]) -> None:
    """Bring a namespace's own tables to these routes, in the spelling of `routing.Routing`."""
    there, due = _routes(await ip(namespace, "-j", "route", "show", "table", "all")), set(wanted)
    gone, new = sorted(there - due), sorted(due - there)
    # The new ones come first, and one with other hops takes the place of the old one.
    kept = {tuple(_split(one)[:2]) for one in new}
    dropped = [one for one in gone if tuple(_split(one)[:2]) not in kept]
    await batch(namespace, [_command("replace", one) for one in new])
    await batch(namespace, [_command("del", one) for one in dropped], force=True)


async def destinations() -> dict[str, str]:
    """Routes of the machine itself: destination → interface."""
    found = json.loads(await ip("", "-j", "-4", "route", "show") or "[]")
    return {one["dst"]: one.get("dev", "") for one in found}


async def set_rules(namespace: str, wanted: Iterable[str]) -> None:
    """Bring a namespace to these rules, beside the three that every namespace has."""
    there = _rules(await ip(namespace, "-j", "rule", "show"))
    due = set(wanted)
    await batch(namespace, [f"rule add pref {_rule(one)}" for one in sorted(due - there)])
    await batch(namespace, [f"rule del pref {_rule(one)}" for one in sorted(there - due)])


def _split(route: str) -> tuple[str, str, str]:
    """Table, destination (with its kind) and hops of a route."""
    table, destination, *hops = route.split(" ")
    if destination == "blackhole":
        return table, hops[0], "blackhole"
    return table, destination, " ".join(hops)


def _command(verb: str, route: str) -> str:
    table, destination, hops = _split(route)
    if hops == "blackhole":
        return f"route {verb} blackhole {destination} table {table}"
    if verb == "del":
        return f"route del {destination} table {table}"
    each = [f"{one.strip()} onlink" for one in f" {hops}".split(" via ")[1:]]
    if len(each) == 1:
        return f"route {verb} {destination} table {table} via {each[0]}"
    several = " ".join(f"nexthop via {one}" for one in each)
    return f"route {verb} {destination} table {table} {several}"


def _routes(text: str) -> set[str]:
    """Routes of numbered tables, as `routing` writes them."""
    found = set()
    for one in json.loads(text or "[]"):
        table = str(one.get("table", "main"))
        if not table.isdigit() or ":" in one["dst"]:
            continue
        hops = one.get("nexthops") or ([one] if "gateway" in one else [])
        if one.get("type") == "blackhole":
            found.add(f"{table} blackhole {one['dst']}")
        else:
            via = " ".join(f"via {hop['gateway']} dev {hop['dev']}" for hop in hops)
            found.add(f"{table} {one['dst']} {via}".strip())
    return found


def _rules(text: str) -> set[str]:
    found = set()
    for one in json.loads(text or "[]"):
        if one["priority"] in (0, 32766, 32767):
            continue
        words = [f"{one['priority']}: from all"]
        words += [f"iif {one['iif']}"] if "iif" in one else []
        words += [f"fwmark {one['fwmark']}"] if "fwmark" in one else []
        found.add(" ".join([*words, f"lookup {one['table']}"]))
    return found


def _rule(rule: str) -> str:
    return rule.replace(":", "", 1)


async def remove_namespace(name: str) -> None:
    """Remove a namespace and its interfaces, which the kernel would do some time later."""
    if not (_NAMESPACES / name).exists():
        return
    there = [link for link in await links(name) if link != "lo"]
    await batch(name, [f"link del {link}" for link in there], force=True)
    await run("ip", "netns", "del", name)
