"""A window: pods that stop being ready or begin anew, what health checks say, and how long it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import run as runs
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    RELEASED,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Breach,
    Soak,
    Traffic,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.services import (
    Services,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import (
    Pods,
    Soaked,
    Watched,
    broken,
    patient,
    soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    Share,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import Course
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Check, Pace
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import Body, fate, pod, service
from tests.unit.health.samples import Told, result

NOBODY: Any = None


def seen(*looks: Sequence[Body]) -> Pods:
    pods = Pods()
    for look in looks:
        pods.look(look)
    return pods


def check(name: str, *answers: float | str, retries: int = 0) -> Check:
    return Check(name, "http", Told(answers), Pace(0.2, retries, 0.05))


def test_a_pod_that_stops_being_ready_is_counted_each_time() -> None:
    well, unwell = [pod("a")], [pod("a", ready=False)]
    assert seen(well, unwell, unwell).unready == ["pod-a"]
    assert seen(well, unwell, well, unwell).unready == ["pod-a", "pod-a"]
    breach = seen(well, unwell).breach("sale", Soak())
    assert breach
    assert (breach.service, breach.reason) == ("sale", "unready")
    assert "stopped being ready 1 times (pod-a), and 0 may be" in breach.message
    assert seen(well, unwell).breach("sale", Soak(unready=1)) is None


def test_a_pod_that_is_not_ready_yet_or_has_gone_is_no_breach() -> None:
    assert seen([pod("a", ready=False)], [pod("a")]).breach("sale", Soak()) is None
    assert seen([pod("a")], []).breach("sale", Soak()) is None
    # One of another identity is another one, whatever its name.
    assert seen([pod("a")], [pod("b", ready=False)]).breach("sale", Soak()) is None


def test_restarts_count_from_the_first_look_on_also_of_pods_that_went() -> None:
    assert seen([pod("a", restarts=3)], [pod("a", restarts=3)]).restarts == 0
    assert seen([pod("a", restarts=3)], [pod("a", restarts=5)]).restarts == 2
    both = seen([pod("a"), pod("b")], [pod("a", restarts=1), pod("b", restarts=1)], [])
    assert both.restarts == 2
    breach = both.breach("sale", Soak(restarts=1))
    assert breach
    assert breach.reason == "restarts"
    assert both.breach("sale", Soak(restarts=2)) is None


def test_what_health_checks_say_is_told_of_the_service_that_they_are_of() -> None:
    checks = [("sale", check("sale 1", 0.0)), ("api", check("api 1", "status"))]
    course = Course((result("sale 1"), result("api 1", ".", "..x")), 1.0)
    [found] = broken(checks, course, Budget())
    assert (found.service, found.reason) == ("api", "unhealthy")
    assert found.message == "api 1 (told): status 503 instead of 2xx"
    assert broken(checks, course, Budget(attempts=Share(1))) == []
    assert broken(checks, course, Budget(checks=Share(1))) == []


def test_what_is_too_slow_is_of_all_and_of_no_service() -> None:
    checks = [("sale", check("sale 1", 0.0))]
    course = Course((result("sale 1", ".", "..", seconds=0.3),), 1.0)
    [found] = broken(checks, course, Budget(latency={"p95": 200}))
    assert (found.service, found.reason) == ("", "slow")
    assert "p95 of all health checks is 300 ms, and may be 200 ms" in found.message


def test_patience_asks_as_often_as_its_seconds_have_intervals() -> None:
    [(_service, longer)] = patient([("sale", check("sale 1", 0.0))], 30)
    assert longer.pace.retries == 600
    [(_service, own)] = patient([("sale", check("sale 1", 0.0, retries=900))], 30)
    assert own.pace.retries == 900


def well(*checks: Check, budget: Budget) -> None:
    meant = service("2", checks=checks)
    made = Services(NOBODY, NOBODY, NOBODY, budget, lambda _name, _text: None)
    asyncio.run(made.well([meant]))


def test_a_service_has_to_be_well_itself_whatever_all_may_do_in_the_soak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "ansible_collections.groundwork.platform.plugins.module_utils.app_release.services.PATIENCE",
        0.1,
    )
    with pytest.raises(KubeError, match="told status") as unwell:
        well(check("sale 1", "status"), budget=Budget(checks=Share(1)))
    assert unwell.value.reason == "unhealthy"
    # It may take its time, and need not be fast.
    well(check("sale 1", "status", 0.02), budget=Budget(latency={"max": 1}))


class Away:
    """A question through the API, where nobody answers the first times; then it is answered from a list."""

    target = "told"

    def __init__(self, times: int, *answers: float | str) -> None:
        self._times, self._told = times, Told(answers)

    async def ask(self, world: Any, timeout: float, /) -> Any:
        self._times -= 1
        if self._times >= 0:
            raise KubeError("unreachable", "GET https://api/: connection refused.")
        return await self._told.ask(world, timeout)


def away(times: int, *answers: float | str) -> tuple[str, Check]:
    return "sale", Check("sale 1", "http", Away(times, *answers), Pace(0.2, 0, 0.05))


def patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """A pause of no length between attempts while the API is away, and so many seconds of them."""
    base = "ansible_collections.groundwork.platform.plugins.module_utils"
    monkeypatch.setattr(f"{base}.health.engine._PAUSE", 0.01)
    for name in ("services", "soak"):
        monkeypatch.setattr(f"{base}.app_release.{name}.AWAY", seconds)


def test_an_api_that_is_away_for_a_moment_says_nothing_of_who_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience(monkeypatch, 2)
    held = window(Watching([pod("a")]), Soak(seconds=0.2, interval=0.1), away(7, 0.0))
    assert held.breaches == ()
    well(away(7, 0.0)[1], budget=Budget())
    # It is asked for the service all the same.
    sick = window(Watching([pod("a")]), Soak(seconds=5), away(3, 0.0, "status"))
    assert [each.reason for each in sick.breaches] == ["unhealthy"]


def test_an_api_that_stays_away_leaves_a_version_unmeasured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience(monkeypatch, 0.1)
    lost = window(Watching([pod("a")]), Soak(seconds=5), away(10**6))
    assert [each.reason for each in lost.breaches] == ["not_measured"]
    assert "connection refused" in lost.breaches[0].message
    with pytest.raises(KubeError) as unknown:
        well(replace(away(10**6)[1], pace=Pace(0.2, 0, 20)), budget=Budget())
    assert unknown.value.reason == "not_measured"


def test_an_api_that_goes_away_in_the_window_is_waited_for_once_and_not_by_each_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience(monkeypatch, 0.4)
    name, one = away(10**6)
    lost = replace(one, question=Lost(2))
    found = window(Watching([pod("a")]), Soak(seconds=3), (name, lost))
    assert [each.reason for each in found.breaches] == ["not_measured"]
    assert found.seconds < 1


class Lost(Away):
    """A question that is answered the first times, and then nobody is there."""

    async def ask(self, _world: Any, _timeout: float, /) -> Any:
        self._times -= 1
        if self._times < 0:
            raise KubeError("unreachable", "GET https://api/: connection refused.")
        return {}


class Watching:
    """A watcher whose pods are told look by look."""

    def __init__(self, *looks: Sequence[Body], templates: Sequence[str] = ("",)) -> None:
        self._looks = list(looks)
        self._templates = list(templates)

    def template(self, _place: Any) -> str:
        return self._templates.pop(0) if len(self._templates) > 1 else self._templates[0]

    def new_pods(self, _place: Any) -> Sequence[Body]:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    async def until(self, look: Any, seconds: float) -> Any:
        await asyncio.sleep(min(seconds, 0.05))
        return look()


def window(
    watching: Watching, wanted: Soak, *checks: tuple[str, Check], template: str = ""
) -> Soaked:
    watched = Watched(service("2"), ("nx", "nx-sale"), wanted, template)
    return asyncio.run(soak(NOBODY, cast(Any, watching), [watched], checks, NOBODY, Budget()))


def test_a_window_lasts_its_seconds_and_ends_with_the_first_breach() -> None:
    quiet = window(Watching([pod("a")]), Soak(seconds=0.3, interval=0.1))
    assert quiet.breaches == ()
    assert 0.3 <= quiet.seconds < 1.5
    bad = Watching([pod("a")], [pod("a", ready=False)])
    found = window(bad, Soak(seconds=30, interval=0.1))
    assert [each.reason for each in found.breaches] == ["unready"]
    assert found.seconds < 5
    sick = window(Watching([pod("a")]), Soak(seconds=30), ("sale", check("sale 1", 0.0, "status")))
    assert [each.reason for each in sick.breaches] == ["unhealthy"]
    assert sick.seconds < 5


def test_a_window_ends_where_somebody_brings_something_else() -> None:
    for templates, reasons in (
        (["a", "a", "", "b"], ["replaced"]),
        # What its controller has not seen yet is not there yet.
        (["a", "", "a"], []),
    ):
        watching = Watching([pod("a")], templates=templates)
        found = window(watching, Soak(seconds=0.4, interval=0.05), template="a")
        assert [each.reason for each in found.breaches] == reasons


def test_a_window_without_seconds_asks_nothing() -> None:
    found = window(Watching([pod("a")]), Soak(seconds=0), ("sale", check("sale 1", "status")))
    assert found.breaches == ()


def test_each_service_is_on_record_with_its_own_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A promotion asks for how long it was watched, and a service that was not is not promoted for others' windows."""
    fates = [
        fate(
            replace(service("2"), name=f"s{number}", soak=Soak(seconds=seconds)),
            state=RELEASED,
        )
        for number, seconds in enumerate((0.0, 10.0, 60.0))
    ]

    async def held(*_arguments: Any) -> Soaked:
        return Soaked(60.2, (Breach("s1", "slow", "too slow"),), {"s2": Traffic(9)})

    monkeypatch.setattr(runs, "soak", held)

    def watched(fate: Fate) -> Watched:
        return Watched(fate.service, fate.service.place, fate.service.soak)

    services = SimpleNamespace(
        fates={each.service.name: each for each in fates}, watcher=None, watched=watched
    )
    one = runs._Run(
        NOBODY,
        cast(Any, services),
        NOBODY,
        cast(Any, SimpleNamespace(budget=Budget())),
        lambda _name, _text: None,
        NOBODY,
        NOBODY,
    )
    asyncio.run(one._soak())
    assert [each.soaked for each in fates] == [0.0, 10.0, 60.0]
    assert [each.state for each in fates] == ["released", "failed", "released"]
    assert fates[1].message == "too slow, 60 s into the soak"
    assert fates[2].traffic == Traffic(9)
