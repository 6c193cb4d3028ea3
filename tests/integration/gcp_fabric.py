"""A fabric under a small world of resources, without the emulator's API before it."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import create, names
from tests.lab.gcp.fabric.partner import partner
from tests.lab.gcp.fabric.purge import Leftovers, find, purge
from tests.unit.gcp_fabric.world import Books


class Ground:
    """Resources that become real as they are created; its loop runs in a thread of its own."""

    def __init__(self, lab: str, directory: Path) -> None:
        self.lab = lab
        self.directory = directory
        self.books = Books()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.wait(purge(lab, directory))
        self.fabric = create(lab, self.books, directory)
        self.wait(self.fabric.start())

    def wait(self, work: Coroutine[Any, Any, Any], timeout: float = 300) -> Any:
        """Do something in the fabric's loop and return what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def create(self, *resources: Resource) -> None:
        """Make resources real, all at once."""

        async def all_at_once() -> None:
            await asyncio.gather(*(self.fabric.created(one) for one in resources))

        self.wait(all_at_once())

    def change(self, resource: Resource, method: str, **fields: Any) -> Resource:
        """Change a resource as a method does: reality first, then the books."""
        after = replace(resource, body={**resource.body, **fields})
        extra = self.wait(self.fabric.changed(resource, after, f"{resource.type}.{method}"))
        after.body.update(extra)
        self.books.held[names.key(resource.link)] = after
        return after

    def delete(self, *resources: Resource) -> None:
        """Delete resources one after the other."""
        for one in resources:
            self.wait(self.fabric.deleted(one))
            del self.books.held[names.key(one.link)]
            # What belongs to a balancer comes again without being told of, see `balancer`.
            self.fabric.books.stays(one)

    def partner(self, name: str, address: str) -> None:
        """Boot a host that stands outside."""
        self.wait(partner(self.lab, name, address))

    def run(self, host: str, script: str) -> str:
        """What a script says on a host, where it has to succeed."""
        code, said = self.attempt(host, script)
        assert code == 0, f"{host}: {script}: {said}"
        return said

    def attempt(self, host: str, script: str) -> tuple[int, str]:
        """Exit code and words of a script on a host."""
        command = ["podman", "exec", f"{self.lab}-{host}", "sh", "-ec", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    def start(self, host: str, script: str) -> subprocess.Popen[str]:
        """Run a script on a host meanwhile."""
        command = ["podman", "exec", f"{self.lab}-{host}", "sh", "-ec", script]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def booted(self, *hosts: str) -> None:
        """Wait until systemd of hosts has come up."""
        for host in hosts:
            until(functools.partial(self._answers, host))

    def _answers(self, host: str) -> bool:
        return self.attempt(host, "systemctl is-active ssh")[0] == 0

    def reaches(self, host: str, address: str, port: int) -> bool:
        """Whether a host gets a connection."""
        script = f"import socket; socket.create_connection(('{address}', {port}), 1).close()"
        return self.attempt(host, f'python3 -c "{script}"')[0] == 0

    def left(self) -> Leftovers:
        """What there is of the lab on this machine."""
        found: Leftovers = self.wait(find(self.lab, self.directory))
        return found

    def close(self) -> None:
        """Remove everything."""
        self.wait(self.fabric.stop())
        self.wait(purge(self.lab, self.directory))
        self._loop.call_soon_threadsafe(self._loop.stop)


def until(condition: Callable[[], object], seconds: float = 90) -> float:
    """Wait for something; return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, f"not so after {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began
