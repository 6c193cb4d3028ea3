"""Instances that a change needs stopped: they run again whatever becomes of the change, and their disks stay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.dag.runner import Report
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.apply import Wishes, apply
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.plan import Allowed, plan
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.run import broken

from tests.unit.gcp.test_handlers import brought
from tests.unit.gcp.test_plan import DISK, INSTANCE, NETWORK, SUBNETWORK, live_instance, planned
from tests.unit.gcp.world import PROJECT, FakeClient, a_cloud, handlers

TEXT = NETWORK + SUBNETWORK + DISK + INSTANCE
LINK = f"projects/{PROJECT}/zones/asia-southeast1-a/instances/db"
REFUSED = GcpError("permission_denied", "No actAs.", "forbidden", 403)
FULL = GcpError("no_capacity", "No machine is free.")
STALE = GcpError("changed_meanwhile", "Another fingerprint.", "conditionNotMet", 412)


class Machine(FakeClient):
    """An instance that stops and starts."""

    async def call(self, verb: Any, places: Any, body: Any = None, query: Any = None) -> Any:
        answer = await super().call(verb, places, body, query)
        status = {"stop": "TERMINATED", "start": "RUNNING"}.get(verb.id.rpartition(".")[2])
        if status:
            self.there[LINK] = {**self.there[LINK], "status": status}
        return answer

    @property
    def verbs(self) -> list[str]:
        return [name.rpartition(".")[2] for name, _body in self.calls]


def run(failures: dict[str, list[GcpError]], text: str = TEXT) -> tuple[Machine, Report[Any]]:
    """A run that changes the machine type; of which methods fail so often."""
    cloud, _client = a_cloud()
    live = {
        LINK: live_instance("e2-small"),
        f"projects/{PROJECT}/zones/asia-southeast1-a/disks/data": {"sizeGb": "100"},
    }
    client = Machine(live)
    client.failures = {f"compute.instances.{verb}": each for verb, each in failures.items()}
    cloud.client = client  # type: ignore[assignment]
    own = [each for each in handlers(cloud, text) if each.resource.name in ("db", "data")]

    async def go() -> Report[Any]:
        seen = {each.resource.key: await each.read() for each in own}
        steps = plan(own, seen, Allowed(replace=["all"]))
        return await apply(cloud, steps, Wishes(), lambda _key, _text: None)

    report = asyncio.run(go())
    return client, report


def failure(report: Report[Any]) -> str:
    return str(report.results["compute.instances/asia-southeast1-a/db"].error)


def test_an_instance_whose_change_is_refused_runs_again():
    client, report = run({"setMachineType": [REFUSED]})
    assert client.verbs == ["stop", "setMachineType", "start"]
    assert failure(report) == ("No actAs. It had been stopped for this, and is started again.")


def test_one_that_cannot_be_stopped_is_not_started():
    client, report = run({"stop": [REFUSED]})
    assert client.verbs == ["stop"]
    assert failure(report) == "No actAs."


@pytest.mark.parametrize(
    "more, words",
    [
        ({}, "it was changed, and"),
        ({"setMachineType": [REFUSED]}, "it was not changed (No actAs.)"),
    ],
)
def test_one_that_cannot_be_started_again_is_told(more, words):
    client, report = run({**more, "start": [FULL]})
    assert client.verbs == ["stop", "setMachineType", "start"]
    assert words in failure(report)
    assert "stays stopped, as it could not be started again: No machine is free." in failure(report)
    assert "declare status: RUNNING" in failure(report)


def test_a_change_that_is_tried_again_stops_and_starts_again():
    client, report = run({"setMachineType": [STALE]})
    assert client.verbs == ["stop", "setMachineType", "start"] * 2
    assert report.results["compute.instances/asia-southeast1-a/db"].state == "done"
    assert client.there[LINK]["status"] == "RUNNING"


def test_one_that_is_declared_stopped_stays_so():
    client, _report = run({}, TEXT + "    status: TERMINATED\n")
    assert client.verbs == ["stop", "setMachineType", "stop"]


@pytest.mark.parametrize("status", ["TERMINATED", "SUSPENDED"])
def test_one_that_a_run_left_stopped_is_told(status):
    live = {"db": {**live_instance(), "status": status}, "data": {"sizeGb": "100"}}
    step = planned(TEXT, live)["db"]
    assert step.action == "unchanged"
    (words,) = broken([step])
    assert f"db is {status} at Google, and nothing is declared of that" in words
    assert "Declare status: RUNNING, and the next run starts it" in words
    declared = planned(TEXT + f"    status: {status}\n", live)["db"]
    assert broken([declared]) == []


@pytest.mark.parametrize("status, verb", [("TERMINATED", "start"), ("SUSPENDED", "resume")])
def test_one_that_is_declared_running_is_started(status, verb):
    live = {**live_instance(), "status": status}
    calls = brought(TEXT + "    status: RUNNING\n", live, "db")
    assert [name for name, _body in calls] == [f"compute.instances.{verb}"]


def test_a_data_disk_outlives_its_instance_where_that_is_deleted():
    """Somebody set autoDelete by hand: what goes with the instance is what is declared so."""
    live = live_instance()
    live["disks"][1]["autoDelete"] = True
    cloud, client = a_cloud({LINK: live})
    text = DISK + INSTANCE.replace("  body:", "  state: absent\n  body:")
    own = next(each for each in handlers(cloud, text) if each.resource.name == "db")
    assert not own.resource.present
    assert own.holds(live) == ""
    asyncio.run(own.delete())
    assert client.calls == [
        ("compute.instances.setDiskAutoDelete", {"autoDelete": "false", "deviceName": "data"}),
        ("compute.instances.delete", {}),
    ]
    # A disk that is declared to go with it does, and is told as lost.
    text = text.replace("source: data}", "source: data, autoDelete: true}")
    own = next(each for each in handlers(cloud, text) if each.resource.name == "db")
    assert own.holds(live) == "the data of its disks data"
