# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From options to checks. All that is wrong is told at once, before anything is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import (
    Budget,
    Share,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.cluster import Kubernetes
from ansible_collections.groundwork.platform.plugins.module_utils.health.engine import Plan
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Check,
    Pace,
    Question,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.names import Dns
from ansible_collections.groundwork.platform.plugins.module_utils.health.promql import Promql
from ansible_collections.groundwork.platform.plugins.module_utils.health.sql import Postgresql
from ansible_collections.groundwork.platform.plugins.module_utils.health.stores import (
    Etcd,
    Patroni,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.streams import (
    Banner,
    Redis,
    Tcp,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.web import Http

Reader = Callable[[Mapping[str, Any], Mapping[str, Any]], Question]

KINDS: dict[str, Reader] = {
    "http": Http.of,
    "tcp": Tcp.of,
    "postgresql": Postgresql.of,
    "redis": Redis.of,
    "banner": Banner.of,
    "dns": Dns.of,
    "kubernetes": Kubernetes.of,
    "patroni": Patroni.of,
    "etcd": Etcd.of,
    "promql": Promql.of,
}


@dataclass(frozen=True)
class Problem:
    """What is wrong with the options, as a code and a sentence."""

    reason: str
    message: str


class RefusedError(Exception):
    """Nothing is asked: the options cannot be meant so."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [problem.message for problem in problems]
        if len(lines) > 1:
            numbered = [f"{number}. {line}" for number, line in enumerate(lines, 1)]
            lines = [f"{len(lines)} problems, and nothing was asked:", *numbered]
        super().__init__("\n".join(lines))
        self.reason = problems[0].reason
        self.problems = tuple(problems)


def read(params: Mapping[str, Any]) -> tuple[list[Check], Plan]:
    """The checks and how they are asked. Raises ``RefusedError``."""
    found: list[Check | Problem] = [_check(given, params["defaults"]) for given in params["checks"]]
    checks = [one for one in found if isinstance(one, Check)]
    problems = [*_twice(params["checks"]), *(one for one in found if isinstance(one, Problem))]
    budget, wrong = _budget(params["budget"], len(found))
    problems += [*wrong, *_plan_problems(params)]
    if problems:
        raise RefusedError(problems)
    return checks, Plan(params["concurrency"], params["for"], budget)


def _check(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Check | Problem:
    kind = next(name for name in KINDS if given[name] is not None)
    try:
        if not given["name"].strip():
            raise ValueError("its name is empty")
        return Check(given["name"], kind, KINDS[kind](given[kind], defaults), pace(given, defaults))
    except ValueError as error:
        return Problem("bad_check", f"{given['name'] or 'A check'}: {error}.")


def pace(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Pace:
    """How a check is asked. Raises ``ValueError``."""
    names = ("timeout", "retries", "interval", "successes")
    own = {name: defaults[name] if given[name] is None else given[name] for name in names}
    for name, least in (("retries", 0), ("successes", 1)):
        if own[name] < least:
            raise ValueError(f"{name} {own[name]} is below {least}")
    for name, least_seconds in (("timeout", 0.01), ("interval", 0.05)):
        if own[name] < least_seconds:
            raise ValueError(f"{name} {own[name]:g} s is below {least_seconds:g} s")
    return Pace(**own)


def _twice(checks: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for name, count in Counter(given["name"] for given in checks).items():
        if count > 1:
            yield Problem(
                "twice", f"{name} is the name of {count} checks; give each one of its own."
            )


def _budget(given: Mapping[str, Any], checks: int) -> tuple[Budget, list[Problem]]:
    shares, problems = {}, []
    for name in ("checks", "attempts"):
        try:
            shares[name] = Share.of(given[name])
        except ValueError as error:
            problems.append(Problem("bad_budget", f"budget.{name}: {error}."))
    limits = {name: limit for name, limit in (given["latency"] or {}).items() if limit is not None}
    budget = Budget(latency=limits, **shares)
    problems += [Problem("bad_budget", said) for said in budget.problems(checks)]
    return budget, problems


def _plan_problems(params: Mapping[str, Any]) -> Iterator[Problem]:
    if not params["checks"]:
        yield Problem(
            "no_check", "checks is empty: nothing would be asked, and all would seem well."
        )
    if params["concurrency"] < 1:
        yield Problem("bad_option", f"concurrency {params['concurrency']} is below 1.")
    if params["for"] < 0:
        yield Problem("bad_option", f"for {params['for']:g} s is below 0.")
