"""Private host, two gateways and a partner: traffic through role nat_gateway."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration.labs import Lab, Run

HOSTS = """
all:
  children:
    region_main:
      vars: {region: main, lab_attached: [main]}
      hosts:
        nat-1: {lab_id: 11, zone: a, lab_attached: [main, public]}
        nat-2: {lab_id: 12, zone: b, lab_attached: [main, public]}
        app-1: {lab_id: 21, zone: a}
        partner-1: {lab_id: 31, lab_attached: [public]}
    nat_gateways:
      vars:
        nat_gateway_private_ranges: ["10.{{ lab_octet }}.1.0/24"]
        # The partner's network is private, too.
        nat_gateway_refused_ranges: []
        # Which interface is which is not said by a name: podman numbers them as it likes.
        nat_gateway_source_address: "10.{{ lab_octet }}.3.{{ lab_id }}"
        nat_gateway_vip: "10.{{ lab_octet }}.1.100"
        nat_gateway_drain_seconds: 10
        nat_gateway_drain_quiet_seconds: 2
        # A lab host's kernel belongs to the machine.
        nat_gateway_sysctl_apply: false
        # Redirects would use up what a host may be told of what is refused.
        lab_sysctl:
          net.ipv4.ip_forward: "1"
          net.ipv4.conf.all.send_redirects: "0"
          net.ipv4.conf.default.send_redirects: "0"
          # Podman's interfaces are there before.
          net.ipv4.conf.eth0.send_redirects: "0"
          net.ipv4.conf.eth1.send_redirects: "0"
      hosts: {nat-1: {}, nat-2: {}}
    lab:
      children: {region_main: {}}
"""

#: Tells each caller its address, and keeps it.
PARTNER = """
import socketserver
class Caller(socketserver.StreamRequestHandler):
    def handle(self):
        address = self.client_address[0]
        with open("/run/callers", "a") as callers:
            callers.write(address + "\\n")
        if self.rfile.readline().startswith(b"GET"):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(f"HTTP/1.0 200 OK\\r\\nContent-Length: {len(address)}\\r\\n\\r\\n{address}".encode())
        else:
            # A long conversation: what comes goes back.
            for line in self.rfile:
                self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 1024
Server(("0.0.0.0", 8000), Caller).serve_forever()
"""

#: New connections, one each 50 ms, whatever becomes of those before; a line of JSON for each.
STREAM = """
import asyncio, json, os, sys, time
async def ask():
    reader, writer = await asyncio.open_connection(sys.argv[1], 8000)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    said = await reader.read()
    writer.close()
    return said.decode().split("\\r\\n\\r\\n")[1]
async def one():
    began, said, error = time.time(), "", ""
    try:
        said = await asyncio.wait_for(ask(), 8)
    except (OSError, asyncio.TimeoutError, IndexError) as failed:
        error = repr(failed)
    line = json.dumps({"began": began, "took": time.time() - began, "source": said, "error": error})
    os.write(1, (line + "\\n").encode())
async def main():
    tries = set()
    while not os.path.exists("/run/stream.stop"):
        tries.add(asyncio.create_task(one()))
        tries = {one for one in tries if not one.done()}
        await asyncio.sleep(0.05)
    await asyncio.gather(*tries)
