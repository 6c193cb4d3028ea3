"""What becomes of changes by hand when gcp_resources, or google.cloud's task of the same resource, is run again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource

from tests.bench.google_cloud_tasks import Tasks, module_of, tasks
from tests.bench.google_cloud_world import parsed, rival
from tests.integration.gcp import Emulator
from tests.integration.gcp_drift import Drift
from tests.integration.gcp_world import footprint, manage
from tests.integration.test_gcp_drift import _by_hand as by_hand

Body = dict[str, Any]
#: What differs after each change, whatever it was, and after a resource was made again.
_PASSING = frozenset(
    (
        *("id", "etag", "fingerprint", "labelFingerprint", "creationTimestamp", "createTime"),
        *("updateTime", "userUpdateTime", "uniqueId", "metageneration", "generation", "updated"),
        *("timeCreated", "lastStartTimestamp", "lastStopTimestamp", "lastAttachTimestamp"),
        *("lastDetachTimestamp", "status"),
    )
)


@dataclass(frozen=True)
class Ours:
    """Whether gcp_resources told the change, took it back, and left everything alone then."""

    found: bool
    repaired: bool
    quiet: bool

    @property
    def good(self) -> bool:
        """All of it."""
        return self.found and self.repaired and self.quiet


@dataclass(frozen=True)
class Theirs:
    """What google.cloud's task told, and whether what was changed is as before. ``without``: why there is no task.

    ``restless``: the task tells a change where nobody has made one. ``no_option``: no option holds the field.
    """

    without: str = ""
    said: str = ""
    message: str = ""
    repaired: bool = False
    restless: bool = False
    no_option: bool = False

    @property
    def word(self) -> str:
        """All of it in a few words."""
        if self.without:
            return self.without
        notes = ["no option for it"] if self.no_option else []
        notes += ["changed on every run"] if self.restless else []
        return self.said + (f" ({', '.join(notes)})" if notes else "")


@dataclass(frozen=True)
class Row:
    """One kind of change."""

    drift: Drift
    ours: Ours
    theirs: Theirs
    module: str = ""


@dataclass
class Trial:
    """The footprint of MOD's table on one emulator."""

    emulator: Emulator
    drifts: Sequence[Drift]
    #: Variables with which google.cloud's modules take a service account: with a token one of them crashes.
    account: Mapping[str, str]
    by_key: Mapping[str, Resource] = field(init=False)
    rivals: Tasks = field(init=False)
    definitions: Definitions = field(default_factory=Definitions)

    def __post_init__(self) -> None:
        self.by_key = {each.key: each for each in parsed(footprint())}
        made = manage(self.emulator, footprint())
        assert not made.get("failed"), made["msg"]
        told = manage(self.emulator, footprint())["resources"]
        self.rivals = tasks(
            list(self.by_key.values()), lambda key, name: told[key][name] if name else told[key]
        )
        self._tell_secrets()

    def rows(self) -> list[Row]:
        """Everything; for ours those of one turn are made together."""
        restless = self._restless()
        rows = []
        for turn in sorted({each.turn for each in self.drifts}):
            here = [each for each in self.drifts if each.turn == turn]
            ours = self._ours(here)
            rows += [
                Row(each, ours[each.name], self._beside(each, restless), self._module(each))
                for each in here
            ]
        order = [each.name for each in self.drifts]
        return sorted(rows, key=lambda row: order.index(row.drift.name))

    def _tell_secrets(self) -> None:
        """Give google.cloud the values that were made up here: it makes up none."""
        for key, task in self.rivals.tasks.items():
            if self.by_key[key].payload:
                url = f"secretmanager.googleapis.com/v1/{self.by_key[key].link}/versions/latest:access"
                data = self.emulator.call("GET", url).body["payload"]["data"]
                task[module_of(task)]["value"] = base64.b64decode(data).decode()

    # -- ours
    def _ours(self, drifts: Sequence[Drift]) -> dict[str, Ours]:
        before = self._looks(drifts)
        self._strike(drifts)
        struck = self._looks(drifts)
        done = manage(self.emulator, footprint())
        assert not done.get("failed"), done["msg"]
        after = self._looks(drifts)
        again = manage(self.emulator, footprint())
        plan = {each["key"]: each for each in done["plan"]}
        left = {each["key"]: each["action"] for each in again["plan"]}
        return {
            each.name: Ours(
                _told(plan[each.key], each),
                _as_before(each, before, struck, after),
                left[each.key] == "unchanged",
            )
            for each in drifts
        }

    # -- google.cloud's
    def _theirs(self, drift: Drift, restless: bool) -> Theirs:
        before = self._looks([drift])
        self._strike([drift])
        struck = self._looks([drift])
        said, message = self._rerun(drift.key)
        after = self._looks([drift])
        self._restore()
        dropped = self.rivals.dropped.get(drift.key, ())
        root = _root(drift)
        return Theirs(
            said=said,
            message=message,
            repaired=_as_before(drift, before, struck, after),
            restless=restless,
            no_option=bool(root) and any(each.partition(".")[0] == root for each in dropped),
        )

    def _beside(self, drift: Drift, restless: Mapping[str, bool]) -> Theirs:
        if drift.key not in self.rivals.tasks:
            return Theirs(without=self.rivals.without[drift.key])
        return self._theirs(drift, restless[drift.key])

    def _restless(self) -> dict[str, bool]:
        """Which tasks tell a change though nobody has made one; they see what stands there already."""
        found = {}
        for key in sorted({each.key for each in self.drifts} & set(self.rivals.tasks)):
            said, message = self._rerun(key)
            if said == "changed":
                # Once may be what ours does not declare; twice is for ever.
                said, message = self._rerun(key)
                self._restore()
            assert said != "fails", f"the task of {key} is wrong: {message}"
            found[key] = said != "ok"
        return found

    def _rerun(self, key: str) -> tuple[str, str]:
        """What a task said, and why it failed."""
        task = self.rivals.tasks[key]
        name = module_of(task)
        result = rival(self.emulator, name.rpartition(".")[2], task[name], **self.account)
        if result.get("failed"):
            return "fails", " ".join(str(result.get("msg")).split())
        return ("changed" if result.get("changed") else "ok"), ""

    def _module(self, drift: Drift) -> str:
        task = self.rivals.tasks.get(drift.key)
        return module_of(task).rpartition(".")[2] if task else ""

    # -- common
    def _strike(self, drifts: Sequence[Drift]) -> None:
        for each in drifts:
            by_hand(self.emulator, each)

    def _restore(self) -> None:
        done = manage(self.emulator, footprint(), allow_replace=["all"], allow_delete=["all"])
        assert not done.get("failed"), done["msg"]

    def _looks(self, drifts: Sequence[Drift]) -> dict[str, Body | None]:
        return {each.name: self._look(each) for each in drifts}

    def _look(self, drift: Drift) -> Body | None:
        """A resource as any client sees it, without what passes; None where it is not there."""
        resource = self.by_key[drift.key]
        type_, link = resource.type, resource.link
        if type_ == "iam.bindings":
            type_ = resource.body["resourceType"]
            link = f"{resource.body['resource']}:getIamPolicy"
        elif type_ == "compute.networkPeerings":
            link = link.rpartition("/peerings/")[0]
        url = self.definitions.base(type_.partition(".")[0]) + link
        answer = self.emulator.call("GET", url)
        if answer.status == 404:
            return None
        found = {
            name: _sorted(value) for name, value in answer.body.items() if name not in _PASSING
        }
        if resource.payload:
            found["payload"] = self.emulator.call("GET", f"{url}/versions/latest:access").body[
                "payload"
            ]
        if resource.type == "serviceusage.services":
            found["enabled"] = answer.body["state"]
        return dict(found)


