"""All services of examples/payments as processes on loopback, with a PostgreSQL and a Redis of their own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.labs import ROOT
from tests.integration.local_postgresql import PASSWORD, LocalPostgresql, free_port, wait_until

#: Seed 001's order, and who comes after it.
ORDER = ("identity", "commerce", "sale", "finance", "inventory", "pricing", "payment", "ledger")
SERVICES = (
    *("identity", "commerce", "sale", "finance", "inventory", "ledger", "pricing"),
    *("payment-api", "payment-worker", "signal", "client"),
)
LOGIN = "letmein"
REDIS_PASSWORD = "hush"


class Postgresql(LocalPostgresql):
    """With places for the pools of all services."""

    def create(self) -> None:
        super().create()
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("max_connections = 100\n")


class Redis:
    """Debian's package redis-tools holds the server, too: it goes by the name that it is called by."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="groundwork-redis-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if not program:
            raise RuntimeError("redis-check-rdb is missing: apt-get install redis-tools")
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "dir": self.home}
        options["requirepass"] = REDIS_PASSWORD
        command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            ["redis-server", *command], executable=program, stdout=subprocess.DEVNULL
        )
        wait_until(lambda: self.ask("PING") == "PONG", 10, "Redis answers")

    def ask(self, *command: str) -> str:
        asked = ["redis-cli", "-p", str(self.port), "--no-auth-warning", *command]
        environment = {**os.environ, "REDISCLI_AUTH": REDIS_PASSWORD}
        done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
        return done.stdout.strip()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


def ask(
    url: str, body: Any = None, method: str | None = None, timeout: float = 15, **headers: str
) -> Answer:
    """One request; JSON where the answer is some."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as given:
            status, raw, said = given.status, given.read(), dict(given.headers)
    except urllib.error.HTTPError as error:
        status, raw, said = error.code, error.read(), dict(error.headers)
    text = raw.decode()
    return Answer(status, json.loads(text) if text.startswith(("{", "[")) else text, said)


class Platform:
    """The services, their addresses, and what a person asks of them."""

    def __init__(self, postgresql: LocalPostgresql, redis: Redis, database: str) -> None:
        self.postgresql, self.redis = postgresql, redis
        self.ports = {name: free_port() for name in SERVICES}
        self.logs = Path(tempfile.mkdtemp(prefix="groundwork-payments-"))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        urls = {
            f"SERVICE_URL_{name.upper().replace('-', '_')}": f"http://127.0.0.1:{port}"
            for name, port in self.ports.items()
        }
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "examples/payments"),
            "HOST": "127.0.0.1",
            "DATABASE_URL": f"postgresql://probe@localhost:{postgresql.port}/{database}",
            "DATABASE_PASSWORD": PASSWORD,
            "DATABASE_CA": postgresql.ca.read_text(),
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
            "REDIS_PASSWORD": REDIS_PASSWORD,
            "JWT_SECRET": "s" * 48,
            "IDENTITY_PASSWORD": LOGIN,
            "WORKER_PAUSE": "0.1",
            "PENDING_TIMEOUT": "2",
            **urls,
        }

    def payments(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command line."""
        return subprocess.run(
            [sys.executable, "-m", "payments", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**self.environment, **more},
            timeout=60,
        )

    def migrate(self, *services: str) -> None:
        for service in services:
            done = self.payments("migrate", service)
            assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *services: str, **more: str) -> None:
        for name in services:
            service, _, mode = name.partition("-")
            environment = {**self.environment, "APP_SERVICE": service, "APP_MODE": mode}
            with (self.logs / name).open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "payments", "serve"],
                    env={**environment, "PORT": str(self.ports[name]), **more},
                    stdout=log,
                    stderr=log,
                )
        for name in services:
            wait_until(lambda name=name: self.ready(name), 30, f"{name} is ready")

    def stop(self, *services: str) -> None:
        for name in services:
            process = self._processes.pop(name)
            process.terminate()
            process.wait(20)

    def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def remove(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.logs, ignore_errors=True)

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}/v1/api/{name.partition('-')[0]}{path}"

    def ready(self, name: str) -> bool:
        process = self._processes[name]
        assert process.poll() is None, (self.logs / name).read_text()
        try:
            return ask(self.url(name, "/ready")).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def lines(self, name: str) -> list[dict[str, Any]]:
        """A service's log."""
        return [json.loads(line) for line in (self.logs / name).read_text().splitlines()]

    def token(self, person: str = "alice") -> str:
        given = ask(self.url("identity", "/tokens"), {"person": person, "password": LOGIN})
        assert given.status == 200, given
        return str(given.body["token"])

    def pay(self, token: str, key: str = "", sku: str = "coffee", quantity: int = 1) -> Answer:
        return ask(
            self.url("payment-api", "/payments"),
            {"sku": sku, "quantity": quantity},
            Authorization=f"Bearer {token}",
            Idempotency_Key=key or str(uuid.uuid4()),
        )

    def state(self, token: str, payment: str) -> str:
        url = self.url("payment-api", f"/payments/{payment}")
        return str(ask(url, Authorization=f"Bearer {token}").body["state"])

    def await_state(self, token: str, payment: str, state: str) -> None:
        wait_until(lambda: self.state(token, payment) == state, 20, f"{payment} is {state}")

    def balance(self, account: str) -> int:
        return int(ask(self.url("ledger", f"/balances/{account}")).body["balance"])

    def idle(self) -> bool:
        """Whether no payment is open."""
        settled = "SELECT count(*) FROM payment.payment WHERE state NOT IN ('settled', 'refused')"
        return self.sql(settled) == "0"

    def sql(self, statement: str) -> str:
        database = self.environment["DATABASE_URL"].rpartition("/")[2]
        command = [str(self.postgresql.bin / "psql"), "-XAtq", "-c", statement]
        where = f"host=localhost port={self.postgresql.port} user=probe dbname={database}"
        return self.postgresql.run(
            *(*command, where), env={**os.environ, "PGPASSWORD": PASSWORD}
        ).strip()

    def audit(self) -> None:
        """The ledger is right, and nothing is half done."""
        wait_until(self.idle, 30, "all payments are closed")
        found = ask(self.url("ledger", "/check")).body
        assert (found["sum"], found["unbalanced"], found["drifted"]) == (0, 0, 0)
        assert self.sql("SELECT balance FROM finance.account WHERE id = 'clearing'") == "0"
        half = """SELECT count(*) FROM payment.payment AS p
                  LEFT JOIN sale.purchase AS s ON s.payment = p.id
                  LEFT JOIN inventory.reservation AS r ON r.payment = p.id
                  WHERE (p.state, s.state, r.state) NOT IN
                    (('settled', 'paid', 'sold'), ('refused', 'cancelled', 'released'))"""
        assert self.sql(half) == "0"


@contextmanager
def servers() -> Iterator[tuple[Postgresql, Redis]]:
    """PostgreSQL and Redis, removed at the end."""
    with ExitStack() as stack:
        postgresql, redis = Postgresql(), Redis()
        stack.callback(postgresql.remove)
        stack.callback(redis.remove)
        postgresql.create()
        postgresql.start()
        redis.start()
        yield postgresql, redis


@contextmanager
def platform(postgresql: LocalPostgresql, redis: Redis, database: str) -> Iterator[Platform]:
    """A platform on an empty database; nothing runs yet."""
    postgresql.sql(f"CREATE DATABASE {database}")
    made = Platform(postgresql, redis, database)
    try:
        yield made
    finally:
        made.remove()
