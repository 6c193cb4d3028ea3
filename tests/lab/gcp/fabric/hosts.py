"""Instances as systemd hosts in podman containers, run as role `lab` runs its hosts."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.lab.gcp.fabric import kernel, names
from tests.lab.gcp.fabric.image import Image
from tests.lab.gcp.fabric.plan import METADATA

#: Each systemd watches files; beyond some thirty hosts the kernel's default is used up.
_WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
_MANY = 8192
_CAPABILITIES = "NET_ADMIN,NET_RAW,SYS_ADMIN"
_USER = """
id {user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {user}
echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/google-{user}
chmod 0440 /etc/sudoers.d/google-{user}
install -d -o {user} -g {user} -m 0700 ~{user}/.ssh
printf '%s\\n' {keys} > ~{user}/.ssh/authorized_keys
chown {user}: ~{user}/.ssh/authorized_keys
chmod 0600 ~{user}/.ssh/authorized_keys
"""


def users(*metadata: dict[str, Any]) -> dict[str, list[str]]:
    """Users and their keys from the metadata of an instance and of its project.

    ``ssh-keys`` has lines ``user:key``; an instance with block-project-ssh-keys has its own only.
    """
    found: dict[str, list[str]] = {}
    for number, one in enumerate(metadata):
        values = items(one)
        for line in values.get("ssh-keys", "").splitlines():
            user, _, key = line.strip().partition(":")
            if user and key and key not in found.setdefault(user, []):
                found[user].append(key)
        if number == 0 and values.get("block-project-ssh-keys", "").lower() == "true":
            break
    return found


def items(metadata: dict[str, Any]) -> dict[str, str]:
    """Keys and values of metadata as the API has it."""
    return {one["key"]: one.get("value", "") for one in metadata.get("items", [])}


def user_script(found: dict[str, list[str]]) -> str:
    """A shell script that makes users with their keys and the right to be root."""
    return "set -e\n" + "".join(
        _USER.format(user=shlex.quote(user), keys=" ".join(map(shlex.quote, keys)))
        for user, keys in sorted(found.items())
    )


class Hosts:
    """The containers of a lab."""

    def __init__(self, lab: str, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.image = Image.of_role()
        # Starting a host is a burst of work; more at once only wait for each other.
        self._turn = asyncio.Semaphore(4)
        self._ready = asyncio.Lock()

    async def prepare(self, name: str, options: tuple[str, ...] = ()) -> int:
        """Make a host that is not there, and its namespaces; nothing runs in them yet.

        Returns the process that the namespaces are of, which becomes the host's first one. The
        host's folder is expected to have `by-id`, `hosts` and `resolv.conf`.
        """
        async with self._ready:
            await self.image.make()
            if int(_WATCHERS.read_text(encoding="ascii")) < _MANY:
                _WATCHERS.write_text(str(_MANY), encoding="ascii")
        async with self._turn:
            state = await self.state(name)
            if state == "missing":
                await self._podman(
                    "--runtime",
                    "runc",
                    "create",
                    *self._options(name),
                    *options,
                    self.image.name,
                    "/sbin/init",
                )
            if state not in ("running", "paused", "initialized"):
                await self._podman("init", names.container(self.lab, name))
        process = await self.process(name)
        if process is None:
            raise kernel.CommandError(f"the host {name} ended while it was made")
        return process

    async def start(self, name: str) -> None:
        """Let a prepared host boot."""
        async with self._turn:
            await self._podman("start", names.container(self.lab, name))

    def _options(self, name: str) -> tuple[str, ...]:
        """What every host is made with, as role `lab` does; its network comes from the fabric."""
        folder = self.folder / name
        return (
            *("--systemd=always", "--name", names.container(self.lab, name), "--hostname", name),
            *("--network", "none", "--no-hosts", "--label", f"groundwork.lab={self.lab}"),
            *("--label", "groundwork.instance=yes"),
            *("--cap-add", _CAPABILITIES),
            *("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096"),
            *("--shm-size", "1g"),
            # Disks come and go while it runs: loop devices, as nodes in a folder of its own.
            *("--device-cgroup-rule", "b 7:* rwm"),
            *("--volume", f"{folder}/by-id:/dev/disk/by-id:dev"),
            *("--volume", f"{folder}/hosts:/etc/hosts"),
            *("--volume", f"{folder}/resolv.conf:/etc/resolv.conf"),
            *("--volume", f"{self.image.packages}:/srv/packages:ro"),
            *(
                "--volume",
                f"{folder}/packages.list:/etc/apt/sources.list.d/00-lab-packages.list:ro",
            ),
        )

    def write_files(self, name: str, address: str, full_name: str) -> Path:
        """Write what a host finds of its surroundings; return its folder."""
        folder = self.folder / name
        (folder / "by-id").mkdir(parents=True, exist_ok=True)
        texts = {
            "hosts": f"127.0.0.1 localhost\n{address} {full_name} {name}\n"
            f"{METADATA} metadata.google.internal metadata\n",
            "resolv.conf": f"search {full_name.partition('.')[2]}\nnameserver {METADATA}\n",
            "packages.list": "deb [trusted=yes lang=none] file:/srv/packages ./\n",
        }
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        return folder

    async def state(self, name: str) -> str:
        """``running``, ``exited``, ``paused`` …, or ``missing``."""
        said = await kernel.run(
            *("podman", "inspect", "--type", "container", "--format", "{{.State.Status}}"),
            names.container(self.lab, name),
            check=False,
        )
        return said.strip() or "missing"

    async def process(self, name: str) -> int | None:
        """The first process of a host as this machine numbers it; None where it does not run."""
        said = await kernel.run(
            *("podman", "inspect", "--type", "container", "--format", "{{.State.Pid}}"),
            names.container(self.lab, name),
            check=False,
        )
        return int(said) if said.strip().isdigit() and int(said) else None

    async def stop(self, name: str, seconds: int = 10) -> None:
        """Shut a host down; after `seconds` it is killed."""
        await self._podman("stop", "--time", str(seconds), names.container(self.lab, name))

    async def pause(self, name: str, paused: bool) -> None:
        """Suspend a host or let it go on."""
        await self._podman("pause" if paused else "unpause", names.container(self.lab, name))

    async def remove(self, name: str) -> None:
        """Remove a host; none is well."""
        await self._podman(
            *("rm", "--force", "--ignore", "--time", "0", "--volumes"),
            names.container(self.lab, name),
        )

    async def run(self, name: str, script: str) -> str:
        """Run a shell script as root on a host."""
        container = names.container(self.lab, name)
        return await kernel.run(
            "podman", "exec", "--interactive", container, "sh", "-s", text=script
        )

    async def events(self) -> AsyncIterator[tuple[str, str]]:
        """Container and what happens to it: ``start`` and ``died``, as long as somebody listens."""
        process = await asyncio.create_subprocess_exec(
            # It ends with the emulator, however that ends.
            *("setpriv", "--pdeathsig", "TERM"),
            *("podman", "events", "--format", "json", "--filter", "event=start"),
            *("--filter", "event=died", "--filter", f"label=groundwork.lab={self.lab}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        try:
            async for line in process.stdout:
                event = json.loads(line)
                yield event["Name"], event["Status"]
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def all(self) -> list[str]:
        """Containers of the lab's instances; partners are none."""
        said = await kernel.run(
            *("podman", "ps", "--all", "--format", "json", "--filter", "label=groundwork.instance"),
            *("--filter", f"label=groundwork.lab={self.lab}"),
        )
        return [one["Names"][0] for one in json.loads(said or "[]")]

    async def _podman(self, *arguments: str) -> str:
        return await kernel.run("podman", *arguments)
