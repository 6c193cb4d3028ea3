"""A real Velero beside an API of one's own: the server as a process, its plugin for S3, and a store in memory."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.integration.kube_api import Api, api, free_port, running
from tests.integration.labs import ROOT, Run, environment, run

NAMESPACE = "nx-internal"


@dataclass(frozen=True)
class Velero:
    """A server, and the cluster that it is in."""

    kube: Api
    folder: Path
    programs: Path
    variables: dict[str, str]

    def cli(self, *arguments: str) -> str:
        """Run the command velero."""
        done = subprocess.run(
            [str(self.programs / "velero"), f"--namespace={NAMESPACE}", *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"velero {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def location(self, name: str, port: int, frequency: str = "2s", default: bool = False) -> None:
        """Make a place for backups; it is looked at every ``frequency``."""
        spec = {
            "provider": "aws",
            "default": default,
            "objectStorage": {"bucket": "backups"},
            "validationFrequency": frequency,
            "config": {
                "region": "lab",
                "s3ForcePathStyle": "true",
                "s3Url": f"http://127.0.0.1:{port}",
                # The store's program does not know those that are newer than MD5.
                "checksumAlgorithm": "",
            },
        }
        self._make("BackupStorageLocation", name, spec)
        self.kube.await_(lambda: bool(self.phase("backupstoragelocation", name)))

    def backup(self, name: str, **spec: Any) -> None:
        """Ask for a backup as another tool would, and wait for its end."""
        self._make("Backup", name, spec)
        ends = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")
        self.kube.await_(lambda: self.phase("backup", name) in ends)

    def phase(self, kind: str, name: str) -> str:
        """What Velero says of an object."""
        found = self.kube.get(f"{kind}.velero.io", name, "-n", NAMESPACE)
        return str(found.get("status", {}).get("phase", ""))

    def names(self, kind: str) -> set[str]:
        """Objects of a kind of Velero's."""
        found = self.kube.get(f"{kind}.velero.io", "-n", NAMESPACE)["items"]
        return {entry["metadata"]["name"] for entry in found}

    def playbook(self, name: str, *arguments: str, **extra_vars: str) -> Run:
        """Run one of the playbooks on the cluster."""
        return run(
            [
                "ansible-playbook",
                f"--inventory={self.folder / 'hosts.yml'}",
                f"playbooks/{name}.yml",
                f"--extra-vars={json.dumps(extra_vars)}",
                *arguments,
            ]
        )

    def succeed(self, name: str, *arguments: str, **extra_vars: str) -> Run:
        """Run a playbook that has to end well."""
        done = self.playbook(name, *arguments, **extra_vars)
        assert done.returncode == 0, done.output
        return done

    def refuse(self, name: str, **extra_vars: str) -> str:
        """Run a playbook that has to refuse before anything is changed; return what it said."""
        before = [self.names(kind) for kind in ("backup", "restore")]
        done = self.playbook(name, **extra_vars)
        assert done.returncode == 2, done.output
        assert done.changed == 0
        assert "Nothing was changed." in done.text, done.text
        assert [self.names(kind) for kind in ("backup", "restore")] == before
        return done.text

    @contextmanager
    def store(self, port: int) -> Iterator[subprocess.Popen[bytes]]:
        """Run a store with an empty bucket."""
        command = [str(self.programs / "gofakes3"), f"-host=127.0.0.1:{port}", "-backend=memory"]
        log = self.folder / f"store-{port}.log"
        with running(log, [*command, "-initialbucket=backups"]) as process:
            yield process

    @contextmanager
    def server(self) -> Iterator[None]:
        """Run the server."""
        command = [
            str(self.programs / "velero"),
            "server",
            f"--namespace={NAMESPACE}",
            f"--plugin-dir={self.folder / 'plugins'}",
            f"--metrics-address=127.0.0.1:{free_port()}",
        ]
        with running(self.folder / "velero.log", command, self.variables):
            yield

    def _make(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        body = {
            "apiVersion": "velero.io/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": spec,
        }
        self.kube.apply(yaml.safe_dump(body))


def build() -> Path:
    """The folder of Velero's programs, compiled where they are not there yet."""
    done = subprocess.run(
        [ROOT / "tools/build-velero"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment(),
    )
    return Path(done.stdout.strip())


@contextmanager
def installed(folder: Path) -> Iterator[Velero]:
    """An API with Velero's definitions and its place, and nobody who does its work yet."""
    programs = build()
    with api(folder) as kube:
        credentials = folder / "cloud"
        credentials.write_text("[default]\naws_access_key_id=lab\naws_secret_access_key=lab\n")
        variables = {
            **os.environ,
            "KUBECONFIG": str(kube.kubeconfig),
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "HOME": str(folder),
            "VELERO_SCRATCH_DIR": str(folder),
            "VELERO_NAMESPACE": NAMESPACE,
            "NO_PROXY": "127.0.0.1",
        }
        velero = Velero(kube, folder, programs, variables)
        # Each program in this folder is taken for a plugin.
        (folder / "plugins").mkdir()
        plugin = "velero-plugin-for-aws"
        (folder / "plugins" / plugin).symlink_to(programs / plugin)
        kube.apply(velero.cli("install", "--crds-only", "--dry-run", "-o", "yaml"))
        kube.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
        kube.kubectl("create", "namespace", NAMESPACE)
        # Velero reads its own Deployment before each restore; the process below does the work.
        own = ("create", "deployment", "velero", "-n", NAMESPACE)
        kube.kubectl(*own, "--image=localhost/velero", "--replicas=0")
        _inventory(folder, kube)
        yield velero


@contextmanager
def velero_running(folder: Path) -> Iterator[Velero]:
    """A Velero that works."""
    with installed(folder) as velero, ExitStack() as stack:
        port = free_port()
        stack.enter_context(velero.store(port))
        stack.enter_context(velero.server())
        velero.location("default", port, default=True)
        velero.kube.await_(lambda: velero.phase("backupstoragelocation", "default") == "Available")
        yield velero


def _inventory(folder: Path, kube: Api) -> None:
    clusters = {
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "kube_kubeconfig": str(kube.kubeconfig),
            "kube_namespaces": {"pay-app": {}, "pay-off": {"enabled": False}},
        },
        "hosts": {"cluster-main": {}},
    }
    inventory = {"all": {"children": {"kube_clusters": clusters}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
