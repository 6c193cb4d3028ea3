"""ordered_migrations with commands on a host: real processes, a file as history."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.kube_api import direct, process
from tests.integration.migrations import one, states

Body = dict[str, Any]
Run = Callable[..., Body]


def script(name: str, text: str = "true", **more: Any) -> Body:
    return {"name": name, "command": ["sh", "-c", text], "backoff_limit": 0, **more}


@pytest.fixture
def options(tmp_path: Path) -> Body:
    return {"target": "command", "history_file": str(tmp_path / "history.json"), "version": "1"}


@pytest.fixture
def run(options: Body) -> Run:
    def migrate(*services: Body, check: bool = False, **more: Any) -> Body:
        given = {**options, "services": list(services), **more}
        return direct("ordered_migrations", check=check, **given)

    return migrate


def begin(options: Body, *services: Body) -> subprocess.Popen[str]:
    command, variables = process("ordered_migrations")
    begun = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    )
    assert begun.stdin
    begun.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "services": services}}))
    begun.stdin.close()
    return begun


def await_file(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_order_environment_and_a_second_run(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    services = [
        script("sale", f"echo sale $MODE >> {log}", needs=["identity"], environment={"MODE": 1}),
        script("identity", f"sleep 0.3; echo identity >> {log}"),
    ]
    assert set(states(run(*services, check=True)).values()) == {"would_run"}
    assert not log.exists()
    done = run(*services)
    assert set(states(done).values()) == {"done"}
    assert log.read_text().splitlines() == ["identity", "sale 1"]
    again = run(*services)
    assert (set(states(again).values()), again["changed"]) == ({"skipped"}, False)
    assert len(log.read_text().splitlines()) == 2
    refused = run(script("identity", "echo other"))
    assert refused["reason"] == "changed_definition"


def test_a_failure_has_its_tries_and_last_words_and_is_not_run_again_by_itself(
    run: Run, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    text = f"echo relation orders does not exist; test -e {mark} || exit 3"
    services = [
        script("sale", text, backoff_limit=1),
        script("finance", needs=["sale"]),
        script("ledger"),
    ]
    done = run(*services)
    assert states(done) == {"sale": "failed", "finance": "left_out", "ledger": "done"}
    assert len(one(done, "sale")["failures"]) == 2
    assert "exit code 3 (Error): relation orders does not exist" in done["msg"]
    assert run(*services)["reason"] == "failed_before"
    mark.touch()
    done = run(*services, retry_failed=True)
    assert states(done) == {"sale": "done", "finance": "done", "ledger": "skipped"}


def test_one_that_hangs_is_ended_with_all_that_it_began(run: Run, tmp_path: Path) -> None:
    child = tmp_path / "child"
    done = run(script("sale", f"sleep 60 & echo $! > {child}; wait", deadline=1))
    assert "DeadlineExceeded" in done["msg"]
    state = Path("/proc", child.read_text().strip(), "stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_two_runs_are_kept_apart_and_a_killed_one_is_not_taken_for_done(
    run: Run, options: Body, tmp_path: Path
) -> None:
    """What a killed run began works on: nothing begins beside it."""
    mark, short, log = tmp_path / "begun", tmp_path / "short", tmp_path / "log"
    text = f"echo $$ > {mark}.new; mv {mark}.new {mark}; until test -e {short}; do sleep 0.1; done; echo ended >> {log}"
    service = script("sale", text)
    begun = begin(options, service)
    await_file(mark)
    command = f"sale: pid {mark.read_text().strip()}"
    refused = run(service, other_run="refuse")
    assert (refused["reason"], f"run: pid {begun.pid}, {command}" in refused["msg"]) == (
        "busy",
        True,
    )
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    refused = run(service, other_run="refuse", retry_failed=True)
    assert (refused["reason"], command in refused["msg"]) == ("busy", True)
    threading.Timer(1, short.touch).start()
    refused = run(service)
    assert refused["reason"] == "failed_before"
    assert "its run was cut short" in refused["msg"]
    assert log.read_text() == "ended\n"
    assert states(run(service, retry_failed=True)) == {"sale": "done"}


def test_what_a_command_leaves_at_work_keeps_nobody_away(run: Run, tmp_path: Path) -> None:
    child = tmp_path / "child"
    service = script("sale", f"sleep 60 > /dev/null 2>&1 & echo $! > {child}")
    assert states(run(service)) == {"sale": "done"}
    assert states(run(service, other_run="refuse")) == {"sale": "skipped"}
    os.kill(int(child.read_text()), signal.SIGKILL)


def test_a_program_that_is_not_there_fails_its_migration_alone(run: Run, tmp_path: Path) -> None:
    none = tmp_path / "none"
    services = [{"name": "sale", "command": [str(none)]}, script("ledger")]
    done = run(*services)
    assert states(done) == {"sale": "failed", "ledger": "done"}
    assert one(done, "sale")["reason"] == "command_failed"
    assert (
        f"exit code 127 (CannotRun): [Errno 2] No such file or directory: '{none}'" in done["msg"]
    )
    assert run(*services)["reason"] == "failed_before"


@pytest.mark.parametrize(
    "service, reason",
    [
        (script("a", image="busybox"), "jobs_only"),
        (script("a", gates=[{"tcp": "h:1"}]), "jobs_only"),
        ({"name": "a"}, "no_command"),
        (script("a", needs=["a"]), "cycle"),
    ],
)
def test_bad_input_is_met_before_anything_starts(run: Run, service: Body, reason: str) -> None:
    assert run(service)["reason"] == reason


def test_a_file_that_is_no_history_is_named(run: Run, options: Body) -> None:
    Path(options["history_file"]).write_text("[]")
    refused = run(script("a"))
    assert refused["reason"] == "bad_history"
    assert options["history_file"] in refused["msg"]
