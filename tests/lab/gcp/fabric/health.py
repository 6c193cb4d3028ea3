"""Health checks of balancers' members, sent for real from within the network."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.lab.gcp.fabric import names, sockets
from tests.lab.gcp.fabric.model import Balancer, HealthCheck
from tests.lab.gcp.fabric.plan import PROBER

#: Certificates of members are not checked, as Google's health checks do not either.
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Probe:
    """One member to ask: where it is, and by which of its balancer's addresses."""

    service: str
    address: str
    namespace: str
    target: str
    check: HealthCheck


@dataclass
class Standing:
    """What came of the checks of a member so far."""

    healthy: bool = False
    #: Checks in a row that speak against `healthy`.
    against: int = 0

    def learn(self, good: bool, check: HealthCheck) -> bool:
        """Take an answer in; say whether the member's health changed."""
        if good == self.healthy:
            self.against = 0
            return False
        self.against += 1
        if self.against < (check.healthy if good else check.unhealthy):
            return False
        self.healthy, self.against = good, 0
        return True


def probes(namespaces: Mapping[str, str], balancers: Mapping[str, list[Balancer]]) -> set[Probe]:
    """All probes of the networks' balancers: namespaces and balancers by network.

    A passthrough balancer's members are asked at the balancer's address, as Google does: a service
    that listens to the member's own address alone is not healthy.
    """
    found: dict[tuple[str, str], Probe] = {}
    for network, those in balancers.items():
        for one in sorted(those, key=lambda balancer: balancer.key):
            if one.check is None:
                continue
            for member in one.members:
                found.setdefault(
                    (one.service, member.address),
                    Probe(one.service, member.address, namespaces[network], one.address, one.check),
                )
    return set(found.values())


class Watch:
    """Keeps asking; `changed` is awaited when a member's health has changed."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._tasks: dict[Probe, asyncio.Task[None]] = {}
        self.standings: dict[tuple[str, str], Standing] = {}

    def follow(self, wanted: set[Probe]) -> None:
        """Ask these members from now on and no others."""
        for probe in set(self._tasks) - wanted:
            self._tasks.pop(probe).cancel()
        kept = {(probe.service, probe.address) for probe in wanted}
        self.standings = {key: one for key, one in self.standings.items() if key in kept}
        for probe in wanted - set(self._tasks):
            standing = self.standings.setdefault((probe.service, probe.address), Standing())
            self._tasks[probe] = asyncio.create_task(self._ask(probe, standing))

    def healthy(self) -> frozenset[tuple[str, str]]:
        """Pairs of backend service and address that are healthy."""
        return frozenset(key for key, one in self.standings.items() if one.healthy)

    async def stop(self) -> None:
        """Ask nobody any more."""
        tasks = list(self._tasks.values())
        self._tasks = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, probe: Probe, standing: Standing) -> None:
        while True:
            began = time.monotonic()
            good = await ask(probe)
            if standing.learn(good, probe.check):
                with contextlib.suppress(Exception):
                    await self._changed()
            await asyncio.sleep(max(0.0, began + probe.check.interval - time.monotonic()))


async def ask(probe: Probe) -> bool:
    """Ask a member once."""
    try:
        async with asyncio.timeout(probe.check.timeout):
            return await _ask(probe)
    except (OSError, ssl.SSLError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return False


async def _ask(probe: Probe) -> bool:
    check = probe.check
    # The mark takes it to this member and not to the one that the balancer would choose.
    mark = names.number(probe.address)
    made = await sockets.connect(probe.namespace, PROBER, probe.target, check.port, mark)
    secure = check.kind in ("HTTPS", "HTTP2", "SSL")
    options = {"ssl": _TLS, "server_hostname": check.host or probe.target} if secure else {}
    reader, writer = await asyncio.open_connection(sock=made, **options)  # type: ignore[arg-type]
    try:
        if check.kind in ("TCP", "SSL"):
            return True
        host = check.host or probe.target
        request = f"GET {check.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        writer.write(f"{request}User-Agent: GoogleHC/1.0\r\n\r\n".encode())
        await writer.drain()
        status = await reader.readline()
        if status.split(b" ")[1:2] != [b"200"]:
            return False
        if not check.response:
            return True
        answer = await reader.read(1024)
        return check.response.encode() in answer
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
