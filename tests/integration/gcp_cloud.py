"""Google Cloud played on this machine, hosts and all, and staging's playbooks against it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.kube_api import build
from tests.integration.labs import ROOT, Run, environment, run

PROJECT = "project-1-dev-payments"
#: Asks a web server for a page every 50 ms for some seconds; prints each answer's last word, or why there was none.
ASK = """
import sys, time, urllib.request
until = time.time() + float(sys.argv[2])
while time.time() < until:
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=2).read().decode().split()[-1])
    except OSError as error:
        print(type(error).__name__)
    time.sleep(0.05)
"""
#: Tells each caller its address.
WHO = """
import http.server
class Who(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = self.client_address[0].encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(('', 80), Who).serve_forever()
"""


class Cloud:
    """A cloud under a name of its own, whose files lie in a folder of that name."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.folder = folder
        # Tests measure times, and say themselves when snapshots are taken.
        self.emulator = Emulator(folder, ("--fabric", self.name, "--clock", "stands"))
        # Staging, what differs where the fabric plays it, and what a test has written there.
        own = folder / "inventory"
        self.inventories = ["-i", "staging", "-i", "tests/lab/gcp/inventory", "-i", str(own)]

    # -- life
    def start(self) -> None:
        """Begin with nothing."""
        self.fabric("purge")
        (self.folder / "ssh").mkdir(parents=True, mode=0o700)
        key = self.folder / "ssh/id_ed25519"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key)]
        subprocess.run(command, check=True)
        self.write()
        self.emulator.start()

    def stop(self) -> None:
        """Leave nothing."""
        self.emulator.stop()
        self.fabric("purge")

    def fabric(self, *words: str) -> dict[str, list[str]]:
        """Do something with what there is of it on this machine; what is there afterwards."""
        command = [sys.executable, "-m", "tests.lab.gcp.fabric", self.name]
        command += ["--state", str(self.folder), *words]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        found: dict[str, list[str]] = json.loads(done.stdout or "{}")
        return found

    def partner(self, name: str, address: str) -> None:
        """Boot a host that stands outside, and tells callers their addresses at port 80."""
        self.fabric("partner", name, address)
        until(lambda: self.attempt(name, "systemctl is-active multi-user.target").returncode == 0)
        serve = "cat > /srv/who; systemd-run --quiet --unit who python3 /srv/who"
        self.run(name, serve, given=WHO)

    # -- playbooks
    def write(self, **variables: Any) -> None:
        """Write variables of all hosts into an inventory beside staging's, as a person does."""
        written = self.folder / "inventory/group_vars/all.yml"
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps(variables), encoding="utf-8")
        (self.folder / "inventory/hosts.yml").write_text("all: {}\n", encoding="utf-8")

    @property
    def variables(self) -> dict[str, Any]:
        """What a person has in the environment."""
        return {
            **self.emulator.environment,
            "GROUNDWORK_CLOUD": str(self.folder),
        }

    def play(self, playbook: str, *options: str, timeout: float = 3600, **given: Any) -> Run:
        """Run a playbook against staging."""
        path = playbook if playbook.endswith(".yml") else f"playbooks/{playbook}.yml"
        more = ("-e", json.dumps(given)) if given else ()
        command = ["ansible-playbook", *self.inventories, path, *options, *more]
        return run(command, timeout=timeout, **self.variables)

    def succeed(self, playbook: str, *options: str, **given: Any) -> Run:
        """Run a playbook that has to hold."""
        done = self.play(playbook, *options, **given)
        if done.returncode != 0:
            pytest.fail(f"{playbook} failed (exit {done.returncode}):\n{done.failures}")
        print(f"{playbook}: {done.seconds:.0f} s")
        return done

    def inventory(self) -> dict[str, Any]:
        """What the inventory finds."""
        listed = subprocess.run(
            ["ansible-inventory", *self.inventories, "--list"],
            cwd=ROOT,
            env=environment(**self.variables),
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(listed.stdout)
        return found

    def kubectl(self, *words: str, context: str = "staging-failover") -> str:
        """What kubectl says by the kubeconfig that provisioning has written."""
        config = self.folder / "keep/kubeconfig"
        command = [str(build()), "kubectl", "--kubeconfig", str(config), "--context", context]
        done = run([*command, *words], **self.variables)
        assert done.returncode == 0, done.output
        return done.output

    # -- hosts
    def attempt(self, host: str, script: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a shell script on a host."""
        command = ["podman", "exec", "--interactive", f"{self.name}-{host}", "sh", "-ec", script]
        return subprocess.run(command, capture_output=True, text=True, check=False, input=given)

    def run(self, host: str, script: str, given: str = "") -> str:
        """What a shell script says on a host, where it has to succeed."""
        done = self.attempt(host, script, given)
        assert done.returncode == 0, f"{host}: {script}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def seen(self, host: str, url: str, seconds: float = 1) -> set[str]:
        """What a web server answers a host within some seconds."""
        return set(self.run(host, f"python3 - {url} {seconds}", given=ASK).split())

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call Compute Engine as a person would, in staging's project."""
        answer = self.emulator.compute(method, f"{PROJECT}/{path}", body)
        assert answer.status == 200, answer.message
        found: dict[str, Any] = answer.body
        return found


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.2)
