"""Find and remove what a lab has on this machine, by its name alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.gcp.fabric import internet, kernel, names
from tests.lab.gcp.fabric.plan import machine_links


@dataclass(frozen=True)
class Leftovers:
    """What there is of a lab."""

    containers: list[str] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.containers, self.namespaces, self.links, self.tables, self.loops))


async def find(lab: str, directory: Path) -> Leftovers:
    """Find what there is of a lab whose emulator keeps its state in a folder."""
    said = await kernel.run(
        *("podman", "ps", "--all", "--format", "{{.Names}}"),
        *("--filter", f"label=groundwork.lab={lab}"),
    )
    there = await kernel.links("")
    own = (machine_links(lab), internet.uplink_link(lab))
    tables = (await kernel.run("nft", "list", "tables")).splitlines()
    return Leftovers(
        containers=said.split(),
        namespaces=kernel.namespaces(names.prefix(lab)),
        links=sorted(name for name in there if name.startswith(own)),
        tables=[line for line in tables if line == f"table ip {names.table(lab)}"],
        loops=await _loops(directory / "fabric" / "disks"),
    )


async def _loops(folder: Path) -> list[str]:
    said = await kernel.run("losetup", "--json", "--list", "--output", "NAME,BACK-FILE")
    found = json.loads(said or '{"loopdevices": []}')["loopdevices"]
    return [one["name"] for one in found if one["back-file"].startswith(f"{folder.resolve()}/")]


async def remove_containers(containers: list[str]) -> None:
    """Remove containers with their volumes."""
    if containers:
        await kernel.run("podman", "rm", "--force", "--time", "0", "--volumes", *containers)


async def purge(lab: str, directory: Path) -> None:
    """Remove a lab from the machine; its disks' files go with the emulator's folder."""
    found = await find(lab, directory)
    await remove_containers(found.containers)
    for name in found.namespaces:
        await kernel.remove_namespace(name)
    await kernel.batch("", [f"link del {name}" for name in found.links], force=True)
    for table in found.tables:
        await kernel.nft("", f"delete {table}\n")
    for device in found.loops:
        await kernel.run("losetup", "--detach", device, check=False)
