"""Disks and snapshots as sparse files; attached ones are loop devices under their Google names."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.lab.gcp.fabric import kernel, names

_GIGABYTE = 1024**3


def file_name(link: str) -> str:
    """The file of a disk or snapshot, by its link."""
    return names.key(link).removeprefix("projects/").replace("/", ".") + ".img"


def attached(body: dict[str, Any]) -> dict[str, str]:
    """Data disks of an instance: name under /dev/disk/by-id → link of the disk."""
    found = {}
    for number, disk in enumerate(body.get("disks", [])):
        if not disk.get("boot") and disk.get("source"):
            name = disk.get("deviceName") or f"persistent-disk-{number}"
            found[f"google-{name}"] = disk["source"]
    return found


class Disks:
    """The files of a lab's disks below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, link: str) -> Path:
        """Where a disk or a snapshot is kept."""
        return self.folder / file_name(link)

    async def make(self, link: str, gigabytes: int, source: str = "") -> None:
        """Make a disk, empty or from a snapshot; one that is there stays as it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(link)
        if path.exists():
            return
        if source and self.path(source).exists():
            await _copy(self.path(source), path)
        with path.open("ab") as file:
            file.truncate(max(gigabytes * _GIGABYTE, path.stat().st_size))

    async def grow(self, link: str, gigabytes: int) -> None:
        """Make a disk larger; its loop device follows at once."""
        os.truncate(self.path(link), gigabytes * _GIGABYTE)
        device = await self._device(link)
        if device:
            await kernel.run("losetup", "--set-capacity", device)

    async def remove(self, link: str) -> None:
        """Remove a disk or a snapshot."""
        await self.detach(link)
        self.path(link).unlink(missing_ok=True)

    async def attach(self, link: str) -> str:
        """Give a disk a loop device; return it."""
        device = await self._device(link)
        for _ in range(5):
            if device:
                break
            # Two processes may be offered the same free device; the loser asks again.
            said = await kernel.run(
                "losetup", "--find", "--show", str(self.path(link)), check=False
            )
            device = said.strip()
            await asyncio.sleep(0 if device else 0.2)
        if not device:
            raise kernel.CommandError(f"no loop device could be had for {self.path(link).name}")
        return device

    async def detach(self, link: str) -> None:
        """Take a disk's loop device away."""
        device = await self._device(link)
        if device:
            await kernel.run("losetup", "--detach", device, check=False)

    async def _device(self, link: str) -> str:
        path = self.path(link)
        if not path.exists():
            return ""
        said = await kernel.run(
            "losetup", "--noheadings", "--raw", "--output", "NAME", "--associated", str(path)
        )
        return said.split("\n", 1)[0].strip()

    async def snapshot(self, disk: str, snapshot: str, process: int | None) -> None:
        """Copy a disk while its file systems, mounted by the host of a process, stand still."""
        device = await self._device(disk)
        numbers = ""
        if device:
            made = os.stat(device).st_rdev
            numbers = f"{os.major(made)}:{os.minor(made)}"
        mounts = mounted(process, numbers) if process and numbers else []
        async with _frozen(mounts):
            await _copy(self.path(disk), self.path(snapshot))


def show(folder: Path, disks: dict[str, str]) -> None:
    """Make the nodes of /dev/disk/by-id: names → loop devices; others go."""
    folder.mkdir(parents=True, exist_ok=True)
    for node in folder.iterdir():
        if node.name not in disks:
            node.unlink()
    for name, device in disks.items():
        node, number = folder / name, os.stat(device).st_rdev
        if node.exists() and node.stat().st_rdev == number:
            continue
        node.unlink(missing_ok=True)
        os.mknod(node, 0o660 | stat.S_IFBLK, number)


def mounted(process: int, numbers: str) -> list[Path]:
    """Where a host has mounted a device (``major:minor``), as paths of this machine."""
    table = Path(f"/proc/{process}/mountinfo")
    found = []
    for line in table.read_text(encoding="utf-8").splitlines():
        fields = line.split(" ")
        if fields[2] == numbers:
            where = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), fields[4])
            found.append(Path(f"/proc/{process}/root{where}"))
    return found


@asynccontextmanager
async def _frozen(mounts: list[Path]) -> AsyncIterator[None]:
    # A file system that is mounted twice is frozen once.
    frozen = []
    try:
        for mount in mounts[:1]:
            await kernel.run("fsfreeze", "--freeze", str(mount))
            frozen.append(mount)
        yield
    finally:
        for mount in frozen:
            await kernel.run("fsfreeze", "--unfreeze", str(mount))


async def _copy(source: Path, target: Path) -> None:
    half = target.with_suffix(".part")
    options = ("--reflink=auto", "--sparse=always")
    await kernel.run("cp", *options, str(source), str(half))
    half.rename(target)
