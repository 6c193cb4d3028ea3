# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PromQL: every value that a query has now lies within its bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.health import rules
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.web import Http
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import World


@dataclass(frozen=True)
class Promql:
    """A query, asked over Prometheus' HTTP API."""

    request: Http
    query: str
    minimum: float | None = None
    maximum: float | None = None
    empty: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Promql:
        """Read the options. Raises ``ValueError``."""
        address = rules.url(given["url"])
        minimum, maximum = given["minimum"], given["maximum"]
        if not given["query"].strip():
            raise ValueError("query is empty")
        if minimum is not None and maximum is not None and minimum > maximum:
            raise ValueError(f"minimum {minimum:g} is above maximum {maximum:g}")
        if given["empty"] and (minimum, maximum) != (None, None):
            raise ValueError("empty: where no value may come, none can lie within bounds")
        request = Http(
            url=address.rstrip("/") + "/api/v1/query",
            user=(given["username"], given["password"] or "") if given["username"] else None,
            tls=rules.tls(given, defaults),
        )
        return cls(request, given["query"], minimum, maximum, given["empty"])

    @property
    def target(self) -> str:
        """The query, and who is asked."""
        return f"{self.query} at {self.request.url[: -len('/api/v1/query')]}"

    async def ask(self, world: World, _timeout: float, /) -> Facts:
        """Ask for the values of now."""
        status, text = await self.request.text(world, {"query": self.query})
        found = samples(status, text)
        judge_samples(found, self)
        return {"values": [value for _labels, value in found][:100]}


def samples(status: int, text: str) -> list[tuple[str, float]]:
    """Labels and value of each sample. Raises ``FailedError`` with Prometheus' own words."""
    try:
        document = json.loads(text)
        if document["status"] != "success":
            raise FailedError("query", f"Prometheus says: {document.get('error', text[:200])}")
        data = document["data"]
        if data["resultType"] in ("scalar", "string"):
            return [("", float(data["result"][1]))]
        return [(labels(one["metric"]), float(one["value"][1])) for one in data["result"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FailedError("answer", f"status {status}, and no answer of Prometheus' API") from error


def labels(metric: Mapping[str, str]) -> str:
    """A series as Prometheus writes it."""
    inner = ",".join(f'{key}="{value}"' for key, value in metric.items() if key != "__name__")
    return f"{metric.get('__name__', '')}{{{inner}}}" if inner else metric.get("__name__", "")


def judge_samples(found: Sequence[tuple[str, float]], wanted: Promql) -> None:
    """Raise ``FailedError`` for no value, or one out of bounds; a value that is no number is out of all."""
    if wanted.empty:
        if found:
            raise FailedError("value", f"{_all(found)}, expected no value")
        return
    if not found:
        raise FailedError("no_value", "the query has no value now")
    out = [sample for sample in found if not _within(sample[1], wanted)]
    if out:
        bounds = [f"at least {wanted.minimum:g}"] if wanted.minimum is not None else []
        bounds += [f"at most {wanted.maximum:g}"] if wanted.maximum is not None else []
        raise FailedError("value", f"{_all(out)}, expected {' and '.join(bounds) or 'a number'}")


def _within(value: float, wanted: Promql) -> bool:
    if math.isnan(value):
        return False
    low = wanted.minimum is None or value >= wanted.minimum
    return low and (wanted.maximum is None or value <= wanted.maximum)


def _all(found: Sequence[tuple[str, float]]) -> str:
    shown = [f"{series or 'the value'} is {value:g}" for series, value in found[:3]]
    return ", ".join(shown) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
