"""How inventories of Google Cloud reach their hosts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

INVENTORIES = Path(__file__).resolve().parents[3] / "inventories"


@pytest.mark.parametrize("environment", ["hub", "staging", "production"])
def test_a_delegated_task_reaches_the_host_that_it_is_delegated_to(environment):
    text = (INVENTORIES / environment / "group_vars/gcp_hosts.yml").read_text(encoding="utf-8")
    told = yaml.safe_load(text)
    # In connection variables of a delegated task inventory_hostname is who delegates.
    assert not [name for name, value in told.items() if "inventory_hostname" in value]
    assert "gcp_instance_name" in told["gcp_tunnel"]
    assert "gcp_tunnel" in told["ansible_ssh_common_args"]
