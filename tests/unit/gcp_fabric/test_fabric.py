"""What the fabric does when hosts end while it works."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab.gcp.fabric.fabric import Fabric
from tests.lab.gcp.fabric.kernel import CommandError
from tests.unit.gcp_fabric.world import Books


class Refusing:
    """An applier whose first attempts fail; `then` is what happens meanwhile."""

    def __init__(self, times: int, then: Any) -> None:
        self.times = times
        self.then = then
        self.plans = 0

    async def apply(self, _plan: Any) -> None:
        self.plans += 1
        if self.plans <= self.times:
            self.then()
            raise CommandError("No such process")


@pytest.fixture
def fabric(tmp_path: Path) -> Fabric:
    return Fabric("t-unit", Books(), tmp_path)


def test_a_host_that_ends_meanwhile_is_planned_for_without_it(fabric):
    host = subprocess.Popen(["sleep", "60"])
    fabric.instances.processes["one"] = host.pid

    def end() -> None:
        host.kill()
        host.wait()

    fabric._applier = applier = Refusing(1, end)
    asyncio.run(fabric.settle())
    assert applier.plans == 2
    assert fabric.instances.living == {}


def test_what_is_refused_with_the_same_hosts_is_an_error(fabric):
    fabric._applier = applier = Refusing(9, lambda: None)
    with pytest.raises(CommandError, match="No such process"):
        asyncio.run(fabric.settle())
    assert applier.plans == 1