def _root(drift: Drift) -> str:
    """The field of the resource in which the difference is."""
    return drift.field.partition(".")[0].partition("[")[0]


def _sorted(value: Any) -> Any:
    """Lists of plain values and of bindings are sets to those who read them here."""
    if isinstance(value, dict):
        return {name: _sorted(part) for name, part in sorted(value.items()) if name not in _PASSING}
    if isinstance(value, list):
        return sorted((_sorted(part) for part in value), key=str)
    return value


def _told(step: Mapping[str, Any], drift: Drift) -> bool:
    fields = [change["field"] for change in step["changes"]]
    return step["action"] == drift.action and (not drift.field or drift.field in fields)


def _as_before(
    drift: Drift,
    before: Mapping[str, Body | None],
    struck: Mapping[str, Body | None],
    after: Mapping[str, Body | None],
) -> bool:
    """Whether what the change by hand has changed is as it was: the declared field, or all of it."""
    was, then, now = before[drift.name], struck[drift.name], after[drift.name]
    assert was is not None, f"{drift.name}: it was not there before"
    if then is None or now is None:
        return now is not None
    differing = [name for name in {*was, *then} if was.get(name) != then.get(name)]
    assert differing, f"{drift.name}: nobody sees a difference"
    root = _root(drift)
    watched = [root] if root in differing else differing
    return all(was.get(name) == now.get(name) for name in watched)
