"""Bring the machine to what a plan says. Everything can be done again and changes nothing then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Network

from tests.lab.gcp.fabric import internet, kernel, names
from tests.lab.gcp.fabric.plan import Leg, Plan, Space, Wire
from tests.lab.gcp.fabric.routing import FAR, SUBNETS


class Applier:
    """Remembers what it has applied, so that an unchanged network costs nothing."""

    def __init__(self, lab: str) -> None:
        self.lab = lab
        self._spaces: dict[str, Space] = {}
        self._legs: set[Leg] = set()
        self._outside: tuple[tuple[str, str], ...] | None = None
        self._inside: tuple[tuple[str, str], ...] | None = None

    async def apply(self, plan: Plan) -> None:
        """Apply a plan.

        Raises:
            CommandError: a program of the machine refused.
        """
        if plan.spaces:
            await internet.make(self.lab)
        await self._remove_spaces({space.name for space in plan.spaces})
        for space in plan.spaces:
            if self._spaces.get(space.name) != space:
                # What fails half-way is done anew.
                before = self._spaces.pop(space.name, None)
                await self._space(space, before)
                self._spaces[space.name] = space
        if plan.spaces:
            await self._world(plan)
        elif not await internet.inhabited(self.lab):
            await internet.remove(self.lab)
            self._inside = self._outside = None

    async def _remove_spaces(self, wanted: set[str]) -> None:
        for name in set(kernel.namespaces(f"{names.prefix(self.lab)}net.")) - wanted:
            self._spaces.pop(name, None)
            await kernel.remove_namespace(name)

    async def _world(self, plan: Plan) -> None:
        """Tell the internet and the machine where networks are."""
        if self._outside != plan.outside:
            space = names.internet_namespace(self.lab)
            routes = [f"{SUBNETS} {one} via {FAR} dev {link}" for one, link in plan.outside]
            await kernel.set_rules(space, [f"200: from all lookup {SUBNETS}"])
            await kernel.set_routes(space, routes)
            self._outside = plan.outside
        if self._inside != plan.inside:
            await self._reach(plan.inside)
            self._inside = plan.inside

    async def _reach(self, inside: tuple[tuple[str, str], ...]) -> None:
        """Let the machine itself reach networks. It can reach one lab of several with a range."""
        taken = await kernel.destinations()
        lines = []
        for one, link in inside:
            other = obstacle(one, link, taken)
            if other:
                words = f"{one} leads to {other}: this machine reaches its hosts in lab {self.lab}"
                print(f"fabric: {words} by tunnels and podman alone", flush=True)
            elif taken.get(one) != link:
                lines.append(f"route add {one} via {FAR} dev {link} onlink")
        await kernel.batch("", lines)

    async def _space(self, space: Space, before: Space | None) -> None:
        """Bring a namespace about; of one that is known only what has changed."""
        await kernel.make_namespace(space.name, router=True)
        if before is None or before.addresses != space.addresses:
            await kernel.set_addresses(space.name, "lo", space.addresses)
        if before is None or before.wires != space.wires:
            await self._wires(space)
        if before is None or (before.wires, before.routing) != (space.wires, space.routing):
            await kernel.set_routes(space.name, space.routing.routes)
            await kernel.set_rules(space.name, space.routing.rules)
        if before is None or before.ruleset != space.ruleset:
            await kernel.nft(space.name, space.ruleset)
        legs = set(space.legs)
        for leg in legs - self._legs:
            await _set_up(leg)
        others = {one for known in self._spaces.values() for one in known.legs}
        self._legs = legs | others

    async def _wires(self, space: Space) -> None:
        there = await kernel.links(space.name)
        wanted = {wire.name: wire.far_namespace for wire in space.wires}
        # What leads to the former life of a host goes as well.
        gone = [
            name
            for name, link in there.items()
            if name != "lo" and wanted.get(name, "-") != link.get("ifalias", "")
        ]
        await kernel.batch(space.name, [f"link del {name}" for name in gone], force=True)
        for wire in space.wires:
            if wire.name not in there or wire.name in gone:
                self._legs = {leg for leg in self._legs if leg.namespace != wire.far_namespace}
                self._inside = None if not wire.far_namespace else self._inside
                if wire.far_namespace == names.internet_namespace(self.lab):
                    self._outside = None
                await connect(wire)


def obstacle(wanted: str, link: str, taken: Mapping[str, str]) -> str:
    """The interface that has a part of a range already; "" where nobody else has."""
    own = IPv4Network(wanted)
    for one, other in taken.items():
        if one != "default" and other != link and own.overlaps(IPv4Network(one)):
            return other
    return ""


async def connect(wire: Wire) -> None:
    """Make both ends of a wire; between networks each end knows the other's hardware address."""
    if wire.far_namespace and not wire.to_host:
        await kernel.make_namespace(wire.far_namespace, router=True)
    await kernel.ip(
        "",
        *("link", "add", wire.name, "netns", wire.namespace, "address", wire.mac),
        *("mtu", str(wire.mtu), "type", "veth", "peer", "name", wire.far_name),
        *("netns", _target(wire.far_namespace), "address", wire.far_mac, "mtu", str(wire.mtu)),
    )
    address = names.address(wire.far_mac) if wire.to_host else FAR
    alias = f"link set {wire.name} alias {wire.far_namespace}" if wire.far_namespace else ""
    lines = [f"link set {wire.name} up", _neighbour(address, wire.far_mac, wire.name), alias]
    await kernel.batch(wire.namespace, [line for line in lines if line])
    if not wire.to_host:
        far_side = [f"link set {wire.far_name} up", _neighbour(FAR, wire.mac, wire.far_name)]
        far_side += [f"link set {wire.far_name} alias {wire.namespace}"]
        await kernel.batch(wire.far_namespace, far_side)


def _target(namespace: str) -> str:
    """How ``ip link add`` names a namespace: by its name, or by a process that is in it."""
    if namespace.startswith("/proc/"):
        return namespace.split("/")[2]
    return namespace or str(os.getpid())


def _neighbour(address: str, mac: str, link: str) -> str:
    return f"neigh replace {address} lladdr {mac} dev {link} nud permanent"


async def _set_up(leg: Leg) -> None:
    """Give an instance's end its address; do what Google's agent does in a guest."""
    lines = [
        "link set lo up",
        f"link set {leg.link} up",
        f"addr replace {leg.address}/32 dev {leg.link}",
        f"route replace {leg.gateway} dev {leg.link} scope link",
    ]
    where = "default" if leg.link == "eth0" else leg.near
    lines.append(f"route replace {where} via {leg.gateway} dev {leg.link}")
    await kernel.batch(leg.namespace, lines)
    flush = f"route flush table local proto 66 dev {leg.link}"
    await kernel.batch(leg.namespace, [flush], force=True)
    own = [f"route replace local {one} dev {leg.link} proto 66 table local" for one in leg.local]
    await kernel.batch(leg.namespace, own)
    if leg.forwards:
        forward = ("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        await kernel.run(*kernel.inside(leg.namespace), *forward)
