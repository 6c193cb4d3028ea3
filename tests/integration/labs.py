"""Labs and playbook runs for tests: each lab has a name of its own and stands beside all others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The database cluster of inventories/lab, as playbooks about one are told it.
CLUSTER: dict[str, Any] = {"databases": "payments"}

_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)"
    r"\s+failed=(?P<failed>\d+)\s+skipped=(?P<skipped>\d+)\s+rescued=(?P<rescued>\d+)\s+ignored=(?P<ignored>\d+)",
    re.MULTILINE,
)

_FAILURE = re.compile(r"^(?:fatal|failed): .*(?:\n[ ].*)*", re.MULTILINE)


@dataclass(frozen=True)
class Recap:
    """What ansible-playbook counted for one host."""

    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int
    rescued: int
    ignored: int


@dataclass(frozen=True)
class Run:
    """A finished command of Ansible."""

    returncode: int
    output: str
    seconds: float
    recap: dict[str, Recap] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Number of changed tasks on all hosts."""
        return sum(host.changed for host in self.recap.values())

    @property
    def text(self) -> str:
        """The output in one line, as long messages are broken anywhere."""
        return " ".join(self.output.split())

    @property
    def failures(self) -> str:
        """Ansible's own words for each failed task, the last lines of the output where there are none."""
        return "\n".join(_FAILURE.findall(self.output)) or self.output[-2000:]


def refused(run: Run, *words: str) -> None:
    """The run failed, said why, and changed nothing."""
    assert run.returncode != 0
    assert run.changed == 0
    for word in words:
        assert word in run.output


def environment(**more: str) -> dict[str, str]:
    """Variables that a command of this checkout runs with, whoever calls pytest."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(ROOT / ".cache/ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
        "MOLECULE_COMMAND_BORDERS": "false",
        **more,
    }


def parse_recap(output: str) -> dict[str, Recap]:
    """Read the recap that closes the output of ansible-playbook."""
    recap = {}
    for match in _RECAP.finditer(output):
        host, *counts = match.groups()
        recap[host] = Recap(*map(int, counts))
    return recap


def _start(command: list[str], cwd: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    print("$", *command, flush=True)
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        # A process group of its own, which can be ended whole.
        start_new_session=True,
    )


def run(command: list[str], *, cwd: Path = ROOT, timeout: float = 1800, **variables: str) -> Run:
    """Run a command from the checkout's root; its output is printed, so pytest shows it on failure."""
    started = time.monotonic()
    process = _start(command, cwd, variables)
    try:
        output, _ = process.communicate(timeout=timeout)
    except BaseException:
        process.terminate()
        output, _ = process.communicate()
        print(output, flush=True)
        raise
    print(output, flush=True)
    return Run(process.returncode, output, time.monotonic() - started, parse_recap(output))


def run_until(
    line: str, command: list[str], then: Callable[[subprocess.Popen[str]], object], **variables: str
) -> int:
    """Run a command from the checkout's root; do something to it when a line of its output begins so.

    Returns its exit code, negative where a signal ended it. Fails where no such line came.
    """
    with _start(command, ROOT, variables) as process:
        assert process.stdout
        reached = False
        for said in process.stdout:
            print(said, end="", flush=True)
            if not reached and said.startswith(line):
                reached = True
                then(process)
    assert reached, f"{line} did not come"
    return process.returncode


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@dataclass(frozen=True)
class Lab:
    """A lab: the hosts of an inventory under a name of their own (letters, digits and dashes)."""

    name: str
    inventory: Path
    #: Folder of Ansible's commands.
    programs: Path = Path(sys.executable).parent
    #: Whether the inventory's clusters come up, too.
    kubernetes: bool = False

    @property
    def state(self) -> Path:
        """Folder of its keys and passwords, as the role ``lab`` has it (``lab_state_dir``)."""
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "groundwork/labs" / self.name

    def playbook(
        self, playbook: str, *arguments: str, timeout: float = 1800, **extra_vars: Any
    ) -> Run:
        """Run a playbook (a file of `playbooks/` without its suffix, or a path) and return what came of it."""
        command = self._command(playbook, *arguments, **extra_vars)
        return run(command, timeout=timeout, GROUNDWORK_LAB=self.name, PATH=self._path)

    def disturb(
        self,
        playbook: str,
        task: str,
        then: Callable[[subprocess.Popen[str]], object],
        **extra_vars: Any,
    ) -> int:
        """Run a playbook and do something when a task begins (`role : name`); return its exit code."""
        command = self._command(playbook, **extra_vars)
        return run_until(f"TASK [{task}", command, then, GROUNDWORK_LAB=self.name, PATH=self._path)

    @property
    def _path(self) -> str:
        return f"{self.programs}{os.pathsep}{os.environ['PATH']}"

    def _command(self, playbook: str, *arguments: str, **extra_vars: Any) -> list[str]:
        path = playbook if playbook.endswith(".yml") else f"playbooks/{playbook}.yml"
        command = ["ansible-playbook", "-i", str(self.inventory), path, *arguments]
        return [*command, "-e", json.dumps(extra_vars)] if extra_vars else command

    def succeed(
        self, playbook: str, *arguments: str, timeout: float = 1800, **extra_vars: Any
    ) -> Run:
        """Run a playbook that has to hold."""
        result = self.playbook(playbook, *arguments, timeout=timeout, **extra_vars)
        if result.returncode != 0:
            print(self.complaints(lines=100), flush=True)
            pytest.fail(
                f"{playbook} failed (exit {result.returncode}):\n{result.failures}\n{self.complaints(lines=5)}"
            )
        return result

    def leader(self) -> str:
        """Host of the primary of the lab's first cluster."""
        found = re.search(r"leader (\S+?)[,;. ]", self.succeed("db_status").text)
        assert found
        return found.group(1)

    def complaints(self, lines: int) -> str:
        """Units that failed and Patroni's last lines, host by host."""
        failed = "systemctl --failed --plain --no-legend | cut -d ' ' -f 1"
        ask = (
            f"{failed} | xargs --no-run-if-empty systemctl status --no-pager --lines 5;"
            f" journalctl --unit patroni --lines {lines} --quiet | cut -c 1-200"
        )
        return "\n".join(f"{host}:\n{said}" for host, said in self.ask(ask).items() if said)

    def run(self, host: str, script: str) -> str:
        """What a shell script says on a host, where it has to succeed; its first failure ends it."""
        command = ["podman", "exec", f"{self.name}-{host}", "sh", "-ec", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{host}: {script}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def ask(self, command: str) -> dict[str, str]:
        """What a shell command says on each host that runs."""
        listed = ["podman", "ps", "--format", "{{.Names}}", "--filter"]
        hosts = _said([*listed, f"label=groundwork.lab={self.name}"]).split()
        return {host: _said(["podman", "exec", host, "sh", "-c", command]) for host in hosts}

    def up(self) -> Run:
        """Boot the hosts that are not there yet."""
        return self.succeed("lab", lab_state="present", lab_kubernetes=self.kubernetes)

    def down(self) -> Run:
        """Remove the lab and all that belongs to it."""
        return self.succeed("lab", lab_state="absent")
