"""Who may begin while another run holds the Lease: one that lives keeps others away, one that was killed does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations import lease
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.lease import Lease


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything a hundred times faster, and signs of life that are due at once are answered late."""
    for name in ("LENGTH", "RENEWAL", "ANSWER", "LOOK"):
        monkeypatch.setattr(lease, name, getattr(lease, name) / 50)


class Held:
    """A Lease that another run holds, which gives ``signs`` of life every 0.08 s and lets go where it ``ends``."""

    def __init__(self, signs: int, ends: bool = False) -> None:
        self._signs, self._ends = signs, ends
        self._began = 0.0
        self._mine: dict[str, Any] | None = None

    async def get(self, _path: str, **_query: str) -> Answer:
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        given = min(int((now - self._began) / 0.08), self._signs)
        over = self._ends and given == self._signs
        spec = self._mine or {"holderIdentity": None if over else "other:1"}
        return Answer(200, {"spec": spec, "metadata": {"resourceVersion": f"{given}"}})

    async def send(self, _method: str, _path: str, body: Any, **_more: Any) -> Answer:
        self._mine = body["spec"]
        return Answer(200, body)


def take(held: Held, patience: float, tell: Callable[[str], None] = lambda _text: None) -> float:
    """Take the Lease; return the seconds that it took."""

    async def run() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with Lease(cast(Client, held), "n", "a", patience, tell):
            return loop.time() - began

    return asyncio.run(run())


@pytest.mark.parametrize("patience", [0.0, 0.05])
def test_a_killed_run_is_waited_out_also_by_one_that_would_not_wait(patience: float) -> None:
    """Its first look cannot tell a run that was killed from one that is at work."""
    told: list[str] = []
    assert lease.LENGTH <= take(Held(0), patience, told.append) < 2 * lease.LENGTH
    assert told == ["waits for another run: other:1"]


def test_one_that_dies_meanwhile_is_waited_out() -> None:
    assert take(Held(3), 0.45) >= lease.LENGTH


def test_one_that_is_at_work_is_told_at_its_first_sign_of_life() -> None:
    with pytest.raises(KubeError, match="other:1") as refused:
        take(Held(1000), 0.0)
    assert refused.value.reason == "busy"


def test_one_that_ends_in_time_is_waited_for() -> None:
    assert take(Held(3, ends=True), 5) < lease.LENGTH
