"""Figures of health_check beside a loop of ansible.builtin.uri, written to artifacts/bench/health.json.

1,000 HTTP endpoints, 5% of them slow and 2% dead, with a time-out of 1 s and no retries; the loop asks
a sample with the same shares, once, and is scaled. Nothing but the counts fails the
run: a target that was missed is said in the table and in the file. BENCH_RUNS sets the number of rounds (3).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bench.commands import timed
from tests.bench.measures import Measure, Measures
from tests.integration.kube_api import free_port, process
from tests.integration.labs import ROOT, run

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
OUTPUT = ROOT / "artifacts/bench/health.json"
ENDPOINTS = 1000
#: What a loop over all of them would take is estimated from so many, with as large a part slow and dead.
SAMPLE = 100
#: A tag that no task has: what Ansible takes before and after any task.
NOTHING = "nothing"

Endpoints = list[dict[str, Any]]


@pytest.fixture(scope="module")
def measures() -> Iterator[Measures]:
    """Measures of the whole file; printed at its end, also when a test has failed."""
    found = Measures(OUTPUT)
    yield found
    found.show()


@pytest.fixture
def ports() -> Iterator[tuple[int, int, int]]:
    """Where all is well or slow, where nobody listens, and where nobody takes connections any more."""
    with ExitStack() as stack:
        command = [sys.executable, str(ROOT / "tests/bench/health_server.py")]
        server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(server.terminate)
        assert server.stdout
        port = int(server.stdout.readline())
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _place in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield port, free_port(), full.getsockname()[1]


def endpoints(ports: tuple[int, int, int], count: int) -> Endpoints:
    """5% slow, 2% dead (one half refuses, the other is silent), mixed among those that are well."""
    port, refusing, silent = ports
    found = []
    for number in range(count):
        place = f"127.1.{number // 250}.{number % 250 + 1}:{port}"
        if number % 20 == 3:
            place = f"127.1.9.{number // 20 + 1}:{port}"
        elif number % 100 == 50:
            place = f"127.0.0.1:{refusing}"
        elif number % 100 == 99:
            place = f"127.0.0.1:{silent}"
        found.append({"name": f"e{number}", "http": {"url": f"http://{place}/health"}})
    return found


def by_playbook(tag: str, wanted: Endpoints, folder: Path) -> float:
    """Seconds of a whole run of Ansible."""
    file = folder / "variables.json"
    file.write_text(json.dumps({"endpoints": wanted}))
    done = run(
        ["ansible-playbook", "tests/bench/health.yml", f"--tags={tag}", f"--extra-vars=@{file}"]
    )
    assert done.returncode == 0, done.failures
    return done.seconds


def test_a_thousand_endpoints(
    ports: tuple[int, int, int], tmp_path: Path, measures: Measures
) -> None:
    found: dict[str, list[float]] = {}
    wanted = endpoints(ports, ENDPOINTS)
    arguments = {"checks": wanted, "defaults": {"timeout": 1}, "budget": {"checks": "100%"}}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    start = by_playbook(NOTHING, [], tmp_path)
    loop = by_playbook("loop", endpoints(ports, SAMPLE), tmp_path)
    scaled = start + (loop - start) * ENDPOINTS / SAMPLE
    for _round in range(RUNS):
        done = timed(*process("health_check"), given)
        told = json.loads(done.output)
        # Who has no processor for a second may miss an answer, too: that is told, and no reason to end.
        missed = told["counts"]["failed"] - 70
        assert missed >= 0
        whole = by_playbook("health_check", wanted, tmp_path)
        for name, value in {
            "module": done.seconds,
            "asking": told["seconds"],
            "healthy-called-failed": missed,
            "megabytes": done.megabytes,
            "p95-milliseconds": told["latency"]["p95"],
            "playbook": whole,
            "playbook-to-loop": whole / scaled,
        }.items():
            found.setdefault(name, []).append(round(value, 4 if value < 1 else 2))
    found["empty-playbook"] = [round(start, 2)]
    found[f"loop-estimated-from-{SAMPLE}"] = [round(scaled, 1)]
    for name, values in found.items():
        measures.add(f"health/{ENDPOINTS}-endpoints/{name}", Measure(values))
