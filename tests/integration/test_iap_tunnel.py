"""The client of IAP tunnels against the emulator's relay: real TCP behind it, connections that break."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.tunnel import Tunnel
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.words import (
    Target,
    TunnelError,
)

from tests.integration.labs import ROOT
from tests.lab.gcp.backend import Resource
from tests.lab.gcp.iap import Relay
from tests.lab.gcp.ingress import lets_in

PROJECT, ZONE = "project-1-dev-payments", "asia-southeast1-a"
PROGRAM = [sys.executable, str(ROOT / "playbooks/files/iap_tunnel")]


def instance(name: str = "app-1", **body: Any) -> Resource:
    nic = {"network": f"projects/{PROJECT}/global/networks/platform", "networkIP": "127.0.0.1"}
    full = {"networkInterfaces": [nic], "status": "RUNNING", **body}
    link = f"projects/{PROJECT}/zones/{ZONE}/instances/{name}"
    return Resource("compute.instances", PROJECT, ZONE, name, full, link)


def firewall(name: str = "iap", **body: Any) -> Resource:
    full = {
        "network": f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/networks/platform",
        "direction": "INGRESS",
        "sourceRanges": ["35.235.240.0/20"],
        "allowed": [{"IPProtocol": "tcp"}],
        **body,
    }
    full = {key: value for key, value in full.items() if value is not None}
    link = f"projects/{PROJECT}/global/firewalls/{name}"
    return Resource("compute.firewalls", PROJECT, "global", name, full, link)


class Books:
    """A world of a few resources."""

    def __init__(self, *resources: Resource) -> None:
        self.resources = resources

    def get(self, link: str) -> Resource | None:
        return next((one for one in self.resources if one.link == link), None)

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        return [one for one in self.resources if (one.type, one.project) == (type, project)]

    def update(self, link: str, fields: dict[str, Any]) -> None:
        raise NotImplementedError(link, fields)


def user(authorization: str) -> str:
    if authorization != "Bearer good":
        raise PermissionError("invalid token")
    return "deployer"


@dataclass
class World:
    """A relay, and something that sends back what comes."""

    relay: Relay
    url: str
    echo: int
    session: aiohttp.ClientSession

    def tunnel(self, token: str = "good", **target: Any) -> Tunnel:
        async def get() -> str:
            return token

        where = {"project": PROJECT, "zone": ZONE, "instance": "app-1", "port": self.echo}
        return Tunnel(Target(**{**where, **target}), self.session, get, self.url, 10)


@contextlib.asynccontextmanager
async def a_world(*resources: Resource) -> AsyncIterator[World]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
            if data.endswith(b"bye"):
                break
        writer.close()

    echoes = await asyncio.start_server(echo, "127.0.0.1", 0)
    relay = Relay(
        Books(*(resources or (instance(), firewall()))),
        user,
        lambda _user, one, _port: one.name != "closed-1",
    )
    # As the emulator mounts it: requests without an application.
    server = web.Server(relay.handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v4"
    async with aiohttp.ClientSession() as session:
        try:
            yield World(relay, url, echoes.sockets[0].getsockname()[1], session)
        finally:
            listening.close()
            await server.shutdown(1)
            echoes.close()


def in_world(test: Callable[[World], Awaitable[Any]], *resources: Resource) -> Any:
    async def run() -> Any:
        async with a_world(*resources) as world:
            return await asyncio.wait_for(test(world), 60)

    return asyncio.run(run())


async def becomes(true: Callable[[], bool]) -> None:
    """Wait until something holds; the test's own time ends it."""
    while not true():
        await asyncio.sleep(0.01)


async def received(tunnel: Tunnel, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = await tunnel.read()
        assert piece, "ended too early"
        data += piece
    return data


def test_bytes_come_back_and_the_instances_end_is_an_end():
    async def talk(world: World) -> None:
        tunnel = world.tunnel()
        await tunnel.open()
        await tunnel.write(b"hello")
        assert await received(tunnel, 5) == b"hello"
        await tunnel.write(b"bye")
        assert await received(tunnel, 3) == b"bye"
        assert await tunnel.read() == b""
        await becomes(lambda: not world.relay.sessions)

    in_world(talk)


def test_what_breaks_is_taken_up_again_without_a_byte_lost_or_doubled():
    data = secrets.token_bytes(6_000_000)

    async def talk(world: World) -> None:
        tunnel = world.tunnel()
        await tunnel.open()
        sending = asyncio.ensure_future(tunnel.write(data))
        came = bytearray()
        breaks = [100_000, 900_000, 2_000_000, 4_000_000]
        while len(came) < len(data):
            came += await tunnel.read()
            if breaks and len(came) > breaks[0]:
                breaks.pop(0)
                assert world.relay.drop() == 1
        await sending
        assert bytes(came) == data
        assert tunnel.reconnects == 4
        # Memory of what is confirmed is given back on both sides.
        [session] = world.relay.sessions.values()
        await becomes(lambda: len(session.kept) <= 65536)
        await tunnel.close()

    in_world(talk)


def test_a_session_that_the_relay_forgot_cannot_be_taken_up():
    async def talk(world: World) -> None:
        tunnel = world.tunnel()
        await tunnel.open()
        await tunnel.write(b"hello")
        await received(tunnel, 5)
        world.relay.drop()
        world.relay.sessions.clear()
        with pytest.raises(TunnelError) as failed:
            await tunnel.read()
        assert failed.value.reason == "session_lost"
        with pytest.raises(TunnelError):
            await tunnel.write(b"more")

    in_world(talk)


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"token": "old"}, "unauthorized"),
        ({"instance": "closed-1"}, "not_authorized"),
        ({"instance": "nobody"}, "instance_not_found"),
        ({"zone": "asia-southeast1-b"}, "instance_not_found"),
        ({"interface": "nic1"}, "instance_not_found"),
        ({"instance": "off-1"}, "backend_unreachable"),
        ({"port": 1}, "backend_unreachable"),
    ],
)
def test_refusals_have_their_reasons(changed: dict[str, Any], reason: str):
    async def open_it(world: World) -> str:
        with pytest.raises(TunnelError) as failed:
            await world.tunnel(**changed).open()
        return failed.value.reason

    others = instance("closed-1"), instance("off-1", status="TERMINATED")
    assert in_world(open_it, instance(), firewall(), *others) == reason


