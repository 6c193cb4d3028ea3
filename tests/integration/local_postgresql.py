"""A PostgreSQL of our own from Debian's binaries: own data, own port, TLS, ended with the test."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PASSWORD = "correct horse battery staple"


def binaries() -> Path:
    """The newest installed server; a missing one is an error, not a skipped test."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise RuntimeError(
            "PostgreSQL's server binaries are missing (/usr/lib/postgresql/*/bin): "
            "apt-get install postgresql"
        )
    return Path(found[-1])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class LocalPostgresql:
    def __init__(self) -> None:
        self.bin = binaries()
        self.home = Path(tempfile.mkdtemp(prefix="groundwork-pg-"))
        self.data = self.home / "data"
        self.ca = self.home / "server.crt"
        self.port = free_port()
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            self._identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.home, user.pw_uid, user.pw_gid)

    def run(self, *command: str, **options: Any) -> str:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self.home, **options
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {done.stdout} {done.stderr}")
        return done.stdout

    def control(self, program: str, *arguments: str) -> None:
        self.run(str(self.bin / program), "-D", str(self.data), *arguments, **self._identity)

    def create(self) -> None:
        password = self.home / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self.control(
            "initdb",
            "--username=probe",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--no-sync",
            "--no-locale",
            "--encoding=UTF8",
        )
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        keys = ["-keyout", str(self.home / "server.key"), "-out", str(self.ca)]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        self.run(*request, *subject, *keys, **self._identity)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nssl = on\n"
                f"ssl_cert_file = '{self.ca}'\nssl_key_file = '{self.home}/server.key'\n"
                f"unix_socket_directories = '{self.home}'\nshared_buffers = 16MB\n"
                "max_connections = 30\n"
            )

    def start(self) -> None:
        log = self.home / "log"
        try:
            self.control("pg_ctl", "-w", "-l", str(log), "start")
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{log.read_text()}") from error

    def stop(self) -> None:
        """As a crash: no checkpoint, every connection cut."""
        self.control("pg_ctl", "-m", "immediate", "-w", "stop")

    def processes(self) -> list[int]:
        """The server and everything it started."""
        parent = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    def freeze(self, seconds: float) -> None:
        """No answer and no closed connection: as if every packet were dropped."""
        stopped: list[int] = []
        try:
            while set(self.processes()) - set(stopped):  # the postmaster first, then who was left
                for process in set(self.processes()) - set(stopped):
                    os.kill(process, signal.SIGSTOP)
                    stopped.append(process)
            time.sleep(seconds)
        finally:
            for process in reversed(stopped):
                os.kill(process, signal.SIGCONT)

    def sql(self, statement: str) -> str:
        """Over TCP and TLS, as any client."""
        return self.run(
            str(self.bin / "psql"),
            "-XAtq",
            f"host=localhost port={self.port} user=probe dbname=postgres "
            f"sslmode=verify-full sslrootcert={self.ca}",
            "-c",
            statement,
            env={**os.environ, "PGPASSWORD": PASSWORD},
        ).strip()

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def wait_until(condition: Any, patience: float, what: str) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {patience} s"
        time.sleep(0.05)
