"""Which services return, in which order, and what is written down of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    FAILED,
    KEEP,
    RELEASED,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Service
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.services import (
    Services,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.way_back import (
    WayBack,
    chosen,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import fate, target

#: api needs sale, sale needs identity; other stands alone.
NEEDS = {
    "identity rollout": (),
    "sale rollout": ("identity rollout",),
    "api rollout": ("sale rollout",),
    "other rollout": (),
}


class Recorded:
    """Services that only say what is done with them."""

    def __init__(self, *fates: Fate, broken: str = "", unwell: str = "") -> None:
        self.fates = {each.service.name: each for each in fates}
        self.needs = NEEDS
        self.done: list[str] = []
        self._broken, self._unwell = broken, unwell

    async def mark_back(self, fates: Iterable[Fate]) -> None:
        self.done.append(f"mark {' '.join(each.service.name for each in fates)}")

    async def bring_back(self, fate: Fate) -> None:
        self.done.append(f"back {fate.service.name}")
        if fate.service.name == self._broken:
            raise KubeError("not_ready", "It is not up.")

    async def well(self, services: Iterable[Service]) -> None:
        self.done.append(f"well {' '.join(each.name for each in services)}")
        if self._unwell:
            raise KubeError("unhealthy", self._unwell)

    async def remember(self, fate: Fate, state: str, _reason: str = "") -> None:
        self.done.append(f"{fate.service.name} {state}")


def one(name: str, state: str = RELEASED, *, begun: bool = True, **more: Any) -> Fate:
    return fate(Service(name, "nx", f"nx-{name}", target("2")), state=state, begun=begun, **more)


def services(*fates: Fate, **more: str) -> Services:
    return cast(Services, Recorded(*fates, **more))


def go(given: Services, fates: list[Fate]) -> tuple[str, list[str]]:
    said = asyncio.run(WayBack(given, 8, lambda _name, _text: None).go(fates, "api is slow"))
    return said, cast(Recorded, given).done


@pytest.mark.parametrize(
    "scope, broken, returns",
    [
        ("all", "sale", ["identity", "sale", "api"]),
        ("failed", "sale", ["sale", "api"]),
        ("failed", "identity", ["identity", "sale", "api"]),
        ("failed", "api", ["api"]),
        # Who is to blame is not known where no service is.
        ("failed", "", ["identity", "sale", "api"]),
        ("none", "sale", []),
    ],
)
def test_who_returns(scope: str, broken: str, returns: list[str]) -> None:
    fates = [one("identity"), one("sale"), one("api"), one("other", "", begun=False)]
    fates.append(one("kept", "current", begun=False, action=KEEP))
    given = services(*fates)
    found = chosen(given, [each for each in fates if each.service.name == broken], scope)
    assert [each.service.name for each in found] == returns


def test_those_return_first_that_need_others_and_all_are_on_record_before() -> None:
    fates = [one("identity"), one("sale"), one("api", FAILED, message="api is slow")]
    said, done = go(services(*fates), fates)
    assert done[:4] == ["mark identity sale api", "back api", "back sale", "back identity"]
    assert done[4] == "well identity sale api"
    assert done[5:] == ["identity rolled_back", "sale rolled_back", "api rolled_back"]
    assert said.count("was brought back to 1 and is well") == 3
    assert fates[0].message == "the release failed: api is slow"


def test_a_service_that_cannot_return_keeps_its_record_and_holds_back_what_it_needs() -> None:
    fates = [one("identity"), one("sale"), one("api", FAILED, message="api is slow")]
    said, done = go(services(*fates, broken="sale"), fates)
    assert [each for each in done if each.endswith("rolled_back")] == ["api rolled_back"]
    assert "sale COULD NOT be brought back to 1: It is not up" in said
    assert "identity COULD NOT be brought back to 1: sale came before it, and failed" in said
    assert [each.state for each in fates] == ["rollback_failed", "rollback_failed", "rolled_back"]


def test_who_is_back_and_not_well_is_not_brought_back() -> None:
    fates = [one("api", FAILED)]
    said, done = go(services(*fates, unwell="status 503."), fates)
    assert "api COULD NOT be brought back to 1: status 503." in said
    assert "api rolled_back" not in done


def test_a_first_release_stays_and_is_no_good_revision() -> None:
    fates = [one("api", FAILED, back=None, message="slow")]
    said, done = go(services(*fates), fates)
    assert "api has nothing to go back to" in said
    assert fates[0].state == "stays"
    assert "api failed" in done


def test_what_does_not_return_is_on_record_as_what_it_is() -> None:
    fates = [one("api", FAILED), one("sale", FAILED, begun=False), one("other", "left_out")]
    said, done = go(services(*fates), [])
    assert said == ""
    # Pods that were never touched are as they were.
    assert done == ["api failed", "sale rolled_back"]
