"""One service on its way: what is written down before it is touched, and what is left where it fails."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import (
    records,
    trial,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    KEEP,
    Fate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Breach,
    Canary,
    Service,
    Soak,
    Target,
    image_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import Kept
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.services import (
    Services,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.soak import Soaked
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Budget
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import (
    Body,
    deployment,
    fate,
    front,
    kept,
    route,
    service,
    target,
)

NOBODY: Any = None
CANARY = service(
    "2",
    deployment("r/sale:2"),
    front(),
    route([{"name": "nx-sale"}]),
    canary=Canary(weight=10),
)


class Cluster:
    """Delivery, records and watcher in one, that say what is done; ``broken`` is what fails."""

    def __init__(self, broken: str = "") -> None:
        self.done: list[str] = []
        self.applied: list[Any] = []
        self.templates = ["a"]
        self.broken = broken
        self.left = False

    def note(self, what: str) -> None:
        self.done.append(what)
        if what == self.broken:
            raise KubeError("failed", f"{what} failed.")

    async def write(self, kept: Kept, _namespace: str) -> None:
        self.note(f"record {kept.revision.state}")

    async def prune(self, revisions: list[Kept], _namespace: str) -> None:
        self.note(f"prune {' '.join(str(each.revision.number) for each in revisions)}")

    async def live(self, _service: Service) -> Body:
        return {"metadata": {"generation": 4}}

    async def bring(self, _service: Service, target: Target, force: bool = False) -> tuple[str]:
        self.note(f"bring {target.version}{' by force' if force else ''}")
        return ("changed",)

    async def apply(self, _namespace: str, manifests: list[Any]) -> tuple[str, ...]:
        self.applied += manifests
        self.note(f"apply {' '.join(each.kind.name for each in manifests)}")
        return ()

    async def without(self, service: Service, _label: str) -> bool:
        self.note(f"without {service.deployment}")
        return self.left

    async def remove(self, _service: Service, new: Target, old: Target) -> None:
        self.note(f"remove {new.version} but {old.version}")

    def plan(self, _service: Service, target: Target) -> Any:
        items = [
            type("Item", (), {"key": each.key, "path": each.name}) for each in target.manifests
        ]
        return type("Plan", (), {"items": items})

    async def delete(self, objects: dict[Any, str]) -> None:
        self.note(f"delete {' '.join(key.kind for key in objects)}")

    async def rolled_out(self, place: tuple[str, str], generation: int, *_more: Any) -> None:
        self.note(f"up {place[1]} {generation}")

    def template(self, _place: tuple[str, str]) -> str:
        return self.templates.pop(0) if len(self.templates) > 1 else self.templates[0]

    async def until(self, look: Any, _seconds: float) -> Any:
        return look()


def made(cluster: Cluster, one: Fate) -> Services:
    found = Services(NOBODY, NOBODY, cast(Any, cluster), Budget(), lambda _name, _text: None)
    found._records = cast(Any, cluster)
    found.watcher = cast(Any, cluster)
    found.fates = {one.service.name: one}
    return found


def bring(one: Fate, broken: str = "") -> list[str]:
    cluster = Cluster(broken)
    work = made(cluster, one).bring(one.service.rollout)
    if broken:
        with pytest.raises(KubeError):
            asyncio.run(work)
    else:
        asyncio.run(work)
    return cluster.done


def test_a_service_is_on_record_before_it_is_touched() -> None:
    one = fate(service("2"))
    assert bring(one) == ["record running", "bring 2", "without nx-sale-canary", "up nx-sale 4"]
    assert (one.begun, one.changes, one.state) == (True, ("changed",), "")


@pytest.mark.parametrize(
    "broken, begun",
    [("record running", False), ("bring 2", True), ("up nx-sale 4", True)],
)
def test_what_failed_and_whether_pods_were_touched(broken: str, begun: bool) -> None:
    one = fate(service("2"))
    bring(one, broken)
    assert (one.state, one.reason, one.message) == ("failed", "failed", f"{broken} failed.")
    assert one.begun is begun


def test_what_is_current_is_left_alone() -> None:
    assert bring(fate(service("1"), action=KEEP)) == []


def judged(monkeypatch: pytest.MonkeyPatch, *breaches: Breach) -> None:
    async def soak(*_arguments: Any) -> Soaked:
        return Soaked(30.0, breaches)

    monkeypatch.setattr(trial, "soak", soak)


TRIED = [
    "record running",
    "apply Deployment Service",
    "up nx-sale-canary 4",
    "apply HTTPRoute",
    # Requests go back to the others before their pods go.
    "apply HTTPRoute",
    "delete Deployment Service",
]


def test_a_canary_that_holds_is_followed_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    judged(monkeypatch)
    assert bring(fate(CANARY))[:7] == [*TRIED, "bring 2"]


def test_a_canary_that_does_not_hold_is_all_that_was_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged(monkeypatch, Breach("sale", "slow", "too slow"))
    one, cluster = fate(CANARY), Cluster()
    with pytest.raises(KubeError, match="after 30 s, and nothing else was touched: too slow"):
        asyncio.run(made(cluster, one).bring(CANARY.rollout))
    assert cluster.done == TRIED
    assert (one.begun, one.reason) == (False, "canary_failed")


def test_routes_of_the_new_version_come_with_it_and_not_with_its_canary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged(monkeypatch, Breach("sale", "slow", "too slow"))
    old = [{"name": "nx-sale"}], [{"name": "nx-sale", "port": 81}]
    one = fate(CANARY, back=target("1", deployment(), front(), route(*old)))
    cluster = Cluster()
    with pytest.raises(KubeError):
        asyncio.run(made(cluster, one).bring(CANARY.rollout))
    weighed, restored = (each for each in cluster.applied if each.kind.name == "HTTPRoute")
    assert len(weighed.body["spec"]["rules"]) == 2
    assert restored.body == route(*old)
    assert cluster.done == TRIED


def test_a_canary_that_does_not_come_up_is_taken_away() -> None:
    one = fate(CANARY)
    done = bring(one, "up nx-sale-canary 4")
    assert done == [*TRIED[:3], *TRIED[4:]]
    assert (one.begun, one.reason) == (False, "canary_failed")


@pytest.mark.parametrize(
    "broken, breach, words",
    [
        ("delete Deployment Service", True, "its canary failed after 30 s: too slow. It could not"),
        ("delete Deployment Service", False, "its canary held. It could not be taken away"),
    ],
)
def test_a_canary_that_cannot_be_taken_away_is_told_beside_why_it_failed_and_undone(
    monkeypatch: pytest.MonkeyPatch, broken: str, breach: bool, words: str
) -> None:
    judged(monkeypatch, *([Breach("sale", "slow", "too slow")] if breach else []))
    one, cluster = fate(CANARY), Cluster(broken)
    one.kept = kept(2, "2", records.RUNNING, target=CANARY.target)
    services = made(cluster, one)
    with pytest.raises(KubeError) as error:
        asyncio.run(services.bring(CANARY.rollout))
    assert str(error.value).startswith(words)
    assert str(error.value).endswith(f"HTTPRoutes may lead to it: {broken} failed.")
    # So it is brought back, by which its routes are set right before its pods go.
    assert (one.begun, one.state, one.reason) == (True, "failed", "canary_failed")
    cluster.done.clear()
    cluster.broken = ""
    asyncio.run(services.bring_back(one))
    assert cluster.done[:3] == [
        "bring 1 by force",
        "apply HTTPRoute",
        "without nx-sale-canary",
    ]


def test_a_canary_that_was_left_goes_with_its_service() -> None:
    one, cluster = fate(CANARY, back=None), Cluster()
    cluster.left = True
    asyncio.run(made(cluster, one).bring(CANARY.rollout))
    assert "delete Deployment Service" in cluster.done


def test_a_first_release_has_no_canary() -> None:
    assert "bring 2" in bring(fate(CANARY, back=None))[:2]


def test_the_way_back_is_gone_by_force_and_takes_away_what_came() -> None:
    one, cluster = fate(service("2")), Cluster()
    services = made(cluster, one)
    asyncio.run(services.mark_back([one, fate(service("2"), back=None)]))
    asyncio.run(services.bring_back(one))
    assert cluster.done == [
        "record rolling_back",
        "bring 1 by force",
        "without nx-sale-canary",
        "remove 2 but 1",
        "up nx-sale 4",
    ]


def test_only_a_good_revision_lets_old_ones_and_what_they_had_go() -> None:
    known = [kept(1, "1"), kept(2, "2", records.RUNNING)]
    for state, then in (
        # On record as good, nobody would come for what the way back had.
        (records.GOOD, ["remove 1 but 2", "record good", "prune 1 2"]),
        (records.FAILED, ["record failed"]),
    ):
        one, cluster = fate(service("2"), known=known), Cluster()
        asyncio.run(made(cluster, one).remember(one, state))
        assert cluster.done == then
        assert one.kept.revision.state == state


def test_one_that_cannot_be_recorded_does_not_keep_the_others_from_it() -> None:
    one, cluster = fate(service("2"), state="released"), Cluster("remove 1 but 2")
    other = fate(service("3"), state="released", back=None)
    [problem] = asyncio.run(made(cluster, one).record([one, other]))
    assert str(problem) == "sale held, but remove 1 but 2 failed."
    assert [each.kept.revision.state for each in (one, other)] == [records.RUNNING, records.GOOD]
    assert (one.state, one.reason) == ("released", "failed")
    assert "the next run takes it up" in one.why


def test_what_runs_at_the_end_has_to_be_what_came_up() -> None:
    """Also where nobody watched it meanwhile."""
    for templates, reasons in (["a"], []), (["a", "b"], ["replaced"]):
        one, cluster = fate(service("2")), Cluster()
        cluster.templates = templates
        services = made(cluster, one)

        async def go(services: Services = services, one: Fate = one) -> list[Breach]:
            await services.bring(one.service.rollout)
            return await services.replaced([one])

        assert [each.reason for each in asyncio.run(go())] == reasons


def test_a_service_needs_others_to_be_up_and_not_only_migrated() -> None:
    rollout = service("2", needs=("identity",)).rollout
    assert (rollout.service, rollout.deployment, rollout.namespace) == ("sale", "nx-sale", "nx")
    assert rollout.needs == ("identity rollout",)
    assert service("2").soak == Soak()


def test_the_image_of_a_template_is_that_of_its_container_or_the_first() -> None:
    both = [{"name": "proxy", "image": "r/proxy:1"}, {"name": "app", "image": "r/sale:1"}]
    template = {"spec": {"containers": both}}
    assert image_of(template) == "r/proxy:1"
    assert image_of(template, "app") == "r/sale:1"
