"""Who gets a balancer's connections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.lab.gcp.fabric import reading
from tests.lab.gcp.fabric.health import Standing
from tests.lab.gcp.fabric.model import Balancer, HealthCheck, Member
from tests.lab.gcp.fabric.steering import Drains, Health, pool, steering
from tests.unit.gcp_fabric.world import REGION, Books, balancer, instance, network, subnet

CHECK = HealthCheck("check", "TCP", 80, healthy=2, unhealthy=3)
BALANCER = Balancer(
    key="rule",
    service="service",
    address="10.0.0.100",
    protocol="tcp",
    ports=("80",),
    external=False,
    members=(Member("a", "10.0.0.2"), Member("b", "10.0.0.3"), Member("c", "10.0.0.4", True)),
    check=CHECK,
)


def health(*addresses: str, draining: tuple[str, ...] = ()) -> Health:
    healthy = frozenset(("service", f"10.0.0.{one}") for one in addresses)
    return Health(healthy, {"service": frozenset(draining)})


@pytest.mark.parametrize(
    "healthy, ratio, drops, chosen",
    [
        (("2", "3", "4"), 0, False, ["2", "3"]),
        (("3", "4"), 0, False, ["3"]),
        (("4",), 0, False, ["4"]),
        (("3", "4"), 0.6, False, ["4"]),
        (("3",), 0.6, False, ["3"]),
        ((), 0, False, ["2", "3"]),
        ((), 0, True, []),
    ],
)
def test_whom_new_connections_go_to(healthy, ratio, drops, chosen):
    given = replace(BALANCER, failover_ratio=ratio, drop_if_unhealthy=drops)
    assert [one[-1] for one in pool(given, health(*healthy)).chosen] == chosen


def test_without_a_check_everybody_is_healthy():
    assert len(pool(replace(BALANCER, check=None), health()).chosen) == 2


def test_who_drains_keeps_connections_and_gets_no_new_ones():
    found = pool(BALANCER, health("2", "3", draining=("10.0.0.9",)))
    assert "10.0.0.9" in found.kept
    assert "10.0.0.9" not in found.chosen


def test_a_removed_member_drains_for_the_time_given():
    books = world(draining=30)
    drains = Drains()
    assert drains.follow(read(books), now=0) == ({}, None)
    group = next(one for one in books.held.values() if one.type.endswith("instanceGroups"))
    group.body["instances"] = group.body["instances"][:1]
    service = f"projects/demo/regions/{REGION}/backendServices/lb-service"
    assert drains.follow(read(books), now=10) == ({service: frozenset({"10.20.0.3"})}, 30)
    assert drains.follow(read(books), now=39.5)[1] == pytest.approx(0.5)
    assert drains.follow(read(books), now=40) == ({}, None)


def world(draining: int = 0, **rule) -> Books:
    books = Books()
    network(books)
    subnet(books, "main", "10.20.0.0/24")
    instance(books, "a", "10.20.0.2")
    instance(books, "b", "10.20.0.3")
    instance(books, "far", "10.20.0.4", zone="asia-southeast2-a")
    service = {"connectionDraining": {"drainingTimeoutSec": draining}}
    balancer(books, "lb", "10.20.0.100", ["a", "b"], service=service, **rule)
    return books


def read(books: Books):
    return reading.networks(books, {key: 1 for key in books.held if "/instances/" in key})


def rules(books: Books) -> str:
    (own,) = read(books)
    text = "\n".join(steering(own, {}, Health()))
    for port in own.ports:
        text = text.replace(port.link, port.instance.name)
    return text


def test_the_balancer_s_ports_are_served():
    text = rules(world(ports=["5432", "8008"], IPProtocol="TCP"))
    assert "ip daddr 10.20.0.100 tcp dport { 5432, 8008 } jump balancer_" in text
    assert "mod 2 seed 0x5eed map { 0 : 0x0a140002, 1 : 0x0a140003 }" in text


def test_other_regions_are_served_where_access_is_global():
    assert 'iifname { "far" } drop' in rules(world(allPorts=True))
    assert 'iifname { "far" } drop' not in rules(world(allPorts=True, allowGlobalAccess=True))


def test_affinity_to_the_client_leaves_ports_out():
    books = world(allPorts=True)
    service = next(one for one in books.held.values() if "backendServices" in one.link)
    service.body["sessionAffinity"] = "CLIENT_IP"
    text = rules(books)
    assert "jhash ip saddr . ip daddr mod 2" in text
    assert "th sport" not in text


def test_health_changes_after_the_threshold_of_answers_in_a_row():
    standing = Standing()
    answers = [True, False, True, True, False, False, True, False, False, False]
    changes = [standing.learn(answer, CHECK) for answer in answers]
    assert [index for index, changed in enumerate(changes) if changed] == [3, 9]
    assert not standing.healthy
