# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The probe as a process and a directory of files on the client host."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.probe import link, program
from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError

POLL_SECONDS = 0.05
PACKAGE = "groundwork_probe"


def source_of(module: Any) -> bytes:
    """A module's own source, from Ansible's payload or from the collection."""
    package, _dot, name = module.__name__.rpartition(".")
    source = pkgutil.get_data(package, name + ".py")
    if source is None:
        raise ProbeError("payload_incomplete", f"The source of {module.__name__} is not to be had.")
    return source


class Control:
    """One probe's directory: its program, `lock`, `status.json`, `attempts.jsonl`, `program.log`."""

    def __init__(self, directory: str, probe: str) -> None:
        self.directory = os.path.join(directory, probe)
        self.attempts_file = os.path.join(self.directory, "attempts.jsonl")

    def exists(self) -> bool:
        """Whether a probe of this name has ever been started here and not been removed."""
        return os.path.exists(self.attempts_file)

    def is_running(self) -> bool:
        """Whether somebody holds the lock: only a living probe does, whatever became of its pid."""
        try:
            with open(os.path.join(self.directory, "lock"), "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def status(self) -> dict[str, Any]:
        """What the program wrote about itself last (at most 0.2 s old while it runs)."""
        try:
            with open(os.path.join(self.directory, "status.json"), encoding="utf-8") as file:
                status = json.load(file)
        except FileNotFoundError:
            return {}
        return dict(status)

    def start(self, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
        """Start the program in a session of its own; its settings go through a pipe."""
        package = os.path.join(self.directory, PACKAGE)
        os.makedirs(os.path.dirname(self.directory), mode=0o755, exist_ok=True)
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        os.makedirs(package, mode=0o700, exist_ok=True)
        for module in (link, program):
            name = module.__name__.rpartition(".")[2] + ".py"
            with open(os.path.join(package, name), "wb") as file:
                file.write(source_of(module))
        settings = dict(settings, directory=self.directory)
        with open(os.path.join(self.directory, "program.log"), "wb") as log:
            # run_command would wait for its end, and this has to outlive the module.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [sys.executable, "-m", f"{PACKAGE}.program"],
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(json.dumps(settings).encode())
        return process

    def wait_first_acknowledgement(
        self, process: subprocess.Popen[bytes], patience: float
    ) -> dict[str, Any]:
        """The status once a payment is acknowledged. Raises ProbeError `no_acknowledgement`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            status = self.status()
            if status.get("first_ack") is not None:
                return status
            if process.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
        cause = (self.status().get("last_error") or {}).get("message") or self.log_tail()
        raise ProbeError(
            "no_acknowledgement",
            f"No payment was acknowledged within {patience:g} s; last error: {cause or 'none'}.",
        )

    def log_tail(self) -> str:
        """The end of what the program said, on one line."""
        try:
            with open(os.path.join(self.directory, "program.log"), encoding="utf-8") as file:
                return " ".join(file.read().split())[-500:]
        except FileNotFoundError:
            return ""

    def stop(self, patience: float) -> None:
        """Ask the program to end and wait until it has. Raises ProbeError `not_ending`."""
        deadline = time.monotonic() + patience
        pid = self.status().get("pid")
        while self.is_running():
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGTERM)
            if time.monotonic() > deadline:
                raise ProbeError(
                    "not_ending", f"The probe (process {pid}) did not end within {patience:g} s."
                )
            time.sleep(POLL_SECONDS)
            pid = self.status().get("pid")

    def remove(self) -> bool:
        """Delete the directory; whether there was one."""
        if not os.path.isdir(self.directory):
            return False
        shutil.rmtree(self.directory)
        return True
