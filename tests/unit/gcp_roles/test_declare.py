"""The entry point that declares, as a playbook runs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.unit.gcp_roles.roles import PLAYBOOK, ROOT, declare


def run(
    inventory: str, written: Path, roles: Sequence[str], *options: str, **changes: Any
) -> subprocess.CompletedProcess[str]:
    variables = {"written_to": str(written), "gcp_roles": roles, **changes}
    return subprocess.run(
        [
            *(
                "ansible-playbook",
                "--inventory",
                str(ROOT / "inventories" / inventory / "hosts.yml"),
            ),
            *options,
            *("--extra-vars", json.dumps(variables), str(PLAYBOOK)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def test_roles_one_after_the_other_declare_an_environment(tmp_path: Path) -> None:
    written = tmp_path / "declared.json"
    # Three, as each takes a second; all of them: test_gcp_roles_network_days.py.
    roles = ["gcp_network", "gcp_nat_gateway", "gcp_bastion"]
    done = run("staging", written, roles)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(written.read_text(encoding="utf-8")) == declare("staging", roles)


def test_a_refusal_tells_all_that_is_wrong_and_declares_nothing(tmp_path: Path) -> None:
    written = tmp_path / "declared.json"
    wrong = {"main": "10.20.1.0/28", "failover": "10.20.1.0/28"}
    done = run("staging", written, ["gcp_network"], gcp_network_control_plane_ranges=wrong)
    assert done.returncode == 2
    said = " ".join(done.stdout.split())
    assert "Nothing was changed." in said
    assert "overlaps with gcp_network_subnetworks.main.range" in said
    assert "overlaps with gcp_network_control_plane_ranges.main" in said
    assert not written.exists()


def test_private_keys_are_not_shown(tmp_path: Path) -> None:
    """What roles declare goes by a fact, and facts are shown with -v: by the role itself, and by those after it."""
    written = tmp_path / "declared.json"
    balancer = {
        "region": "main",
        "domains": [],
        "certificate": "CERT",
        "private_key": "MyPrivateKey",
    }
    given = {"gcp_security_balancers": {"edge-main": balancer}, "gcp_security_snapshot_readers": []}
    roles = ["gcp_security", "gcp_bastion"]
    done = run("staging", written, roles, "-vvv", gcp_security_vault={}, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MyPrivateKey" in written.read_text(encoding="utf-8")
    assert "MyPrivateKey" not in done.stdout + done.stderr
