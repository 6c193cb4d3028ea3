"""From nothing to the newest tables in the seed's order; every other order is refused with what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.integration.local_postgresql import wait_until
from tests.unit.payments.platform import ORDER, Platform, ask

#: Transactions that are open in the test's own database.
AT_WORK = (
    """FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"""
)


def last(text: str) -> dict[str, str]:
    return dict(json.loads(text.splitlines()[-1]))


def test_from_nothing_to_head_in_the_seeds_order_and_again(running: Platform) -> None:
    # What runs has come from nothing, in that order.
    newest = {
        entry["service"]: entry["revision"]
        for entry in json.loads(running.payments("migrations").stdout)
    }
    assert sorted(newest) == sorted(ORDER)
    for service, revision in newest.items():
        assert running.sql(f"SELECT version_num FROM {service}.alembic_version") == revision
    again = running.payments("migrate", "commerce")
    assert (again.returncode, last(again.stdout)["message"]) == (0, "migration done")


def test_out_of_order_is_refused_and_changes_nothing(empty: Platform) -> None:
    refused = empty.payments("migrate", "sale")
    assert refused.returncode == 3
    assert last(refused.stdout)["reason"] == (
        "sale_0001 needs identity_0001; sale_0001 needs commerce_0001: "
        "run the migrations of commerce, identity first."
    )
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('sale', 'identity')"
    assert empty.sql(schemas) == "0"


def test_one_that_fails_is_undone_and_can_be_tried_again(empty: Platform) -> None:
    failed = empty.payments("migrate", "identity", FAULTS="migrate-fail")
    assert (failed.returncode, last(failed.stdout)["message"]) == (1, "migration failed")
    assert empty.sql("SELECT to_regclass('identity.person')") == ""
    empty.migrate("identity")


def test_a_lost_database_is_told_and_undone(empty: Platform) -> None:
    with ThreadPoolExecutor(1) as aside:
        running = aside.submit(
            empty.payments, "migrate", "identity", FAULTS="migrate-sleep:seconds=4"
        )
        wait_until(lambda: empty.sql(f"SELECT count(*) {AT_WORK}") == "1", 20, "it is at work")
        empty.sql(f"SELECT pg_terminate_backend(pid) {AT_WORK}")
        done = running.result()
    assert done.returncode == 1, done.stdout + done.stderr
    assert last(done.stdout)["message"] == "migration failed"
    assert empty.sql("SELECT to_regclass('identity.person')") == ""
    empty.migrate("identity")


def test_two_at_once_do_it_once(empty: Platform) -> None:
    with ThreadPoolExecutor(2) as both:
        done = list(
            both.map(
                lambda faults: empty.payments("migrate", "identity", FAULTS=faults),
                ["migrate-sleep:seconds=0.5"] * 2,
            )
        )
    assert [one.returncode for one in done] == [0, 0], [one.stdout for one in done]


def test_one_that_hangs_ends_by_a_signal(empty: Platform) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "payments", "migrate", "identity"],
        env={**empty.environment, "FAULTS": "migrate-hang"},
    )
    wait_until(lambda: empty.sql(f"SELECT count(*) {AT_WORK}") == "1", 20, "it is at work")
    process.terminate()
    assert process.wait(10) == 143
    assert empty.sql("SELECT to_regclass('identity.person')") == ""


def test_a_database_that_is_away_is_told(empty: Platform) -> None:
    done = empty.payments("migrate", "identity", DATABASE_URL="postgresql://probe@127.0.0.1:1/x")
    assert (done.returncode, last(done.stdout)["message"]) == (1, "migration failed")


def test_who_waits_for_a_database_goes_on_with_its_primary(empty: Platform) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "payments", "wait"],
        env={**empty.environment, "DATABASE_URL": "postgresql://probe@127.0.0.1:1/x"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert last(process.stdout.readline())["message"] == "waits for the database"
    process.terminate()
    assert process.wait(10) == 143
    process.stdout.close()
    assert empty.payments("wait").returncode == 0


def test_a_service_waits_for_its_tables(empty: Platform) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "payments", "serve"],
        env={**empty.environment, "APP_SERVICE": "identity", "PORT": str(empty.ports["identity"])},
        stdout=subprocess.DEVNULL,
    )
    try:

        def status(path: str) -> int:
            try:
                return ask(empty.url("identity", path)).status
            except OSError:
                return 0

        wait_until(lambda: status("/live") == 200, 20, "it lives")
        assert ask(empty.url("identity", "/ready")).body == {"waits_for": "migration"}
        assert status("/health") == 503
        empty.migrate("identity")
        wait_until(lambda: status("/ready") == 200, 5, "it is ready")
        assert status("/health") == 200
    finally:
        process.terminate()
        begun = time.monotonic()
        assert process.wait(15) == 0
        assert time.monotonic() - begun < 5
