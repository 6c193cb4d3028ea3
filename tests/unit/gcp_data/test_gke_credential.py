"""The program beside the kubeconfig: it opens the way to a private control plane where there is none."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
LISTEN = """
import pathlib, socket, sys
pathlib.Path(sys.argv[2]).open("a").write("started ")
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
server.settimeout(20)
while True:
    if server.accept()[0].recv(3) == b"end":
        break
"""


@pytest.fixture(scope="module")
def program() -> ModuleType:
    path = ROOT / "roles/gcp_kubernetes_cluster/files/gke_credential.py"
    spec = importlib.util.spec_from_file_location("gke_credential", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_the_way_is_opened_once(program, port, tmp_path):
    said = tmp_path / "said"
    command = [sys.executable, "-c", LISTEN, str(port), str(said)]
    for _ in range(2):
        program.open_way(f"127.0.0.1:{port}", command)
    assert said.read_text() == "started "
    with socket.create_connection(("127.0.0.1", port)) as last:
        last.sendall(b"end")


def test_a_way_that_does_not_open_is_said_with_its_command(program, port):
    with pytest.raises(OSError, match=r"nothing listens on .*see what is said by: .*exit"):
        program.open_way(f"127.0.0.1:{port}", [sys.executable, "-c", "exit(3)"])


def test_words_that_stand_before_the_way_are_the_account(program, monkeypatch, capsys):
    opened: list[object] = []
    monkeypatch.setattr(program, "open_way", lambda *words: opened.append(words))
    monkeypatch.setattr(program, "status", lambda account: {"token": f"of {account}"})
    program.main(["a@b.test", "--way", "127.0.0.1:1", "x", "--idle", "9"])
    program.main(["a@b.test"])
    program.main([])
    assert opened == [("127.0.0.1:1", ["x", "--idle", "9"])]
    said = capsys.readouterr().out
    assert said.count('"of a@b.test"') == 2
    assert '"of "' in said
