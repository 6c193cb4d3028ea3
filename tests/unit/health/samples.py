"""Results, options and a world without a network for the tests of health checks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.groundwork.platform.plugins.module_utils.health.arguments import (
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Attempt,
    Facts,
    Result,
)


def attempts(outcomes: str, seconds: float = 0.01) -> tuple[Attempt, ...]:
    """One for each letter: a dot went well, anything else failed."""
    return tuple(
        Attempt(
            float(number),
            seconds,
            "" if letter == "." else "status",
            "status 503 instead of 2xx" * (letter != "."),
        )
        for number, letter in enumerate(outcomes)
    )


def result(name: str, first: str = ".", watched: str = "", seconds: float = 0.01) -> Result:
    """A check that was asked so."""
    return Result(
        name,
        "http",
        f"GET http://{name}",
        attempts(first, seconds),
        attempts(watched, seconds),
        len(watched),
    )


def options(**given: Any) -> dict[str, Any]:
    """The module's parameters as Ansible hands them over."""
    found = ArgumentSpecValidator(argument_spec()).validate(given)
    assert not found.error_messages, found.error_messages
    return dict(found.validated_parameters)


@dataclass
class Told:
    """A question that is answered from a list, whose last answer stays: seconds that go well, or a reason."""

    answers: Sequence[float | str]
    asked: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    target: str = "told"

    async def ask(self, _world: Any, _timeout: float, /) -> Facts:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(asyncio.get_running_loop().time())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if isinstance(answer, str):
                raise FailedError(answer, f"told {answer}")
            await asyncio.sleep(answer)
        finally:
            self.under_way -= 1
        return {"asked": len(self.asked)}
