# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One graph of migrations and rollouts, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import (
    Problem,
    find_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Gate,
    Migration,
    Rollout,
)

#: How services that name no needs follow each other: by their needs alone, one after the other, or all after the first.
NEEDS, CHAIN, FIRST = "needs", "chain", "first"
ORDERS = (NEEDS, CHAIN, FIRST)


def rollout_key(service: str) -> str:
    """Key of a service's rollout in the graph; its migration's is the service."""
    return f"{service} rollout"


def ordered(
    migrations: Sequence[Migration], rollouts: Sequence[Rollout], order: str
) -> list[Migration]:
    """The migrations with the needs that an order gives to those that name none."""
    up = {rollout.service for rollout in rollouts}
    found: list[Migration] = []
    for migration in migrations:
        before = found[-1:] if order == CHAIN else found[:1] if order == FIRST else []
        needs = migration.needs or tuple(
            need for earlier in before for need in (earlier.service, *_own(earlier.service, up))
        )
        found.append(replace(migration, needs=needs))
    return found


def graph(
    migrations: Sequence[Migration], rollouts: Sequence[Rollout]
) -> dict[str, tuple[str, ...]]:
    """What each key needs. Raises ``KubeError`` (``twice``, ``unknown_need``, ``cycle``) with all that is wrong."""
    brought = {(rollout.namespace, rollout.deployment): rollout.service for rollout in rollouts}
    pairs: list[tuple[str, tuple[str, ...]]] = []
    migrated = {migration.service for migration in migrations}
    up = {rollout.service for rollout in rollouts}
    for migration in migrations:
        gates = tuple(
            rollout_key(service)
            for gate in migration.gates
            if (service := _brings(gate, migration.namespace, brought))
        )
        pairs.append((migration.service, _unique((*_keys(migration.needs, migrated, up), *gates))))
    for rollout in rollouts:
        own = tuple({rollout.service} & migrated)
        needs = _unique((*own, *_keys(rollout.needs, migrated, up)))
        pairs.append((rollout_key(rollout.service), needs))
    problems = [*_twins(migrations), *find_problems(pairs)]
    if problems:
        told = [f"{problem.message}." for problem in problems]
        text = told[0] if len(told) == 1 else _numbered(told)
        raise KubeError(problems[0].reason, text)
    return dict(pairs)


def open_gates(migration: Migration, rollouts: Iterable[Rollout]) -> list[Gate]:
    """The gates that nothing in this run brings about, and that have to be asked for."""
    brought = {(rollout.namespace, rollout.deployment): rollout.service for rollout in rollouts}
    return [gate for gate in migration.gates if not _brings(gate, migration.namespace, brought)]


def _twins(migrations: Sequence[Migration]) -> Iterator[Problem]:
    """Services that would make one Job: its end is told to one of them, and the other would wait for ever."""
    jobs: dict[tuple[str, str], str] = {}
    for each in migrations:
        first = jobs.setdefault((each.namespace, each.name), each.service)
        # Of a service that is there twice its key says so.
        if first != each.service:
            yield Problem(
                "twice",
                f"{first} and {each.service} have the same migration, {each.name}: leave it to one of them, and have "
                "the other need that, or give each an app or prefix of its own",
            )


def _brings(gate: Gate, namespace: str, brought: dict[tuple[str, str], str]) -> str:
    return brought.get((gate.namespace or namespace, gate.rollout), "") if gate.rollout else ""


def _own(service: str, up: set[str]) -> list[str]:
    return [rollout_key(service)] if service in up else []


def _keys(needs: Iterable[str], migrated: set[str], up: set[str]) -> list[str]:
    """Needs as keys of the graph: a service without a migration is there once it is rolled out."""
    return [rollout_key(need) if need not in migrated and need in up else need for need in needs]


def _unique(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys))


def _numbered(told: Sequence[str]) -> str:
    lines = [f"{number}. {text}" for number, text in enumerate(told, start=1)]
    return "\n".join([f"{len(told)} problems:", *lines])
