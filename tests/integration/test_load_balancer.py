"""What load_balancer refuses: one clear message, and no task after it. No host is needed for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Run, run

PLAY = """
- hosts: lb_orders
  gather_facts: false
  roles: [groundwork.platform.load_balancer]
"""


def refuse(tmp_path: Path, cluster_hosts: dict[str, Any] | None = None, **variables: Any) -> Run:
    """Run the role in check mode on this machine, without privileges, against an inventory of names only."""
    inventory = {
        "all": {
            "children": {
                "pg_orders": {
                    "hosts": cluster_hosts
                    if cluster_hosts is not None
                    else {"order-1": {"private_address": "192.0.2.11"}}
                },
                "lb_orders": {
                    "hosts": {"balancer-1": {"private_address": "127.0.0.1"}},
                    "vars": {
                        "ansible_connection": "local",
                        "load_balancer_cluster": "pg_orders",
                        **variables,
                    },
                },
            }
        }
    }
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    (tmp_path / "play.yml").write_text(PLAY)
    command = ["ansible-playbook", "--check", "-i", str(tmp_path / "hosts.json")]
    result = run([*command, str(tmp_path / "play.yml")], ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    assert result.returncode == 2
    assert "Install the packages" not in result.output, "refused too late"
    return result


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"load_balancer_cluster": ""}, "load_balancer_cluster is not set for balancer-1"),
        ({"load_balancer_cluster": "pg_other"}, "groups of clusters are: pg_orders"),
        ({"rto_preset": "instant"}, "unknown RTO preset 'instant'; choose one of fast, normal"),
        ({"load_balancer_primary_port": 5001}, "must differ; they are 5001, 5001, 7000"),
        ({"load_balancer_idle_timeout": "soon"}, "numbers with a unit"),
        ({"load_balancer_replica_lag_max": "16 MiB"}, "a size as Patroni takes it"),
        ({"load_balancer_primary_checks": {"check_inter": 5}}, "check_inter"),
        ({"load_balancer_vip": "10.0.0.5/24"}, "give one IPv4 address"),
        ({"load_balancer_vip": "198.51.100.7"}, "outside of every subnet of balancer-1"),
        ({"load_balancer_vip": "192.0.2.11"}, "is the address of a host"),
        (
            {"load_balancer_vip": "127.0.0.9", "load_balancer_vip_router_id": 300},
            "must be 1 to 255",
        ),
        (
            {"load_balancer_vip": "127.0.0.9", "load_balancer_group": "pg_orders"},
            "balancer-1 is not one of them",
        ),
    ],
)
def test_bad_input_is_refused(tmp_path: Path, variables: dict[str, Any], words: str) -> None:
    assert words in refuse(tmp_path, **variables).output


def test_a_cluster_of_backups_alone_is_refused(tmp_path: Path) -> None:
    result = refuse(tmp_path, {"order-backup": {"patroni_role": "backup"}})
    assert "has no host that may become primary" in result.output