@pytest.mark.parametrize(
    "rules, open_",
    [
        ([], False),
        ([{}], True),
        ([{"sourceRanges": ["10.0.0.0/8"]}], False),
        ([{"sourceRanges": None}], True),
        ([{"sourceRanges": None, "sourceTags": ["x"]}], False),
        ([{"sourceRanges": ["0.0.0.0/0"]}], True),
        ([{"allowed": [{"IPProtocol": "tcp", "ports": ["80", "20-25"]}]}], True),
        ([{"allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}], False),
        ([{"allowed": [{"IPProtocol": "udp"}]}], False),
        ([{"targetTags": ["bastion"]}], True),
        ([{"targetTags": ["nat"]}], False),
        ([{"targetServiceAccounts": ["bastion@p"]}], True),
        ([{"targetServiceAccounts": ["nat@p"]}], False),
        ([{"network": "projects/p/global/networks/other"}], False),
        ([{"disabled": True}], False),
        ([{"direction": "EGRESS"}], False),
        ([{}, {"allowed": None, "denied": [{"IPProtocol": "all"}], "priority": 1000}], False),
        ([{}, {"allowed": None, "denied": [{"IPProtocol": "all"}], "priority": 65000}], True),
    ],
)
def test_the_firewall_decides(rules: list[dict[str, Any]], open_: bool):
    one = instance(tags={"items": ["bastion"]}, serviceAccounts=[{"email": "bastion@p"}])
    assert lets_in([firewall(f"r{n}", **rule) for n, rule in enumerate(rules)], one, 0, 22) is open_


def environment() -> dict[str, str]:
    others = {key: value for key, value in os.environ.items() if "PROXY" not in key.upper()}
    return {**others, "GCP_AUTH_KIND": "accesstoken", "GCP_ACCESS_TOKEN": "good"}


def test_the_program_carries_standard_input_and_output():
    async def talk(world: World) -> None:
        where = ["--project", PROJECT, "--zone", ZONE, "--relay", world.url]
        run = await asyncio.create_subprocess_exec(
            *PROGRAM, "stdio", *where, "app-1", str(world.echo),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        assert run.stdin
        assert run.stdout
        run.stdin.write(b"x" * 100_000)
        assert await run.stdout.readexactly(100_000) == b"x" * 100_000
        run.stdin.write(b"bye")
        assert await run.stdout.read() == b"bye"
        assert await run.wait() == 0

    in_world(talk)


def test_the_program_ends_when_its_input_ends():
    async def talk(world: World) -> None:
        where = ["--project", PROJECT, "--zone", ZONE, "--relay", world.url]
        run = await asyncio.create_subprocess_exec(
            *PROGRAM, "stdio", *where, "app-1", str(world.echo),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        assert run.stdin
        run.stdin.write(b"hello")
        assert run.stdout
        assert await run.stdout.readexactly(5) == b"hello"
        run.stdin.close()
        assert await run.wait() == 0
        await becomes(lambda: not world.relay.sessions)

    in_world(talk)


def test_the_program_listens_for_many():
    async def talk(world: World) -> None:
        where = ["--project", PROJECT, "--zone", ZONE, "--relay", world.url, "--local", "0"]
        run = await asyncio.create_subprocess_exec(
            *PROGRAM, "listen", *where, "app-1", str(world.echo),
            stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        assert run.stderr
        port = int((await run.stderr.readline()).decode().rsplit(":", 1)[1])

        async def one(number: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            said = f"{number} bye".encode()
            writer.write(said)
            assert await reader.read() == said
            writer.close()

        try:
            await asyncio.gather(*(one(number) for number in range(8)))
        finally:
            run.terminate()
            await run.wait()

    in_world(talk)


def test_the_program_says_what_is_wrong():
    async def talk(world: World) -> str:
        where = ["--project", PROJECT, "--zone", ZONE, "--relay", world.url]
        run = await asyncio.create_subprocess_exec(
            *PROGRAM, "stdio", *where, "nobody", "22",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        _out, said = await run.communicate()
        assert run.returncode == 1
        return said.decode()

    said = in_world(talk)
    assert said.startswith(f"iap_tunnel: instance_not_found: nobody:22 ({PROJECT}, {ZONE}, nic0): ")
    assert "Traceback" not in said
