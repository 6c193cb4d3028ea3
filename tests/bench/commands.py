"""Commands as the benches run them."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from tests.integration.labs import ROOT


@dataclass(frozen=True)
class Done:
    """A finished command: what it printed, its time, and the most memory that it had (MB)."""

    output: str
    seconds: float
    megabytes: float


def timed(command: list[str], variables: dict[str, str], given: str = "") -> Done:
    """Run a command that has to succeed."""
    started = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=variables,
        cwd=ROOT,
        text=True,
    ) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write(given)
        running.stdin.close()
        output = running.stdout.read()
        _pid, status, used = os.wait4(running.pid, 0)
        seconds = time.monotonic() - started
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, output[-2000:]
    return Done(output, seconds, used.ru_maxrss / 1024)
