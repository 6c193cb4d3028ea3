"""What staging's roles declare, as the benches of Google Cloud take it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.declared import (
    Defaults,
    parse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.bench.commands import Done, timed
from tests.integration.gcp import Emulator
from tests.integration.kube_api import process
from tests.integration.labs import run

PROJECT, REGION = "project-1-dev-payments", "asia-southeast1"
_PREFIX = "ansible_collections.google.cloud.plugins.modules"

Body = dict[str, Any]


@dataclass(frozen=True)
class Managed:
    """A finished run of the module gcp_resources: its process and its result."""

    done: Done
    result: Mapping[str, Any]

    @property
    def actions(self) -> set[str]:
        """All that the plan does."""
        return {each["action"] for each in self.result["plan"]}


def staging(emulator: Emulator, folder: Path) -> list[Body]:
    """All resources of staging, as playbooks/provision.yml puts them together."""
    file = folder / "declared.json"
    command = ["ansible-playbook", "-i", "staging", "tests/bench/google_cloud_declare.yml"]
    variables: Any = emulator.environment
    done = run([*command, f"--extra-vars=declared_file={file}"], **variables)
    assert done.returncode == 0, done.failures
    declared: list[Body] = json.loads(file.read_text(encoding="utf-8"))
    return declared


def parsed(declared: Sequence[Body]) -> list[Resource]:
    """The same, checked and with all references resolved."""
    return parse(Definitions(), declared, Defaults(PROJECT, REGION, "present"))


def manage(
    emulator: Emulator, declared: Sequence[Body], check: bool = False, **options: Any
) -> Managed:
    """Run the module's process alone, as Ansible starts it; it has to succeed."""
    command, variables = process("gcp_resources")
    given = {"project": PROJECT, "region": REGION, "resources": declared, **options}
    arguments = {"ANSIBLE_MODULE_ARGS": {**given, "_ansible_check_mode": check}}
    done = timed(command, {**variables, **emulator.environment}, json.dumps(arguments))
    return Managed(done, json.loads(done.output))


def account(folder: Path) -> dict[str, str]:
    """Variables with which google.cloud's modules are a service account that the emulator takes."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    file = folder / "account.json"
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "bench",
        "private_key": text.decode(),
        "client_email": f"deployer@{PROJECT}.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(content), encoding="utf-8")
    return {"GCP_AUTH_KIND": "serviceaccount", "GCP_SERVICE_ACCOUNT_FILE": str(file)}


def _without_token(variables: dict[str, str]) -> dict[str, str]:
    """A service account and a token together are refused."""
    if variables["GCP_AUTH_KIND"] == "serviceaccount":
        variables.pop("GCP_ACCESS_TOKEN", None)
    return variables


def rival(emulator: Emulator, module: str, options: Body, **variables: str) -> Body:
    """Run a module of google.cloud without Ansible around it; return its result, also where it failed."""
    command, own = process("gcp_resources")
    command = [*command[:-1], f"{_PREFIX}.{module}"]
    done = subprocess.run(
        command,
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"project": PROJECT, **options}}),
        env=_without_token({**own, **emulator.environment, **variables}),
        capture_output=True,
        text=True,
        check=False,
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("{")), "")
    if not line:
        return {"failed": True, "msg": done.stderr.strip().rpartition("\n")[2]}
    found: Body = json.loads(line)
    return found
