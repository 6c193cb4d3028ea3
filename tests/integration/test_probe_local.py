"""The probe and its verifier against a real server that crashes in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import (
    read_attempts,
)
from ansible_collections.groundwork.platform.plugins.module_utils.probe.arguments import ARGUMENTS
from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError
from ansible_collections.groundwork.platform.plugins.module_utils.probe.runner import (
    Options,
    Runner,
)

from tests.integration.local_postgresql import PASSWORD, LocalPostgresql, wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgresql]:
    postgresql = LocalPostgresql()
    try:
        postgresql.create()
        postgresql.start()
        yield postgresql
    finally:
        postgresql.remove()


class Probe:
    """The module's logic with the module's own defaults."""

    def __init__(self, server: LocalPostgresql, directory: Path, name: str) -> None:
        self.given = {
            "id": name,
            "directory": str(directory),
            "login_host": "localhost",
            "login_port": server.port,
            "login_user": "probe",
            "login_password": PASSWORD,
            "ca_cert": str(server.ca),
        }

    def options(self, state: str, **more: Any) -> Options:
        defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
        return Options.of({**defaults, **self.given, "state": state, **more})

    def run(self, state: str, check_mode: bool = False, **more: Any) -> dict[str, Any]:
        return Runner(self.options(state, **more), check_mode).run()


@pytest.fixture
def probe(
    server: LocalPostgresql, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Probe]:
    one = Probe(server, tmp_path, request.node.name.replace("[", "-").rstrip("]"))
    yield one
    one.run("absent")


def test_crash_is_measured_and_every_loss_is_named(server: LocalPostgresql, probe: Probe) -> None:
    started = probe.run("started", duration=60, rate=100)
    assert started["changed"]
    assert started["probe"]["running"]
    assert not probe.run("started", duration=60, rate=100)["changed"]
    time.sleep(1)
    crashed = time.time()
    server.stop()
    time.sleep(1)
    server.start()
    back = time.time()
    wait_until(
        lambda: (probe.run("status")["probe"]["last_ack"] or 0) > back, 10, "acknowledgements"
    )
    time.sleep(0.5)
    result = probe.run("stopped")
    found = result["probe"]
    assert result["changed"]
    assert not found["running"]

    gap = found["gaps"][0]
    assert gap["start"] <= crashed + 0.3
    assert gap["end"] >= crashed + 1
    assert gap["seconds"] == pytest.approx(gap["end"] - gap["start"], abs=1e-3)
    assert found["failed_attempts"] > 0
    # An open loop: what fell due in the outage was paid later (or shed, past the backlog).
    assert found["acknowledged"] + found["unacknowledged"] + found["shed"] >= 100 * (
        found["ended_at"] - found["started_at"] - 0.5
    )
    verification = found["verification"]
    assert verification["missing"] == 0
    assert verification["duplicates"] == 0
    assert verification["rows"] == found["acknowledged"] + verification["unacknowledged_present"]
    assert found["servers"][0]["server"] == "127.0.0.1"
    assert found["servers"][0]["timeline"] == 1

    # The verifier can fail: take one acknowledged row, and bring one nobody was told of.
    identifier = found["id"]
    victim = next(one.key for one in read_attempts(found["result_file"]) if one.ok)
    server.sql(f"DELETE FROM groundwork_probe WHERE idempotency_key = '{victim}'")
    server.sql(
        "INSERT INTO groundwork_probe (idempotency_key, probe, amount, attempt)"
        f" VALUES ('{identifier}-silent', '{identifier}', 1.00, 1)"
    )
    again = probe.run("stopped")
    assert not again["changed"]
    assert again["probe"]["verification"]["missing"] == 1
    assert again["probe"]["verification"]["missing_keys"] == [victim]
    assert f"{identifier}-silent" in again["probe"]["verification"]["unacknowledged_keys"]
    assert (
        again["probe"]["verification"]["unacknowledged_present"]
        == verification["unacknowledged_present"] + 1
    )


def test_silence_is_given_up_and_its_end_is_noticed(server: LocalPostgresql, probe: Probe) -> None:
    probe.run("started", duration=60, statement_timeout=0.5, connect_timeout=0.5)
    time.sleep(0.5)
    server.freeze(2.5)
    resumed = time.time()
    wait_until(
        lambda: probe.run("status")["probe"]["last_ack"] > resumed + 0.3, 10, "acknowledgements"
    )
    found = probe.run("stopped")["probe"]
    assert found["errors"]["statement:timeout"] > 0
    assert found["errors"]["connect:timeout"] > 0
    assert 2.4 <= found["gaps"][0]["seconds"] <= 4
    assert found["gaps"][0]["end"] - resumed < 1
    assert found["verification"]["missing"] == 0
    assert found["verification"]["duplicates"] == 0


def test_repeated_payment_is_one_row_and_is_written_again(
    server: LocalPostgresql, probe: Probe
) -> None:
    """A lock keeps the commit waiting past the deadline: the payment is repeated under its key."""
    probe.run("started", duration=60, rate=10, workers=2, statement_timeout=0.5)
    server.sql("BEGIN; LOCK TABLE groundwork_probe; SELECT pg_sleep(1.5); COMMIT")
    seen = time.time()
    wait_until(lambda: probe.run("status")["probe"]["last_ack"] > seen, 10, "acknowledgements")
    found = probe.run("stopped")["probe"]
    assert found["errors"]["statement:timeout"] > 0
    assert found["verification"]["missing"] == 0
    assert found["verification"]["duplicates"] == 0
    repeated = [one for one in read_attempts(found["result_file"]) if one.ok and one.attempt > 1]
    stored = server.sql(
        f"SELECT attempt FROM groundwork_probe WHERE idempotency_key = '{repeated[0].key}'"
    )
    assert int(stored) == repeated[0].attempt


def test_warning_during_a_payment_is_no_acknowledgement(
    server: LocalPostgresql, probe: Probe
) -> None:
    """As after a cancelled wait for a standby: the server says success, and warns."""
    probe.run("started", duration=60, rate=20)
    server.sql(
        "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE WARNING 'local only'; RETURN NEW; END$$;"
        " CREATE TRIGGER warn BEFORE INSERT ON groundwork_probe"
        " FOR EACH ROW EXECUTE FUNCTION warn()"
    )
    time.sleep(1)
    server.sql("DROP FUNCTION warn CASCADE")
    found = probe.run("stopped")["probe"]
    assert found["errors"]["statement:warning"] > 0
    assert found["verification"]["missing"] == 0


def test_ends_by_itself_and_may_be_verified_later(probe: Probe) -> None:
    probe.run("started", duration=1.5)
    wait_until(lambda: not probe.run("status")["probe"]["running"], 10, "end")
    result = probe.run("stopped")
    assert not result["changed"]
    assert result["probe"]["end_reason"] == "duration"
    assert result["probe"]["acknowledged"] == 75
    with pytest.raises(ProbeError, match="already run here") as refused:
        probe.run("started", duration=1.5)
    assert refused.value.reason == "id_in_use"


def test_killed_probe_still_counts(probe: Probe) -> None:
    pid = probe.run("started", duration=60)["probe"]["pid"]
    os.kill(pid, 9)
    wait_until(lambda: not probe.run("status")["probe"]["running"], 5, "death")
    found = probe.run("stopped")["probe"]
    assert found["end_reason"] == "killed"
    assert found["verification"]["missing"] == 0
    assert found["verification"]["rows"] >= found["acknowledged"] > 0


def test_wrong_password_fails_with_the_cause_and_leaves_nothing(
    probe: Probe, tmp_path: Path
) -> None:
    with pytest.raises(ProbeError, match="password authentication failed") as failed:
        probe.run("started", duration=5, login_password="wrong")
    assert failed.value.reason == "unreachable"
    assert "wrong" not in str(failed.value)
    assert list(tmp_path.iterdir()) == []


def test_wrong_ca_is_refused(probe: Probe) -> None:
    with pytest.raises(ProbeError, match="certificate"):
        probe.run("started", duration=5, ca_cert="/etc/ssl/certs/ca-certificates.crt")


def test_verification_without_a_server_fails_but_keeps_the_record(
    server: LocalPostgresql, probe: Probe
) -> None:
    probe.run("started", duration=30)
    server.stop()
    try:
        result = probe.run("stopped", verify_timeout=1)
    finally:
        server.start()
    assert result["failed"]
    assert result["reason"] == "verification_failed"
    assert result["probe"]["verification"] is None
    assert result["probe"]["acknowledged"] > 0
    assert probe.run("stopped")["probe"]["verification"]["missing"] == 0


def test_check_mode_writes_nothing(server: LocalPostgresql, probe: Probe, tmp_path: Path) -> None:
    server.sql("DROP TABLE IF EXISTS groundwork_probe")
    assert probe.run("started", check_mode=True, duration=5)["changed"]
    assert list(tmp_path.iterdir()) == []
    assert server.sql("SELECT to_regclass('groundwork_probe') IS NULL") == "t"
    probe.run("started", duration=30)
    assert probe.run("stopped", check_mode=True)["changed"]
    assert probe.run("absent", check_mode=True)["changed"]
    assert probe.run("status")["probe"]["running"]


def test_absent_removes_process_files_and_rows(
    server: LocalPostgresql, probe: Probe, tmp_path: Path
) -> None:
    pid = probe.run("started", duration=30)["probe"]["pid"]
    assert probe.run("absent", drop_table=True)["changed"]
    wait_until(lambda: not Path(f"/proc/{pid}/cmdline").read_bytes(), 5, "end of the process")
    assert list(tmp_path.iterdir()) == []
    assert server.sql("SELECT to_regclass('groundwork_probe') IS NULL") == "t"
    assert not probe.run("absent")["changed"]


def test_module_starts_a_probe_that_outlives_it_and_hides_the_password(
    server: LocalPostgresql, tmp_path: Path
) -> None:
    """Through Ansible's own payload: the program comes out of it."""
    playbook = tmp_path / "playbook.json"
    given = Probe(server, tmp_path / "probe", "payload").given

    def module(state: str, **more: Any) -> dict[str, Any]:
        arguments, answer = {**given, "state": state, **more}, tmp_path / "answer.json"
        call = {"groundwork.platform.transaction_probe": arguments, "register": "result"}
        save = {"ansible.builtin.copy": {"content": "{{ result }}", "dest": str(answer)}}
        interpreter = {"ansible_python_interpreter": sys.executable}
        play = {"hosts": "localhost", "gather_facts": False, "vars": interpreter}
        playbook.write_text(json.dumps([{**play, "tasks": [call, save]}]))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-v", str(playbook)],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections")},
        )
        assert PASSWORD not in done.stdout + done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(answer.read_text()))

    try:
        started = module("started", duration=60)
        assert started["changed"], started
        pid = started["probe"]["pid"]
        for name in ("cmdline", "environ"):
            assert PASSWORD.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert [path for path in files if PASSWORD in path.read_text()] == [playbook]
        stopped = module("stopped")
        assert stopped["probe"]["verification"]["missing"] == 0
        assert stopped["probe"]["acknowledged"] > 0
    finally:
        module("absent")
