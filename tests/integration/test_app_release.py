"""Releases of the example on the lab's real cluster: what holds stays, what does not goes back by itself."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.example import Example
from tests.integration.gateway import Edge
from tests.integration.labs import Lab
from tests.integration.real_cluster import Cluster
from tests.integration.releases import HOST, MAP, Releases, one, pay, paying, states
from tests.integration.test_example import HOSTS

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    made = make_lab("t-release", HOSTS, kubernetes=True)
    made.succeed("databases")
    made.succeed("clusters")
    return made


@pytest.fixture(scope="module")
def example(lab: Lab) -> Example:
    octet = lab.run("kube-main-1", "hostname -I").split(".")[1]
    found = Example(lab, Cluster(lab, "main"), f"10.{octet}.3.21")
    found.share()
    return found


@pytest.fixture(scope="module")
def edge(lab: Lab) -> Edge:
    return Edge(lab, lab.run("kube-main-1", "hostname -I").split()[0])


@pytest.fixture(scope="module")
def releases(example: Example) -> Releases:
    return Releases(example)


def version(releases: Releases, name: str) -> str:
    """The version that a service's pods say they are."""
    return str(
        releases.example.ask(name, f"/v1/api/{MAP['services'][name]['app']}/health")["version"]
    )


def test_a_first_release_brings_everything_in_one_graph_and_payments_flow(
    releases: Releases, example: Example, edge: Edge
) -> None:
    rehearsed = releases.run(*releases.everything("1"), check=True)
    assert set(states(rehearsed).values()) == {"would_release"}
    assert not example.cluster.items(
        "deployments,jobs,secrets", "-n", "nx-backend", "-l", "groundwork.platform/release"
    )
    done = releases.run(*releases.everything("1"))
    assert set(states(done).values()) == {"released"}, done["msg"]
    assert done["critical_path"][:2] == ["identity", "identity rollout"]
    edge.await_status(200, "/", HOST)
    assert pay(edge, example, str(uuid.uuid4())).status == 201
    again = releases.run(*releases.everything("1"))
    assert set(states(again).values()) == {"current"}
    assert not again["changed"]


def test_a_version_that_answers_5xx_after_a_while_goes_back_by_itself(
    releases: Releases, example: Example, edge: Edge
) -> None:
    before = version(releases, "payment-api")
    bad = releases.service("payment-api", "2", faults="errors:after=10")
    with paying(lambda key: pay(edge, example, key)) as stream:
        done = releases.run(bad, soak={"seconds": 60, "failed_requests": "2%"})
        time.sleep(5)
    assert states(done) == {"payment-api": "rolled_back"}, done["msg"]
    assert done["reason"] == "failed_requests"
    assert f"was brought back to {before} and is well" in done["msg"]
    assert done["soak_seconds"] < 30
    assert version(releases, "payment-api") == before
    # Once it is back, all are answered again.
    first, last = stream.failed[0][0], stream.failed[-1][0]
    print(
        f"{len(stream.failed)} of {len(stream.sent)} payments failed, from {first:.1f} s to {last:.1f} s"
    )
    # The budget of the soak is its own length: they were over before it would have ended.
    assert last - first < 60
    assert {status for _at, status in stream.sent[-3:]} == {201}
    assert pay(edge, example, str(uuid.uuid4())).status == 201
    found = example.ask("ledger", "/v1/api/ledger/check")
    assert (found["sum"], found["unbalanced"], found["drifted"]) == (0, 0, 0)


def test_a_canary_by_weight_shows_a_bad_version_to_few(
    releases: Releases, example: Example, edge: Edge
) -> None:
    before = version(releases, "payment-api")
    canary = {"weight": 20, "seconds": 30}
    bad = releases.service("payment-api", "3", faults="errors", canary=canary)
    with paying(lambda key: pay(edge, example, key)) as stream:
        done = releases.run(bad, soak={"failed_requests": "2"})
    assert done["reason"] == "canary_failed", done["msg"]
    assert "nothing else was touched" in done["msg"]
    print(f"{len(stream.failed)} of {len(stream.sent)} payments failed")
    assert version(releases, "payment-api") == before
    assert not example.cluster.items(
        "deployments,services", "-n", "nx-backend", "-l", "groundwork.platform/track"
    )
    route = json.loads(
        example.cluster.do("get", "httproute", "nx-payment-api", "-n", "nx-backend", "-o", "json")
    )
    assert [each["name"] for each in route["spec"]["rules"][0]["backendRefs"]] == ["nx-payment-api"]


