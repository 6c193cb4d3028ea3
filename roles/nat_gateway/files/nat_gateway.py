"""Health, drain and rules of a NAT gateway.

usage: nat-gateway serve                    answers health checks on the socket that systemd hands over
       nat-gateway status                   says the same once, as JSON; fails where the gateway must get no connections
       nat-gateway load                     loads the rules, as one transaction, and notes their shape
       nat-gateway drain SECONDS QUIET MAX  health says 503 from now on; ends when no new connection has come for
                                            QUIET seconds and the established ones are silent as long, or had
                                            SECONDS; fails after MAX seconds in which new ones kept coming
       nat-gateway undrain                  takes that back

Standard library only. Settings: /etc/groundwork/nat-gateway.json.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SETTINGS = Path("/etc/groundwork/nat-gateway.json")
RULES = Path("/etc/groundwork/nat-gateway.nft")
#: Survives a reboot, so that a host that is being patched does not take connections on its own.
DRAINED = Path("/var/lib/groundwork/nat-gateway/drained")
#: Shape of the rules as they were loaded.
LOADED = Path("/run/groundwork-nat/rules.json")
TABLE = ["ip", "groundwork_nat"]
#: Seconds for which an answer holds: many checks cost as much as one.
ANSWER_HOLDS = 1.0
REQUEST_TIMEOUT = 2.0
REQUEST_MAX = 4096
ROUTE_UP = 0x1


@dataclass(frozen=True)
class Health:
    """What was found. ``reasons`` names all that keeps the gateway from forwarding; empty is healthy."""

    reasons: list[str]
    conntrack_count: int
    conntrack_max: int
    new_connections: int
    refused_packets: int

    @property
    def holds_address(self) -> bool:
        """Whether a shared address may stay here.

        A full table does not move it: that would cut all that is established, and fill the next one.
        """
        return not [reason for reason in self.reasons if reason != "conntrack_full"]


def nft(*arguments: str) -> dict[str, Any]:
    """Ask nftables; an empty answer where the table is not there or does not answer in time."""
    command = ["nft", "--json", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=3)
    except subprocess.TimeoutExpired:
        return {}
    return dict(json.loads(done.stdout)) if done.returncode == 0 and done.stdout else {}


def shape(listing: dict[str, Any]) -> list[list[Any]]:
    """Reduce a table to what later versions of nft print alike: chains, rules in each, members of each set."""
    chains: dict[str, list[Any]] = {}
    sets = []
    for entry in listing.get("nftables", []):
        if "chain" in entry:
            chain = entry["chain"]
            chains[chain["name"]] = [chain.get("hook"), chain.get("policy"), 0]
        elif "rule" in entry:
            chains[entry["rule"]["chain"]][2] += 1
        elif "set" in entry:
            sets.append(["set", entry["set"]["name"], len(entry["set"].get("elem", []))])
    return sorted([["chain", name, *told] for name, told in chains.items()] + sets)


def counters(listing: dict[str, Any]) -> dict[str, int]:
    """Packets of each named counter."""
    found = [entry["counter"] for entry in listing.get("nftables", []) if "counter" in entry]
    return {counter["name"]: counter["packets"] for counter in found}


def number(path: str) -> int:
    """Read a number of the kernel; 0 where it has none."""
    file = Path(path)
    return int(file.read_text()) if file.exists() else 0


def has_default_route(interface: str, routes: str) -> bool:
    """Whether the kernel's table (``/proc/net/route``) has a default route through an interface."""
    rows = [line.split() for line in routes.splitlines()[1:]]
    return any(
        row[0] == interface and row[1] == row[7] == "00000000" and int(row[3], 16) & ROUTE_UP
        for row in rows
    )


def settings() -> dict[str, Any]:
    """What the role wrote."""
    return dict(json.loads(SETTINGS.read_text()))


def look(options: dict[str, Any]) -> Health:
    """See whether connections that come in would go out."""
    listing = nft("list", "table", *TABLE)
    loaded = json.loads(LOADED.read_text()) if LOADED.exists() else None
    count = number("/proc/sys/net/netfilter/nf_conntrack_count")
    most = number("/proc/sys/net/netfilter/nf_conntrack_max")
    holds = {
        "drained": not DRAINED.exists(),
        "rules_missing": bool(listing),
        "rules_changed": not listing or shape(listing) == loaded,
        "forwarding_off": number("/proc/sys/net/ipv4/ip_forward") == 1,
        "no_default_route": has_default_route(
            options["interface"], Path("/proc/net/route").read_text()
        ),
        "conntrack_full": count * 100 < most * options["conntrack_full_percent"] or most == 0,
    }
    counted = counters(listing)
    return Health(
        [reason for reason, good in holds.items() if not good],
        count,
        most,
        counted.get("new_connections", 0),
        counted.get("refused", 0),
    )


def conntrack_losses(statistics: str) -> dict[str, int]:
    """Sum up what the connection table lost, over all processors (``/proc/net/stat/nf_conntrack``)."""
    lines = [line.split() for line in statistics.splitlines()]
    names = lines[0] if lines else []
    wanted = ("drop", "early_drop", "insert_failed")
    return {
        name: sum(int(row[names.index(name)], 16) for row in lines[1:])
        for name in wanted
        if name in names
    }


