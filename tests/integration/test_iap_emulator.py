"""The client of IAP tunnels against the emulator as a whole: its proxy, TLS, books, rules, bindings and faults."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.integration.gcp import Emulator
from tests.integration.iap_world import (
    PROGRAM,
    PROJECT,
    WHERE,
    instance,
    let_in,
    listening,
    network,
)


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def port(emulator: Emulator) -> Iterator[int]:
    """Something that answers at the internal address of the instance app-1; its network is loopback."""
    with Server(("127.20.0.5", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        network(emulator, "127.20.0.0/24")
        instance(emulator, "app-1", "127.20.0.5", "ssh")
        instance(emulator, "hidden-1", "127.20.0.6")
        let_in(emulator, "allow-iap", port, "ssh")
        yield port
        server.shutdown()


def ask(gcp: Emulator, name: str, port: int, **more: str) -> tuple[int, str, str]:
    """A line through the program's standard input and output."""
    command = [*PROGRAM, "stdio", *WHERE, name, str(port)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**gcp.variables, **more},
    ) as run:
        assert run.stdin
        assert run.stdout
        assert run.stderr
        run.stdin.write("hello\n")
        run.stdin.flush()
        answer = run.stdout.readline()
        run.stdin.close()
        return run.wait(60), answer, run.stderr.read()


def test_a_line_comes_back(gcp: Emulator, port: int):
    assert ask(gcp, "app-1", port) == (0, "hello\n", "")


def test_a_local_port_leads_there(gcp: Emulator, port: int):
    with listening(gcp, "app-1", port) as local:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", local), 30) as connection:
                connection.sendall(b"hello\n")
                assert connection.recv(100) == b"hello\n"


@pytest.mark.parametrize(
    "name, more, reason",
    [
        ("hidden-1", {}, "backend_unreachable"),
        ("nobody", {}, "instance_not_found"),
        ("app-1", {"GCP_ACCESS_TOKEN": "old"}, "unauthorized"),
        ("app-1", {"HTTPS_PROXY": "http://127.0.0.1:9"}, "relay_lost"),
    ],
)
def test_what_is_refused_is_said(
    gcp: Emulator, port: int, name: str, more: dict[str, str], reason: str
):
    if "HTTPS_PROXY" in more:
        more = {**more, "https_proxy": more["HTTPS_PROXY"]}
    status, answer, said = ask(gcp, name, port, **more)
    assert (status, answer) == (1, "")
    assert said.startswith(f"iap_tunnel: {reason}: {name}:{port}"), said
    assert "Traceback" not in said


def test_who_has_no_right_is_told_which(gcp: Emulator, port: int):
    rule = {
        "match": {"method": "iap.tunnelInstances.accessViaIAP", "name": "app-1"},
        "effect": {"permission": True},
    }
    with gcp.faults(rule):
        status, _answer, said = ask(gcp, "app-1", port)
    assert status == 1
    assert "not_authorized" in said
    assert "roles/iap.tunnelResourceAccessor" in said
    assert PROJECT in said
