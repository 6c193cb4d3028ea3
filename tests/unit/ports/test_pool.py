"""What a pool of ports meets: one test for each thing that may hold a port."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.ports.arguments import ARGUMENTS
from ansible_collections.groundwork.platform.plugins.module_utils.ports.check import (
    evaluate,
    notes_of,
    ranges_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.ports.cluster import (
    host_ports,
    service_ports,
)
from ansible_collections.groundwork.platform.plugins.module_utils.ports.errors import PortError
from ansible_collections.groundwork.platform.plugins.module_utils.ports.pool import Holder


def params(start: int, end: int, **options: Any) -> dict[str, Any]:
    """The module's parameters, with the defaults of its options."""
    defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    return {**defaults, "pool": {"name": "staging", "start": start, "end": end}, **options}


def check(start: int, end: int, *more: Holder, **options: Any) -> dict[str, Any]:
    pool, given = ranges_of(params(start, end, **options))
    return evaluate(pool, [*given, *more])


def met(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["range"], one["ports"]) for one in found["conflicts"]]


def port(number: int, **more: str) -> dict[str, Any]:
    return {"name": "other", "port": number, "protocol": "TCP", **more}


def other(name: str, start: int, end: int) -> dict[str, Any]:
    return {"name": name, "start": start, "end": end}


@pytest.mark.parametrize(
    "options,kind,held,shared",
    [
        ({"others": [other("production", 6350, 6400)]}, "pool", "6350-6400", "6350-6399"),
        ({"host_ports": [port(6379)]}, "host_port", "6379", "6379"),
        ({"node_ports": [port(6379)]}, "node_port", "6379", "6379"),
        ({"service_ports": [port(6379)]}, "service_port", "6379", "6379"),
        ({"node_port_range": "80-32767"}, "node_port_range", "80-32767", "6300-6399"),
        ({"ephemeral_range": "6390 60999"}, "ephemeral", "6390-60999", "6390-6399"),
    ],
)
def test_each_holder_is_a_conflict_with_both_ranges(
    options: dict[str, Any], kind: str, held: str, shared: str
) -> None:
    assert met(check(6300, 6399)) == []
    found = check(6300, 6399, **options)
    assert met(found) == [(kind, held, shared)]
    message = found["conflicts"][0]["message"]
    assert "6300-6399" in message
    assert f"({held}) share {shared}." in message
    assert found["looked_at"][kind] == 1


def test_defaults_are_those_of_kubernetes_and_the_kernel() -> None:
    assert met(check(32767, 32768)) == [
        ("node_port_range", "30000-32767", "32767"),
        ("ephemeral", "32768-60999", "32768"),
    ]
    assert met(check(29000, 29999)) == met(check(61000, 65535)) == []


def test_each_can_be_left_out() -> None:
    assert met(check(30000, 60999, node_port_range="", ephemeral_range="")) == []


def test_reserved_ports_are_not_ephemeral() -> None:
    assert met(check(40000, 40099, reserved_ports="8080,40000-40099")) == []
    assert met(check(40000, 40099, reserved_ports="40010-40099")) == [
        ("ephemeral", "32768-60999", "40000-40009")
    ]
    # What is held in several parts is told in as many.
    assert [one[2] for one in met(check(40000, 40099, reserved_ports="40050"))] == [
        "40000-40049",
        "40051-40099",
    ]


def test_ports_of_another_protocol_are_no_conflict() -> None:
    given = {"service_ports": [port(6353, protocol="UDP")]}
    assert met(check(6300, 6399, **given)) == []
    assert len(met(check(6300, 6399, protocol="UDP", **given))) == 1


def test_a_free_pool_is_its_own_proposal() -> None:
    assert check(6300, 6399)["free"] == {"start": 6300, "end": 6399, "size": 100}


def test_the_proposal_is_of_the_same_size_and_has_no_conflict() -> None:
    options = {"others": [other("production", 29500, 29999)], "service_ports": [port(29450)]}
    found = check(30500, 30999, **options)
    assert found["free"] == {"start": 28950, "end": 29449, "size": 500}
    assert met(check(28950, 29449, **options)) == []


def test_where_no_range_is_free_none_is_proposed() -> None:
    assert check(1024, 60000)["free"] == {}


@pytest.mark.parametrize(
    "options,reason,words",
    [
        (
            {"others": [other("a", 100, 200), other("b", 150, 160)]},
            "bad_others",
            "the pool of a (100-200) and the pool of b (150-160) share 150-160 already",
        ),
        ({"others": [other("a", 9, 5)]}, "bad_others", "the pool of a is 9-5: it ends before"),
        ({"others": [other("a", 1, 5), other("a", 6, 9)]}, "bad_others", "two pools of a"),
        ({"others": [other("staging", 1, 5)]}, "bad_others", "leave it out of others"),
        ({"node_port_range": "many"}, "bad_range", "node_port_range is 'many'"),
        ({"ephemeral_range": "60999-32768"}, "bad_range", "ends before it starts"),
        ({"reserved_ports": "1-2-3"}, "bad_range", "reserved_ports"),
        ({"host_ports": [port(0)]}, "bad_range", "0 is no port"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(PortError) as refused:
        check(6300, 6399, **options)
    assert refused.value.reason == reason
    assert words in str(refused.value)


def test_a_node_port_outside_the_range_makes_it_doubtful() -> None:
    outside = Holder("node_port", "NodePort of Service edge/gate", ranges_of(params(80, 80))[0])
    (note,) = notes_of(params(6300, 6399), [outside])
    assert "NodePort of Service edge/gate is 80, outside node_port_range (30000-32767)" in note
    assert notes_of(params(6300, 6399, node_port_range="80-32767"), [outside]) == []


def pod(name: str, *ports: dict[str, Any], **more: Any) -> dict[str, Any]:
    containers = [{"name": "redis", "ports": list(ports)}]
    metadata = {"namespace": "data", "name": name, **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"containers": containers}, **more}


def test_host_ports_of_pods() -> None:
    owned = {"ownerReferences": [{"name": "cache"}]}
    pods = [
        pod("cache-b", {"containerPort": 1, "hostPort": 6379}, metadata=owned),
        pod("cache-a", {"containerPort": 1, "hostPort": 6379}, metadata=owned),
        pod("alone", {"containerPort": 6380, "hostPort": 6380, "protocol": "UDP"}),
        pod("inside", {"containerPort": 6381}),
        pod("done", {"containerPort": 1, "hostPort": 6382}, status={"phase": "Succeeded"}),
    ]
    (found,) = host_ports(pods, "TCP")
    assert found.name == "host port of pod data/cache-a and 1 more, container redis"
    assert str(found.ports) == "6379"
    assert [str(one.ports) for one in host_ports(pods, "UDP")] == ["6380"]


def test_ports_of_services() -> None:
    ports = [
        {"port": 6379, "nodePort": 30379, "protocol": "TCP"},
        {"port": 53, "nodePort": 30053, "protocol": "UDP"},
    ]
    service = {
        "metadata": {"namespace": "data", "name": "cache"},
        "spec": {"ports": ports, "healthCheckNodePort": 31000},
    }
    headless = {"metadata": {"namespace": "data", "name": "none"}, "spec": {}}
    assert [(one.kind, str(one.ports)) for one in service_ports([service, headless], "TCP")] == [
        ("service_port", "6379"),
        ("node_port", "30379"),
        ("node_port", "31000"),
    ]
    assert [str(one.ports) for one in service_ports([service], "UDP")] == ["53", "30053"]
