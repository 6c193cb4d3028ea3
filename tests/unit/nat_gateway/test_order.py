"""In which order the playbook works on gateways: nobody is drained while another one could not stand in."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "roles/nat_gateway/files"
VIP = "10.0.0.9"


def gateway(runs: bool = True, drained: bool = False, holds: bool = False) -> dict[str, Any]:
    """What the first play knows of a gateway."""
    addresses = [{"local": VIP if holds else "10.0.0.1"}]
    return {
        "_nat_gateway_runs": runs,
        "_nat_gateway_drained": drained,
        "_nat_gateway_inspection": {"stdout": json.dumps(addresses)},
        "nat_gateway_vip": VIP,
    }


def order(tmp_path: Path, **gateways: dict[str, Any]) -> list[str]:
    """Run the play that puts them in order."""
    plays = yaml.safe_load((ROOT / "playbooks/nat_gateways.yml").read_text())
    (ordering,) = (play for play in plays if "in order" in play["name"])
    told = {"ansible.builtin.copy": {"content": "{{ groups['nat_gateways_in_order'] | to_json }}"}}
    told["ansible.builtin.copy"] |= {"dest": str(tmp_path / "order"), "mode": "0600"}
    tell = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [told]}
    book, inventory = tmp_path / "book.yml", tmp_path / "hosts.yml"
    book.write_text(yaml.safe_dump([ordering, tell]))
    inventory.write_text(yaml.safe_dump({"nat_gateways": {"hosts": gateways}}))
    done = subprocess.run(
        ["ansible-playbook", "--inventory", str(inventory), str(book)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[str] = json.loads((tmp_path / "order").read_text())
    return found


def test_who_cannot_stand_in_comes_first_and_who_has_the_shared_address_last(
    tmp_path: Path,
) -> None:
    found = order(
        tmp_path,
        holder=gateway(holds=True),
        well=gateway(),
        # A run was cut short after it had drained them.
        drained=gateway(drained=True),
        left=gateway(drained=True, holds=True),
        bare=gateway(runs=False),
        stopped=gateway(runs=False, drained=True),
    )
    assert found == ["bare", "stopped", "drained", "left", "well", "holder"]


@pytest.mark.parametrize("drained", [True, False])
def test_a_host_says_whether_it_is_drained(
    drained: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = importlib.util.spec_from_file_location("inspect_gateway", FILES / "inspect_gateway.py")
    assert spec is not None
    assert spec.loader is not None
    inspect = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inspect)
    assert runpy.run_path(str(FILES / "nat_gateway.py"))["DRAINED"] == inspect.DRAINED
    mark = tmp_path / "drained"
    if drained:
        mark.touch()
    monkeypatch.setattr(inspect, "DRAINED", mark)
    monkeypatch.setattr(inspect, "ip", lambda *_arguments: [])
    asked = json.dumps({"sysctl": [], "interface_sysctl": []})
    monkeypatch.setattr("sys.argv", ["inspect_gateway.py", asked])
    inspect.main()
    assert json.loads(capsys.readouterr().out)["drained"] is drained