def test_a_good_canary_is_followed_by_all(releases: Releases, example: Example, edge: Edge) -> None:
    good = releases.service("payment-api", "4", canary={"seconds": 8})
    with paying(lambda key: pay(edge, example, key)) as stream:
        done = releases.run(good)
    assert states(done) == {"payment-api": "released"}, done["msg"]
    assert stream.failed == []
    assert one(done, "payment-api")["parts"]["canary"] > 8
    assert version(releases, "payment-api") == "4"


@pytest.mark.parametrize(
    "faults, reason",
    [
        ("unready:after=8", "unready"),
        ("exit:after=1", "crash_loop"),
        ("unhealthy", "unhealthy"),
        ("slow:seconds=3", "slow"),
    ],
)
def test_what_does_not_hold_goes_back(
    releases: Releases, example: Example, edge: Edge, faults: str, reason: str
) -> None:
    bad = releases.service("pricing", f"bad-{reason}", faults=faults)
    soak = {"seconds": 40, "latency": {"p50": 900}, "minimum_requests": 3}
    with paying(lambda key: pay(edge, example, key)):
        done = releases.run(bad, soak=soak)
    assert (done["reason"], states(done)) == (reason, {"pricing": "rolled_back"}), done["msg"]
    assert version(releases, "pricing") == "1"


def test_a_failed_migration_takes_back_what_came_before_it(releases: Releases) -> None:
    identity = releases.service("identity", "5", migrate=True)
    sale = releases.service("sale", "5", migrate=True)
    sale["migration"]["job"]["spec"]["backoffLimit"] = 0
    sale["migration"]["job"]["spec"]["template"]["spec"]["containers"][0]["args"] = [
        "migrate",
        "nobody",
    ]
    sale["migration"]["needs"] = ["identity rollout"]
    done = releases.run(identity, sale)
    assert states(done) == {"identity": "rolled_back", "sale": "left_out"}, done["msg"]
    assert done["reason"] == "migration_failed"
    assert version(releases, "identity") == "1"


def test_a_run_that_was_killed_is_taken_up(releases: Releases, tmp_path: Any) -> None:
    good = releases.service("pricing", "6")
    _kill(releases, good, tmp_path / "first", "soaks for", soak={"seconds": 60})
    done = releases.run(good)
    assert states(done) == {"pricing": "released"}, done["msg"]
    assert one(done, "pricing")["why"] == "a run of it was cut short"
    bad = releases.service("pricing", "7", faults="unhealthy")
    _kill(releases, bad, tmp_path / "second", "brings back", soak={"seconds": 60})
    ended = releases.run(bad)
    assert ended["reason"] == "rollback_finished", ended["msg"]
    assert states(ended) == {"pricing": "rolled_back"}
    assert version(releases, "pricing") == "6"


def _kill(
    releases: Releases, service: dict[str, Any], progress: Any, word: str, **options: Any
) -> None:
    begun = releases.begin(service, progress_file=str(progress), **options)
    deadline = time.monotonic() + 120
    while not (progress.exists() and word in progress.read_text()):
        assert begun.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    begun.send_signal(signal.SIGKILL)
    begun.wait()


def test_a_rollback_goes_to_the_last_good_revision_or_to_a_named_one(releases: Releases) -> None:
    service = {"name": "pricing"}
    done = releases.run(service, operation="rollback")
    assert (one(done, "pricing")["version"], states(done)) == ("1", {"pricing": "released"}), done[
        "msg"
    ]
    assert one(done, "pricing")["rollback_of"].startswith("6 (revision ")
    number = int(one(done, "pricing")["rollback_of"].partition("revision ")[2].rstrip(")"))
    done = releases.run(service, operation="rollback", revision=number)
    assert one(done, "pricing")["version"] == "6", done["msg"]
    assert version(releases, "pricing") == "6"
    nowhere = releases.run(service, operation="rollback", revision=999)
    assert nowhere["reason"] == "no_revision"


def test_of_two_releases_at_once_one_works(releases: Releases, tmp_path: Any) -> None:
    progress = tmp_path / "progress"
    begun = releases.begin(releases.service("pricing", "8"), progress_file=str(progress))
    while not (progress.exists() and progress.read_text()):
        time.sleep(0.05)
    refused = releases.run(releases.service("pricing", "9"), other_run="refuse")
    assert refused["reason"] == "busy"
    assert begun.wait() == 0
    assert version(releases, "pricing") == "8"


def test_an_image_alone_is_set_and_undone(releases: Releases) -> None:
    service = {"name": "pricing", "image": "localhost/lab/payments:nowhere"}
    done = releases.run(service, version="nowhere")
    assert states(done) == {"pricing": "rolled_back"}, done["msg"]
    assert done["reason"] == "hopeless_pod"
    assert "ErrImageNeverPull" in done["msg"]
    assert version(releases, "pricing") == "8"
