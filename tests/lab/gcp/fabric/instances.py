"""The life of an instance: made, started, stopped, changed, removed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from tests.lab.gcp.backend import BackendError, Resource
from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.disks import Disks, attached, show
from tests.lab.gcp.fabric.hosts import Hosts, items, user_script, users
from tests.lab.gcp.fabric.kernel import CommandError
from tests.lab.gcp.fabric.overlay import Overlay

_SCRIPT = """
set -e
for try in $(seq 100); do systemctl list-units >/dev/null 2>&1 && break; sleep 0.2; done
mkdir -p /var/lib/google
cat > /var/lib/google/startup-script <<'end-of-startup-script'
{text}
end-of-startup-script
chmod 0700 /var/lib/google/startup-script
systemctl reset-failed google-startup-scripts 2>/dev/null || true
systemd-run --quiet --unit google-startup-scripts /var/lib/google/startup-script
"""


class Instances:
    """All instances of a lab; `settle` brings the networks to what is planned now."""

    def __init__(
        self, lab: str, folder: Path, books: Overlay, settle: Callable[[], Awaitable[None]]
    ) -> None:
        self.books = books
        self.disks = Disks(folder / "disks")
        self.hosts = Hosts(lab, folder / "hosts")
        self.settle = settle
        #: First process of each instance that lives, by key.
        self.processes: dict[str, int] = {}
        #: Instances whose host is being started or stopped by the API.
        self.busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def living(self) -> dict[str, int]:
        """Those of the processes that are there at this moment: a host may end without a word."""
        return {key: one for key, one in self.processes.items() if Path(f"/proc/{one}").exists()}

    async def boot(self, resource: Resource) -> dict[str, Any]:
        """Make or start an instance; its network stands before its first process runs."""
        self._refuse_twin(resource)
        new = await self.hosts.state(resource.name) == "missing"
        with self._at_work(resource):
            try:
                await self._boot(resource)
            except BaseException:
                self.processes.pop(names.key(resource.link), None)
                # What was never there is not left half done.
                if new:
                    await self.remove(resource)
                raise
        self._later(self._run_startup_script(resource))
        return {"status": "RUNNING"}

    async def _boot(self, resource: Resource) -> None:
        name, key = resource.name, names.key(resource.link)
        legs = resource.body.get("networkInterfaces") or [{}]
        full_name = f"{name}.{resource.location}.c.{resource.project}.internal"
        folder = self.hosts.write_files(name, legs[0].get("networkIP", "127.0.1.1"), full_name)
        show(folder / "by-id", await self._devices(resource))
        self.processes[key] = await self.hosts.prepare(name)
        await self.settle()
        await self.hosts.start(name)
        await self.greet(resource)

    async def greet(self, resource: Resource) -> None:
        """Give users and keys of the metadata to a running host."""
        projects = self.books.list("cloudresourcemanager.projects", resource.project)
        common = [one.body.get("commonInstanceMetadata", {}) for one in projects]
        found = users(resource.body.get("metadata", {}), *common)
        if found:
            await self.hosts.run(resource.name, user_script(found))

    async def stop(self, resource: Resource, seconds: int = 10) -> None:
        """Shut an instance down."""
        with self._at_work(resource):
            await self.hosts.stop(resource.name, seconds)
            self.processes.pop(names.key(resource.link), None)

    async def remove(self, resource: Resource) -> None:
        """Remove an instance; its disks stay."""
        with self._at_work(resource):
            self.processes.pop(names.key(resource.link), None)
            await self.hosts.remove(resource.name)
        for link in attached(resource.body).values():
            await self.disks.detach(link)
        shutil.rmtree(self.hosts.folder / resource.name, ignore_errors=True)

    async def adopt(self, key: str, host: str) -> None:
        """Learn of a host that was started beside the API, or that outlived the emulator."""
        process = await self.hosts.process(host)
        if process:
            self.processes[key] = process
        else:
            self.processes.pop(key, None)

    async def show_disks(self, resource: Resource, before: Resource) -> None:
        """Let a host have the disks that are attached to it now."""
        devices = await self._devices(resource)
        show(self.hosts.folder / resource.name / "by-id", devices)
        gone = set(attached(before.body).values()) - set(attached(resource.body).values())
        for link in gone:
            await self.disks.detach(link)

    async def snapshot(self, snapshot: Resource) -> None:
        """Copy a disk into a snapshot, its file systems frozen meanwhile."""
        source = snapshot.body.get("sourceDisk", "")
        if not self.disks.path(source).exists():
            raise BackendError(
                "UNSUPPORTED_OPERATION",
                f"The boot disk {names.last(source)} is the host's image in the lab and cannot be "
                "copied; snapshots are made of data disks.",
            )
        user = next(
            (
                one
                for one in self.books.list("compute.instances")
                if names.key(source) in map(names.key, attached(one.body).values())
            ),
            None,
        )
        process = self.processes.get(names.key(user.link)) if user else None
        await self.disks.snapshot(source, snapshot.link, process)

    def close(self) -> None:
        """Let go of what runs on behind."""
        for task in self._tasks:
            task.cancel()

    @contextlib.contextmanager
    def _at_work(self, resource: Resource) -> Iterator[None]:
        key = names.key(resource.link)
        self.busy.add(key)
        try:
            yield
        finally:
            self.busy.discard(key)

    async def _devices(self, resource: Resource) -> dict[str, str]:
        devices = {}
        for name, link in attached(resource.body).items():
            disk = self.books.get(link)
            body = disk.body if disk else {}
            await self.make_disk(link, body)
            devices[name] = await self.disks.attach(link)
        return devices

    async def make_disk(self, link: str, body: dict[str, Any]) -> None:
        """Make the file of a disk."""
        size, source = int(body.get("sizeGb") or 10), body.get("sourceSnapshot", "")
        await self.disks.make(link, size, source)

    def _refuse_twin(self, resource: Resource) -> None:
        for other in self.books.list("compute.instances"):
            twin = other.name == resource.name and other.link != resource.link
            if twin and names.key(other.link) in self.processes:
                raise BackendError(
                    "UNSUPPORTED_OPERATION",
                    f"The lab has a host named {resource.name} already, as "
                    f"{names.key(other.link)}; its hosts need names of their own.",
                )

    async def _run_startup_script(self, resource: Resource) -> None:
        text = items(resource.body.get("metadata", {})).get("startup-script", "")
        if text:
            try:
                await self.hosts.run(resource.name, _SCRIPT.format(text=text))
            except CommandError as error:
                print(f"fabric: startup script of {resource.name}: {error}", flush=True)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