def metrics(health: Health) -> str:
    """Figures for Prometheus."""
    file = Path("/proc/net/stat/nf_conntrack")
    losses = conntrack_losses(file.read_text()) if file.exists() else {}
    figures = {
        "nat_gateway_healthy gauge": int(not health.reasons),
        "nat_gateway_drained gauge": int("drained" in health.reasons),
        "nat_gateway_conntrack_entries gauge": health.conntrack_count,
        "nat_gateway_conntrack_entries_max gauge": health.conntrack_max,
        "nat_gateway_new_connections_total counter": health.new_connections,
        "nat_gateway_refused_packets_total counter": health.refused_packets,
    }
    for name, lost in losses.items():
        figures[f"nat_gateway_conntrack_{name}_total counter"] = lost
    lines = []
    for told, value in figures.items():
        lines += [f"# TYPE {told}", f"{told.split()[0]} {value}"]
    return "\n".join(lines) + "\n"


class Answers:
    """What is said to whom; the world is looked at once in ``ANSWER_HOLDS`` seconds, however many ask."""

    def __init__(self, see: Callable[[], Health], clock: Callable[[], float] = time.monotonic):
        self._see, self._clock = see, clock
        self._until = 0.0
        self._health: Health | None = None

    def health(self) -> Health:
        """The last look, or a new one where that is too old."""
        if self._health is None or self._clock() >= self._until:
            self._health = self._see()
            self._until = self._clock() + ANSWER_HOLDS
        return self._health

    def answer(self, path: str) -> tuple[int, str, str]:
        """Status, content type and body for a path."""
        health = self.health()
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4", metrics(health)
        if path not in ("/health", "/vrrp"):
            return 404, "text/plain", "ask /health, /vrrp or /metrics\n"
        good = health.holds_address if path == "/vrrp" else not health.reasons
        body = {"healthy": good, **asdict(health)}
        return (200 if good else 503), "application/json", json.dumps(body) + "\n"

    def response(self, request: bytes) -> bytes:
        """The bytes that answer a request's bytes."""
        method, path = [*request.decode("latin-1").split("\r\n")[0].split(), "", ""][:2]
        if method not in ("GET", "HEAD"):
            status, kind, body = 405, "text/plain", "GET or HEAD\n"
        else:
            status, kind, body = self.answer(path.split("?")[0])
        words = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
        head = (
            f"HTTP/1.1 {status} {words[status]}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return (head + ("" if method == "HEAD" else body)).encode()


async def serve(answers: Answers, listening: socket.socket) -> None:
    """Answer until the service is stopped; who does not ask within ``REQUEST_TIMEOUT`` is let go."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_TIMEOUT)
            writer.write(answers.response(request))
            await asyncio.wait_for(writer.drain(), REQUEST_TIMEOUT)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError):
            pass
        except asyncio.LimitOverrunError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, sock=listening, limit=REQUEST_MAX)
    async with server:
        await server.serve_forever()


def load() -> None:
    """Load the rules and note their shape, by which a later change by others is seen."""
    subprocess.run(["nft", "--file", str(RULES)], check=True)
    LOADED.write_text(json.dumps(shape(nft("list", "table", *TABLE))))


def drain(seconds: float, quiet: float, most: float) -> dict[str, Any]:
    """Mark the gateway as drained and wait until nothing depends on it.

    Returns seconds until the last new connection and until the end; ``still_used`` where new ones
    kept coming for ``most``.
    """
    already = DRAINED.exists()
    if not already:
        DRAINED.parent.mkdir(parents=True, exist_ok=True)
        DRAINED.write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ\n", time.gmtime()))
    began = time.monotonic()
    seen: dict[str, tuple[int, float]] = {}
    while True:
        now = time.monotonic() - began
        counted = counters(nft("list", "counters", "table", *TABLE))
        for name in ("new_connections", "established"):
            packets = counted.get(name, 0)
            if name not in seen or seen[name][0] != packets:
                seen[name] = (packets, now)
        last_new, last_packet = seen["new_connections"][1], seen["established"][1]
        result = {"changed": not already, "last_new": round(last_new, 1), "seconds": round(now, 1)}
        if now - last_new >= quiet and (now - last_packet >= quiet or now - last_new >= seconds):
            return {**result, "still_used": False}
        if now - last_new < quiet and now >= most:
            return {**result, "still_used": True}
        time.sleep(0.25)


def undrain() -> dict[str, Any]:
    """Let the gateway take connections again."""
    changed = DRAINED.exists()
    DRAINED.unlink(missing_ok=True)
    return {"changed": changed}


def main(arguments: list[str]) -> int:
    """Do what the first argument says; the exit code tells what status and drain found."""
    verb, *rest = arguments or ["status"]
    if verb == "serve":
        # The first socket that systemd hands over (sd_listen_fds(3)).
        listening = socket.socket(fileno=3)
        asyncio.run(serve(Answers(lambda: look(settings())), listening))
    elif verb == "load":
        load()
    elif verb == "status":
        health = look(settings())
        print(json.dumps({"healthy": not health.reasons, **asdict(health)}))
        return int(bool(health.reasons))
    elif verb == "drain":
        result = drain(*(float(value) for value in rest))
        print(json.dumps(result))
        return int(result["still_used"])
    elif verb == "undrain":
        print(json.dumps(undrain()))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
