# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Order out of needs: what is wrong with a graph, what may start, and which chain takes longest."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

#: What each key needs, in the order in which the keys were given.
Needs = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Problem:
    """Why a graph cannot be worked off: ``twice``, ``unknown_need`` or ``cycle``, and in words."""

    reason: str
    message: str


class GraphError(Exception):
    """A graph that cannot be worked off, with all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


def find_problems(pairs: Iterable[tuple[str, Sequence[str]]]) -> list[Problem]:
    """Find keys that are there twice, needs that nobody has, and keys that need each other."""
    pairs = list(pairs)
    needs = dict(pairs)
    keys = [key for key, _needs in pairs]
    twins = [key for number, key in enumerate(keys) if key in keys[:number]]
    found = [Problem("twice", f"{key} is there twice") for key in dict.fromkeys(twins)]
    for key, wanted in needs.items():
        found += [
            Problem("unknown_need", _unknown(key, need, needs))
            for need in wanted
            if need not in needs
        ]
    return found + [Problem("cycle", in_words(cycle)) for cycle in find_cycles(needs)]


def find_cycles(needs: Needs) -> list[tuple[str, ...]]:
    """Find cycles, at least one in each part of the graph that has one: (a, b, a) where a needs b and b needs a."""
    left = {key: [need for need in wanted if need in needs] for key, wanted in needs.items()}
    found = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            # graphlib tells it from need to who needs it; the last is the first again.
            circle = list(reversed(error.args[1][1:]))
            first = circle.index(next(key for key in needs if key in circle))
            circle = circle[first:] + circle[:first]
            found.append((*circle, circle[0]))
            left[circle[0]].remove(circle[1 % len(circle)])
        else:
            return found


def transitive(needs: Needs) -> dict[str, frozenset[str]]:
    """All that each key needs, also through others. The graph has no cycle."""
    found: dict[str, frozenset[str]] = {}
    for key in TopologicalSorter(needs).static_order():
        wanted = needs.get(key, ())
        found[key] = frozenset(wanted).union(*(found[need] for need in wanted))
    return found


def longest_chain(needs: Needs, seconds: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
    """The chain whose times add up to most, and the sum: no way of working the graph off is faster.

    Keys without a time have not run and are left out.
    """
    sums = _chain_sums(needs, seconds)
    if not sums:
        return (), 0.0
    last: str | None = max(sums, key=lambda key: sums[key])
    total, chain = sums[str(last)], []
    while last is not None:
        chain.append(last)
        last = max(
            (need for need in needs[last] if need in sums),
            key=lambda key: sums[key],
            default=None,
        )
    return tuple(reversed(chain)), total


class Frontier:
    """What may start now. The most urgent comes first: that with the heaviest chain of others behind it.

    The graph has no problem; ``weights`` are expected times.
    """

    def __init__(self, needs: Needs, weights: Mapping[str, float]) -> None:
        self._dependents: dict[str, list[str]] = {key: [] for key in needs}
        for key, wanted in needs.items():
            for need in dict.fromkeys(wanted):
                self._dependents[need].append(key)
        urgency = _chain_sums(self._dependents, weights)
        self._rank = {key: (-urgency[key], number) for number, key in enumerate(needs)}
        self._lost: set[str] = set()
        self._ready: list[tuple[tuple[float, int], str]] = []
        self._sorter = TopologicalSorter(needs)
        self._sorter.prepare()
        self._collect()

    def take(self) -> str | None:
        """The most urgent of what may start, ``None`` where nothing may."""
        return heapq.heappop(self._ready)[1] if self._ready else None

    def finish(self, key: str) -> None:
        """Note that something is done; what waited for it alone may start."""
        self._sorter.done(key)
        self._collect()

    def lose(self, key: str) -> list[str]:
        """Note that something failed; return all that can never start for that, each of them once."""
        lost: list[str] = []
        waiting = [key]
        while waiting:
            for dependent in self._dependents[waiting.pop(0)]:
                if dependent not in self._lost:
                    self._lost.add(dependent)
                    lost.append(dependent)
                    waiting.append(dependent)
        return lost

    def _collect(self) -> None:
        for key in self._sorter.get_ready():
            heapq.heappush(self._ready, (self._rank[key], key))


def _chain_sums(needs: Needs, weights: Mapping[str, float]) -> dict[str, float]:
    """For each key with a weight, that of the heaviest chain that ends with it."""
    sums: dict[str, float] = {}
    for key in TopologicalSorter(needs).static_order():
        if key in weights:
            before = [sums[need] for need in needs[key] if need in sums]
            sums[key] = weights[key] + max(before, default=0.0)
    return sums


def _unknown(key: str, need: str, known: Iterable[str]) -> str:
    hint = did_you_mean(need, known)
    return f"{key} needs {need}, which is not there{f': {hint}'.rstrip() if hint else ''}"


def in_words(cycle: Sequence[str]) -> str:
    """Return a cycle as ``find_cycles`` tells it, for people."""
    if len(cycle) == 2:
        return f"{cycle[0]} needs itself"
    return f"{' → '.join(cycle)}: each needs the next, so none of them can come first"
