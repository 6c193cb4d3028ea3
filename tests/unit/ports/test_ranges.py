"""Ranges of ports: each rule alone, then all of them held against sets of numbers."""

from __future__ import annotations

import random

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.ports.errors import PortError
from ansible_collections.groundwork.platform.plugins.module_utils.ports.ranges import (
    HIGHEST,
    UNPRIVILEGED,
    Ports,
    checked,
    nearest_free,
    parse,
    parse_list,
)


@pytest.mark.parametrize(
    "start,end,words",
    [
        (7000, 6000, "it ends before it starts"),
        (7000, 6999, "no port at all"),
        (7000, 65536, "65536 is no port"),
        (0, 0, "0 is no port"),
        (-1, 5, "-1 is no port"),
        (70000, 80000, "70000 is no port"),
    ],
)
def test_what_is_no_range_is_refused(start: int, end: int, words: str) -> None:
    with pytest.raises(PortError, match=words) as refused:
        checked(start, end, "The pool", "bad_pool")
    assert refused.value.reason == "bad_pool"
    assert f"The pool is {start}-{end}" in str(refused.value)


@pytest.mark.parametrize("start,end,size", [(1, 65535, 65535), (6379, 6379, 1), (6300, 6399, 100)])
def test_both_ends_belong_to_a_range(start: int, end: int, size: int) -> None:
    assert checked(start, end, "The pool", "bad_pool").size == size


@pytest.mark.parametrize(
    "text,ports",
    [
        ("30000-32767", Ports(30000, 32767)),
        ("32768\t60999", Ports(32768, 60999)),
        ("32768 60999\n", Ports(32768, 60999)),
        ("30000 - 32767", Ports(30000, 32767)),
        ("6379", Ports(6379, 6379)),
    ],
)
def test_a_range_as_programs_write_it(text: str, ports: Ports) -> None:
    assert parse(text, "node_port_range") == ports


@pytest.mark.parametrize("text", ["", "a-b", "1-2-3", "30000+2767", "-5", "5-", "99999", "9-8"])
def test_a_range_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(PortError, match="node_port_range") as refused:
        parse(text, "node_port_range")
    assert refused.value.reason == "bad_range"


def test_a_list_of_ranges() -> None:
    assert parse_list("8080,30000-32767\n", "reserved_ports") == (
        Ports(8080, 8080),
        Ports(30000, 32767),
    )
    assert parse_list("", "reserved_ports") == ()


def a_range(chance: random.Random, highest: int = 400) -> Ports:
    start = chance.randint(1, highest)
    return Ports(start, min(highest, start + chance.choice((0, 1, 5, 40, 120))))


def numbers(*ranges: Ports) -> set[int]:
    return {port for one in ranges for port in range(one.start, one.end + 1)}


@pytest.mark.parametrize("seed", range(200))
def test_common_and_without_are_those_of_sets(seed: int) -> None:
    chance = random.Random(seed)
    one, others = a_range(chance), [a_range(chance) for _number in range(chance.randint(0, 6))]
    for other in others:
        shared = one.common(other)
        assert (numbers(shared) if shared else set()) == numbers(one) & numbers(other)
        assert one.common(other) == other.common(one)
    left = list(one.without(others))
    assert numbers(*left) == numbers(one) - numbers(*others)
    assert left == sorted(left)


@pytest.mark.parametrize("seed", range(40))
def test_the_free_range_is_the_nearest_of_all(seed: int) -> None:
    chance = random.Random(seed)
    wanted = _wanted(chance)
    taken = [_taken(chance) for _number in range(chance.randint(1, 8))]
    held = numbers(*taken)
    fits = [
        start
        for start in range(UNPRIVILEGED, HIGHEST - wanted.size + 2)
        if held.isdisjoint(range(start, start + wanted.size))
    ]
    found = nearest_free(wanted, taken)
    assert found is not None
    assert found.size == wanted.size
    assert found.start == min(fits, key=lambda start: (abs(start - wanted.start), start))


def _wanted(chance: random.Random) -> Ports:
    start = chance.choice((500, 1024, 30000, 65500))
    return Ports(start, start + chance.choice((0, 9, 30)))


def _taken(chance: random.Random) -> Ports:
    start = chance.randint(400, 65000)
    return Ports(start, min(HIGHEST, start + chance.choice((0, 10, 5000))))


def test_where_nothing_is_free_there_is_none() -> None:
    assert nearest_free(Ports(1, 64512), []) == Ports(1024, 65535)
    assert nearest_free(Ports(1, 64513), []) is None
    assert nearest_free(Ports(6000, 6099), [Ports(1, 65535)]) is None
    assert nearest_free(Ports(6000, 6099), [Ports(1, 65436)]) is None
    assert nearest_free(Ports(6000, 6099), [Ports(1, 65435)]) == Ports(65436, 65535)
