"""The program of role nat_gateway: what it concludes from what the kernel says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "roles/nat_gateway/files/nat_gateway.py"


@pytest.fixture(scope="module")
def program() -> Any:
    spec = importlib.util.spec_from_file_location("nat_gateway_program", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their own module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


LISTING: dict[str, Any] = {
    "nftables": [
        {"metainfo": {"version": "1.1.3"}},
        {"table": {"name": "groundwork_nat"}},
        {"counter": {"name": "new_connections", "packets": 7, "bytes": 420}},
        {"set": {"name": "private_ranges", "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}]}},
        {"set": {"name": "refused_ranges"}},
        {"chain": {"name": "forward", "hook": "forward", "policy": "drop", "prio": 0}},
        {"rule": {"chain": "forward", "handle": 5}},
        {"rule": {"chain": "forward", "handle": 6}},
    ]
}
ROUTES = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t0103AB0A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "eth1\t0001AB0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    "eth2\t00000000\t0103AB0A\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"
)


def without(kind: str) -> dict[str, Any]:
    entries = [entry for entry in LISTING["nftables"] if kind not in entry]
    return {"nftables": entries}


def test_shape_goes_by_rules_and_members_not_by_counters_or_versions(program: Any) -> None:
    loaded = program.shape(LISTING)
    assert program.shape(without("metainfo")) == loaded
    assert program.shape(without("counter")) == loaded
    assert program.shape(without("rule")) != loaded
    assert program.shape(without("set")) != loaded
    lost = {"nftables": [*LISTING["nftables"][:-1]]}
    assert program.shape(lost) != loaded
    assert program.counters(LISTING) == {"new_connections": 7}


@pytest.mark.parametrize(
    "interface, there", [("eth0", True), ("eth1", False), ("eth2", False), ("eth9", False)]
)
def test_a_default_route_counts_when_it_is_up_and_leads_outside(
    program: Any, interface: str, there: bool
) -> None:
    assert program.has_default_route(interface, ROUTES) is there


def health(program: Any, *reasons: str) -> Any:
    return program.Health(list(reasons), 10, 100, 7, 0)


def answer(program: Any, path: str, *reasons: str) -> tuple[int, str]:
    answers = program.Answers(lambda: health(program, *reasons))
    status, _kind, body = answers.answer(path)
    return status, body


def test_what_is_wrong_is_said(program: Any) -> None:
    assert answer(program, "/health")[0] == 200
    status, body = answer(program, "/health", "forwarding_off")
    assert (status, json.loads(body)["reasons"]) == (503, ["forwarding_off"])
    assert answer(program, "/other")[0] == 404


def test_a_full_table_turns_balancers_away_and_does_not_move_the_address(program: Any) -> None:
    assert answer(program, "/health", "conntrack_full")[0] == 503
    assert answer(program, "/vrrp", "conntrack_full")[0] == 200
    assert answer(program, "/vrrp", "conntrack_full", "drained")[0] == 503


def test_metrics_hold_what_alerts_ask(program: Any) -> None:
    _status, body = answer(program, "/metrics", "drained")
    for line in (
        "nat_gateway_healthy 0",
        "nat_gateway_drained 1",
        "nat_gateway_conntrack_entries 10",
        "nat_gateway_conntrack_entries_max 100",
        "nat_gateway_new_connections_total 7",
    ):
        assert line in body.splitlines()


def test_losses_are_summed_over_processors(program: Any) -> None:
    statistics = "entries drop early_drop insert_failed\n0a 01 02 0f\n0a 01 00 01\n"
    losses = program.conntrack_losses(statistics)
    assert losses == {"drop": 2, "early_drop": 2, "insert_failed": 16}
    assert program.conntrack_losses("") == {}


def test_the_world_is_looked_at_once_a_second(program: Any) -> None:
    now, looks = [0.0], []

    def see() -> Any:
        looks.append(now[0])
        return health(program)

    answers = program.Answers(see, lambda: now[0])
    for moment in (0.0, 0.5, 0.99, 1.0, 1.5, 2.1):
        now[0] = moment
        answers.health()
    assert looks == [0.0, 1.0, 2.1]


def test_it_answers_requests_and_outlives_nonsense(program: Any) -> None:
    async def ask(request: bytes, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        said = await reader.read()
        writer.close()
        return said

    async def talk() -> list[bytes]:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        served = asyncio.create_task(
            program.serve(program.Answers(lambda: health(program)), listening)
        )
        said = [
            await ask(request, port)
            for request in (
                b"\x00\xff\r\n\r\n",
                b"GET " + b"x" * 5000 + b"\r\n\r\n",
                b"POST /health HTTP/1.1\r\n\r\n",
                b"HEAD /health HTTP/1.1\r\n\r\n",
                b"GET /health?from=here HTTP/1.0\r\n\r\n",
            )
        ]
        served.cancel()
        return said

    nonsense, long, post, head, get = asyncio.run(talk())
    assert nonsense.startswith(b"HTTP/1.1 405")
    assert long == b""
    assert post.startswith(b"HTTP/1.1 405")
    assert head.startswith(b"HTTP/1.1 200")
    assert head.endswith(b"\r\n\r\n")
    assert get.startswith(b"HTTP/1.1 200")
    assert b'"healthy": true' in get


def drained(program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **counts: Any) -> Any:
    """Drain with counters that give these packets at each second, under a clock that sleeping moves."""
    clock = [0.0]
    monkeypatch.setattr(program, "DRAINED", tmp_path / "state/drained")
    monkeypatch.setattr(program.time, "monotonic", lambda: clock[0])

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    def listing(*_arguments: str) -> dict[str, Any]:
        told = {name: count(clock[0]) for name, count in counts.items()}
        return {"nftables": [{"counter": {"name": n, "packets": int(c)}} for n, c in told.items()]}

    monkeypatch.setattr(program.time, "sleep", sleep)
    monkeypatch.setattr(program, "nft", listing)
    return program.drain(30, 5, 60)


def test_drain_ends_when_nothing_comes_any_more(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = drained(
        program,
        monkeypatch,
        tmp_path,
        new_connections=lambda now: min(now, 4),
        established=lambda now: min(now, 8),
    )
    assert not result["still_used"]
    assert (result["last_new"], result["seconds"]) == (4.0, 13.0)
    assert (tmp_path / "state/drained").exists()


def test_long_connections_get_their_seconds_and_no_more(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = drained(
        program,
        monkeypatch,
        tmp_path,
        new_connections=lambda now: min(now, 4),
        established=lambda now: now,
    )
    assert (result["still_used"], result["seconds"]) == (False, 34.0)


def test_a_gateway_that_still_gets_connections_is_not_drained(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = drained(
        program,
        monkeypatch,
        tmp_path,
        new_connections=lambda now: now,
        established=lambda now: now,
    )
    assert (result["still_used"], result["seconds"]) == (True, 60.0)