asyncio.run(main())
"""


@dataclass(frozen=True)
class Try:
    """A new connection of the stream: seconds since 1970, seconds, the source that the partner saw, what failed."""

    began: float
    took: float
    source: str
    error: str

    @property
    def ended(self) -> float:
        return self.began + self.took


class World:
    """The lab of these tests, whose private host's only way out is the shared address."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        octets = lab.run("app-1", "hostname -I").split()[0].split(".")
        self.prefix = ".".join(octets[:2])
        self.vip = f"{self.prefix}.1.100"
        self.partner = f"{self.prefix}.3.31"
        self.sources = {name: f"{self.prefix}.3.{11 + n}" for n, name in enumerate(self.gateways)}

    gateways = ("nat-1", "nat-2")

    def begin(self) -> None:
        """Start the partner and lead the private host to the gateways, which need not be there yet."""
        self.lab.run("partner-1", f"cat > /srv/partner.py <<'END'\n{PARTNER}\nEND")
        self.lab.run("partner-1", "systemd-run --quiet --unit partner python3 /srv/partner.py")
        self.lab.run("app-1", f"cat > /srv/stream.py <<'END'\n{STREAM}\nEND")
        # Every default route that podman gave goes: nothing but the gateways leads out.
        self.lab.run("app-1", "ip route flush default; ip route add default via " + self.vip)

    def apply(self, *arguments: str, **variables: Any) -> Run:
        return self.lab.playbook("nat_gateways", *arguments, **variables)

    def holder(self) -> str:
        """The gateway that has the shared address."""
        [holder] = [name for name in self.gateways if self.has_address(name)]
        return holder

    def has_address(self, name: str) -> bool:
        return f"{self.vip}/32" in self.lab.run(name, "ip -4 -br address")

    def other(self, name: str) -> str:
        return next(gateway for gateway in self.gateways if gateway != name)

    def health(self, name: str, path: str = "/health") -> tuple[int, list[str]]:
        """Status and reasons that the gateway tells."""
        asked = (
            "import http.client as h, json; c = h.HTTPConnection('127.0.0.1', 7010, timeout=5);"
            f" c.request('GET', '{path}'); a = c.getresponse();"
            " print(json.dumps([a.status, json.loads(a.read())['reasons']]))"
        )
        status, reasons = json.loads(self.lab.run(name, f'python3 -c "{asked}"'))
        return status, reasons

    def becomes(self, name: str, status: int, reasons: list[str]) -> None:
        """Wait until the gateway tells this."""
        until = time.monotonic() + 30
        while (found := self.health(name)) != (status, reasons):
            assert time.monotonic() < until, found
            time.sleep(0.3)

    def callers(self) -> set[str]:
        """Addresses that the partner has seen since it was last asked."""
        said = self.lab.run("partner-1", "cat /run/callers; rm /run/callers")
        return set(said.split())

    def ask(self) -> str:
        """The source that the partner sees for one new connection."""
        url = f"http://{self.partner}:8000"
        asked = f"from urllib.request import urlopen as u; print(u('{url}', timeout=10).read().decode())"
        return self.lab.run("app-1", f'python3 -c "{asked}"')

    @contextmanager
    def stream(self) -> Iterator[list[Try]]:
        """New connections without end; the list is filled at the end."""
        self.lab.run("app-1", "rm -f /run/stream.stop")
        command = ["podman", "exec", f"{self.lab.name}-app-1", "python3", "/srv/stream.py"]
        tries: list[Try] = []
        with subprocess.Popen([*command, self.partner], stdout=subprocess.PIPE, text=True) as run:
            try:
                yield tries
            finally:
                self.lab.run("app-1", "touch /run/stream.stop")
                said, _ = run.communicate(timeout=60)
        tries += sorted(
            (Try(**json.loads(line)) for line in said.splitlines()), key=lambda t: t.began
        )

    def set_parameter(self, name: str, parameter: str, value: int) -> None:
        """Set a kernel parameter of a host's own network, from the machine, as the host's /proc/sys is read-only."""
        pid = self._podman("inspect", "--format", "{{.State.Pid}}", f"{self.lab.name}-{name}")
        command = ["nsenter", "--net", "--target", pid, "sysctl", "-qw", f"{parameter}={value}"]
        subprocess.run(command, check=True)

    def kill(self, name: str) -> None:
        self._podman("kill", "--signal", "KILL", f"{self.lab.name}-{name}")

    def start(self, name: str) -> None:
        self._podman("start", f"{self.lab.name}-{name}")
        self.becomes_reachable(name)

    def becomes_reachable(self, name: str) -> None:
        until = time.monotonic() + 60
        while "running" not in self.lab.ask("systemctl is-system-running --wait").get(
            f"{self.lab.name}-{name}", ""
        ):
            assert time.monotonic() < until, self.lab.complaints(5)

    def _podman(self, *arguments: str) -> str:
        done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()
