"""Graphs: what is wrong with them, what may start, which chain takes longest."""

from __future__ import annotations

import itertools
import random

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import (
    Frontier,
    find_cycles,
    find_problems,
    longest_chain,
    transitive,
)

Needs = dict[str, tuple[str, ...]]
SEEDS = range(40)


def graph(seed: int, size: int = 30) -> Needs:
    """A random graph without a cycle: each needs only what was made before it."""
    dice = random.Random(seed)
    keys = [f"n{number}" for number in range(size)]
    found = {
        key: tuple(dice.sample(keys[:number], min(number, dice.choice((0, 0, 1, 2, 4)))))
        for number, key in enumerate(keys)
    }
    dice.shuffle(keys)
    return {key: found[key] for key in keys}


def test_all_problems_are_found_at_once() -> None:
    pairs: list[tuple[str, tuple[str, ...]]] = [
        ("issuers", ("cert-manger", "nowhere")),
        ("cert-manager", ()),
        ("issuers", ("cert-manger", "nowhere")),
        ("a", ("b",)),
        ("b", ("c", "cert-manager")),
        ("c", ("a",)),
        ("self", ("self",)),
    ]
    found = [(problem.reason, problem.message) for problem in find_problems(pairs)]
    assert found == [
        ("twice", "issuers is there twice"),
        (
            "unknown_need",
            "issuers needs cert-manger, which is not there: did you mean cert-manager?",
        ),
        ("unknown_need", "issuers needs nowhere, which is not there"),
        ("cycle", "a → b → c → a: each needs the next, so none of them can come first"),
        ("cycle", "self needs itself"),
    ]


def test_two_that_need_each_other_are_named_in_their_order() -> None:
    assert find_cycles({"a": ("b",), "b": ("a",)}) == [("a", "b", "a")]
    assert find_cycles({"b": ("a",), "a": ("b",)}) == [("b", "a", "b")]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_cycle_that_is_told_is_one_and_without_them_none_is_left(seed: int) -> None:
    needs = graph(seed)
    assert find_cycles(needs) == []
    dice = random.Random(seed)
    for _number in range(dice.randint(1, 4)):
        key, need = dice.sample(list(needs), 2)
        needs[key] = (*needs[key], need)
    cycles = find_cycles(needs)
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(need in needs[key] for key, need in itertools.pairwise(cycle))
    for first, second, *_others in cycles:
        needs[first] = tuple(need for need in needs[first] if need != second)
    assert find_cycles(needs) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_may_start_once_and_never_before_what_it_needs(seed: int) -> None:
    needs = graph(seed)
    dice = random.Random(seed)
    frontier = Frontier(needs, dict.fromkeys(needs, 1.0))
    taken: list[str] = []
    done: set[str] = set()
    while len(done) < len(needs):
        while (key := frontier.take()) is not None:
            assert set(needs[key]) <= done
            taken.append(key)
        finished = dice.choice([key for key in taken if key not in done])
        done.add(finished)
        frontier.finish(finished)
    assert sorted(taken) == sorted(needs)


def test_what_has_most_behind_it_goes_first_then_what_was_given_first() -> None:
    needs: Needs = {
        "short": (),
        "also-short": (),
        "head": (),
        "middle": ("head",),
        "tail": ("middle",),
    }
    frontier = Frontier(needs, dict.fromkeys(needs, 1.0))
    assert [frontier.take() for _number in range(4)] == ["head", "short", "also-short", None]
    weighed = Frontier(needs, {**dict.fromkeys(needs, 1.0), "also-short": 9.0})
    assert weighed.take() == "also-short"


def test_a_failure_loses_all_that_needs_it_once() -> None:
    needs: Needs = {"a": (), "b": ("a",), "c": ("b",), "d": ("a", "c"), "other": ()}
    frontier = Frontier(needs, dict.fromkeys(needs, 1.0))
    frontier.take()
    assert frontier.lose("a") == ["b", "d", "c"]
    assert frontier.lose("a") == []
    assert frontier.take() == "other"


def test_transitive_needs() -> None:
    assert transitive({"c": ("b",), "b": ("a",), "a": (), "x": ()}) == {
        "a": frozenset(),
        "b": frozenset("a"),
        "c": frozenset("ab"),
        "x": frozenset(),
    }


def test_the_longest_chain_is_that_of_the_times_and_not_of_the_numbers() -> None:
    needs: Needs = {"a": (), "b": ("a",), "c": ("b",), "slow": ("a",)}
    seconds = {"a": 1.0, "b": 1.0, "c": 1.0, "slow": 5.0}
    assert longest_chain(needs, seconds) == (("a", "slow"), 6.0)
    del seconds["slow"]
    assert longest_chain(needs, seconds) == (("a", "b", "c"), 3.0)
    assert longest_chain(needs, {}) == ((), 0.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_chain_is_longer_than_the_longest(seed: int) -> None:
    needs = graph(seed, 12)
    dice = random.Random(seed)
    seconds = {key: dice.uniform(0, 5) for key in needs}

    def longest(key: str) -> float:
        return seconds[key] + max((longest(need) for need in needs[key]), default=0.0)

    chain, total = longest_chain(needs, seconds)
    assert total == pytest.approx(max(map(longest, needs)))
    assert total == pytest.approx(sum(seconds[key] for key in chain))
    assert all(need in needs[key] for need, key in itertools.pairwise(chain))
