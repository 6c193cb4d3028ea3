"""The roles gcp_* of an inventory against an emulator."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import dns.message
import dns.query

from tests.integration.gcp import Emulator
from tests.integration.gcp_world import Result, manage
from tests.integration.labs import ROOT
from tests.unit.gcp_roles.roles import PROJECTS, REGION

ROLES = ["gcp_projects", "gcp_network", "gcp_nat_gateway", "gcp_security", "gcp_dns"]
STAGING, HUB = "project-1-dev-payments", "project-0-devops"
API = "api.staging.airpay.com."
DEPLOYERS = {"staging": "atlantis-deployer-dev", "production": "atlantis-deployer-prod"}

Done = subprocess.CompletedProcess[str]


class Google:
    """The emulator, and playbooks against it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def play(self, inventory: str, playbook: Path, *options: str, **variables: Any) -> Done:
        """Run a playbook; its output is in `stdout`."""
        command = ["ansible-playbook", "-i", str(ROOT / "inventories" / inventory), *options]
        return subprocess.run(
            [*command, "--extra-vars", json.dumps(variables), str(playbook)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=self.emulator.variables,
        )

    def roles(
        self,
        inventory: str,
        *options: str,
        roles: list[str] = ROLES,
        at_once: bool = False,
        **variables: Any,
    ) -> Done:
        """Run roles one after the other, or declare what they have and apply it by one call."""
        variables |= {"gcp_roles": roles, "gcp_one_call": at_once}
        playbook = ROOT / "tests/integration/gcp_roles.yml"
        return self.play(inventory, playbook, *options, **variables)

    def switch(self, region: str, *options: str, **variables: Any) -> Done:
        """Point clients to a region."""
        servers = {"gcp_dns_servers": ["127.0.0.1"], "gcp_dns_server_port": self.dns_port}
        playbook = ROOT / "playbooks/dns_switch.yml"
        return self.play("staging", playbook, *options, region=region, **servers, **variables)

    @property
    def dns_port(self) -> int:
        return int(self.emulator.environment["GCP_EMULATOR_DNS_PORT"])

    def address_of(self, name: str) -> str:
        """What the zone's server says."""
        query = dns.message.make_query(name, "A")
        told = dns.query.udp(query, "127.0.0.1", port=self.dns_port, timeout=20)
        return str(told.answer[0][0])

    def balancer(self, name: str) -> str:
        """The address of a load balancer."""
        return str(
            self.emulator.compute("GET", f"{STAGING}/global/addresses/{name}").body["address"]
        )


def said(done: Done) -> str:
    return " ".join((done.stdout + done.stderr).split())


def changes(done: Done) -> int:
    """How many tasks changed something; the run has to have gone well."""
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"changed=(\d+)", done.stdout)
    assert found
    return int(found[1])


def bring(
    emulator: Emulator,
    inventory: str,
    resources: list[dict[str, Any]],
    check: bool = False,
    **options: Any,
) -> Result:
    """Give to the module what roles declare, as who deploys there; it has to go well."""
    if inventory in DEPLOYERS:
        account = f"{DEPLOYERS[inventory]}@{HUB}.iam.gserviceaccount.com"
        options["impersonate_service_account"] = [account]
    done = manage(emulator, resources, check, project=PROJECTS[inventory], region=REGION, **options)
    assert not done.get("failed"), done
    return done
