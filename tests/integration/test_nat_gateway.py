"""What nat_gateway refuses: one clear message, and no task after it. No host is needed for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Run, run

PLAY = """
- hosts: nat_gateways
  gather_facts: false
  roles: [groundwork.platform.nat_gateway]
"""
GOOD: dict[str, Any] = {
    "nat_gateway_private_ranges": ["192.0.2.0/24"],
    "nat_gateway_outside_interface": "lo",
}


def refuse(tmp_path: Path, **variables: Any) -> Run:
    """Run the role in check mode on this machine, without privileges, against an inventory of names only."""
    inventory = {
        "nat_gateways": {
            "hosts": {"nat-1": {"private_address": "127.0.0.1"}},
            "vars": {"ansible_connection": "local", **GOOD, **variables},
        },
        "others": {"hosts": {"app-1": {"private_address": "127.0.0.8"}}},
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": inventory}}))
    (tmp_path / "play.yml").write_text(PLAY)
    command = ["ansible-playbook", "--check", "-i", str(tmp_path / "hosts.json")]
    result = run([*command, str(tmp_path / "play.yml")], ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    assert result.returncode == 2
    assert "Install the packages" not in result.output, "refused too late"
    return result


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"nat_gateway_private_ranges": []}, "nat_gateway_private_ranges is empty for nat-1"),
        ({"nat_gateway_private_ranges": ["0.0.0.0/0"]}, "would forward for everybody): 0.0.0.0/0"),
        ({"nat_gateway_private_ranges": ["10.0.0.0"]}, "no IPv4 ranges such as 10.20.0.0/20"),
        ({"nat_gateway_refused_ranges": ["10.0.0.300/8"]}, "10.0.0.300/8"),
        ({"nat_gateway_group": "others"}, "nat-1 is not in the group others"),
        ({"nat_gateway_port_range": "4000-300"}, "LOWEST-HIGHEST (it is 4000-300)"),
        ({"nat_gateway_log_rate": "often"}, "a number a second, minute or hour (it is often)"),
        ({"nat_gateway_conntrack_full_percent": 0}, "1 to 100 (it is 0)"),
        ({"nat_gateway_outside_interface": "none9"}, "nat-1 has no interface none9"),
        ({"nat_gateway_source_address": "192.0.2.7"}, "192.0.2.7 is no address of nat-1"),
        ({"nat_gateway_vip": "10.0.0.5/24"}, "give one IPv4 address"),
        ({"nat_gateway_vip": "198.51.100.7"}, "outside of every subnet of nat-1"),
        ({"nat_gateway_vip": "127.0.0.8"}, "is the address of a host"),
        ({"nat_gateway_vip": "127.0.0.9", "nat_gateway_vip_router_id": 300}, "must be 1 to 255"),
        (
            {"nat_gateway_vip": "127.0.0.9", "load_balancer_vip": "127.0.0.10"},
            "keepalived has one configuration",
        ),
    ],
)
def test_bad_input_is_refused(tmp_path: Path, variables: dict[str, Any], words: str) -> None:
    found = " ".join(refuse(tmp_path, **variables).output.replace("\\n", " ").split())
    assert words in found
