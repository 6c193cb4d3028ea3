"""What is read of the options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import (
    migrations,
)


def options(tcp: str) -> dict[str, Any]:
    gate = {"rollout": None, "service": None, "tcp": tcp, "port": 80, "path": "/", "timeout": 1.0}
    service = {"name": "sale", "job": JOB, "gates": [{**gate, "namespace": None}]}
    none = ("image", "command", "version", "needs", "consumers", "namespace", "rollout")
    given = {**dict.fromkeys(none), **service, "phase": "expand"}
    return {"target": "job", "services": [given], "version": "1", "namespace": "nx"}


JOB = {"kind": "Job", "metadata": {"name": "sale"}, "spec": {}}


@pytest.mark.parametrize("address", ["db", "db:", ":5432", "db:https", "db:0", "db:65536", "db:-1"])
def test_a_gate_that_is_no_address_is_refused_before_anything_begins(address: str) -> None:
    with pytest.raises(KubeError, match=r"sale: .* HOST:PORT") as refused:
        list(migrations(options(address)))
    assert refused.value.reason == "bad_gate"


@pytest.mark.parametrize("address", ["db:5432", "10.0.0.1:1", "::1:5432", "db.test:65535"])
def test_a_gate_that_is_one_is_read(address: str) -> None:
    (migration,) = migrations(options(address))
    assert migration.gates[0].tcp == address
