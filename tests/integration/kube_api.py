"""A Kubernetes API of one's own on loopback: etcd, API server and controllers, no nodes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.integration.labs import ROOT, environment

#: Users that the API knows, and their tokens.
ADMIN, NOBODY = "admin-token", "nobody-token"
#: Seconds until everything answers.
PATIENCE = 120.0


@dataclass(frozen=True)
class Api:
    """The API server, its CA and its program."""

    url: str
    folder: Path
    program: Path

    @property
    def ca_cert(self) -> Path:
        """File that its certificate is verified with."""
        return self.folder / "certs/apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """Its administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as the administrator."""
        done = self._kubectl(*arguments)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """One object or a list, as kubectl get takes it."""
        found: dict[str, Any] = json.loads(self.kubectl("get", "-o", "json", *arguments))
        return found

    def apply(self, manifest: str) -> None:
        """Apply a manifest's text as kubectl does."""
        command = [str(self.program), "kubectl", f"--kubeconfig={self.kubeconfig}", "apply", "-f-"]
        done = subprocess.run(command, input=manifest, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{manifest}: {done.stderr}"

    def await_(self, good: Callable[[], bool]) -> None:
        """Wait until something holds; fail with the logs of all parts."""
        _await(good, self.folder)

    def ready(self) -> bool:
        """Whether API and controllers do their work: each namespace gets its account."""
        return (
            self._kubectl("get", "serviceaccount", "default", "--request-timeout=2s").returncode
            == 0
        )

    def _kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.program), "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def build() -> Path:
    """The program of all parts, compiled where it is not there yet."""
    done = subprocess.run(
        [ROOT / "tools/build-kube"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment(),
    )
    return Path(done.stdout.strip()) / "kube"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    log: Path, command: list[str], variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends, in the folder of its log."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=log.parent, env=variables
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def api(folder: Path) -> Iterator[Api]:
    """Run an API until the block ends."""
    program = build()
    client, peer, port = free_port(), free_port(), free_port()
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(
        f'{ADMIN},admin,1,"system:masters"\n{NOBODY},nobody,2,"nobodies"\n'
    )
    served = Api(f"https://127.0.0.1:{port}", folder, program)
    served.kubeconfig.write_text(yaml.safe_dump(_kubeconfig(served)))
    parts = {
        "etcd": [
            "--data-dir=etcd",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
        ],
        "kube-apiserver": [
            f"--etcd-servers=http://127.0.0.1:{client}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--cert-dir=certs",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
        ],
        "kube-controller-manager": [
            f"--kubeconfig={served.kubeconfig}",
            f"--service-account-private-key-file={key}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
    }
    with ExitStack() as stack:
        for name, arguments in parts.items():
            stack.enter_context(running(folder / f"{name}.log", [str(program), name, *arguments]))
            if name == "kube-apiserver":
                _await(served.ca_cert.exists, folder)
        _await(served.ready, folder)
        yield served


def _kubeconfig(served: Api) -> dict[str, Any]:
    cluster = {"server": served.url, "certificate-authority": str(served.ca_cert)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": ADMIN}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
        "current-context": "lab",
    }


def _await(good: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not good():
        if time.monotonic() > deadline:
            logs = {log.name: log.read_text()[-1500:] for log in folder.glob("*.log")}
            raise AssertionError(f"The API did not come up: {logs}")
        time.sleep(0.2)


def process(name: str) -> tuple[list[str], dict[str, str]]:
    """Command and variables that run one of the collection's modules without Ansible around it."""
    command = [
        sys.executable,
        "-m",
        f"ansible_collections.groundwork.platform.plugins.modules.{name}",
    ]
    return command, environment(PYTHONPATH=str(ROOT / ".ansible/collections"))


def direct(name: str, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
    """Run one of the collection's modules without Ansible around it, in a third of the time.

    Return what it returned, also where it failed.
    """
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
    command, variables = process(name)
    done = subprocess.run(
        command,
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def module(name: str, *flags: str, callback: str = "ansible.posix.json", **options: Any) -> str:
    """Run one of the collection's modules by Ansible; return all that it printed."""
    done = subprocess.run(
        [
            "ansible",
            "localhost",
            f"--module-name=groundwork.platform.{name}",
            f"--args={json.dumps(options)}",
            "--extra-vars=ansible_python_interpreter={{ ansible_playbook_python }}",
            *flags,
        ],
        cwd=ROOT,
        env=environment(ANSIBLE_LOAD_CALLBACK_PLUGINS="1", ANSIBLE_STDOUT_CALLBACK=callback),
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done.stdout


def result(name: str, *flags: str, **options: Any) -> dict[str, Any]:
    """Run one of the collection's modules by Ansible; return what it returned, also where it failed."""
    printed = json.loads(module(name, *flags, **options))
    found: dict[str, Any] = printed["plays"][0]["tasks"][0]["hosts"]["localhost"]
    return found
