"""What the bench measured: against its target, its computed bound and the peer, as JSON and as a table."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ansible_collections.groundwork.platform.plugins.module_utils.text import table


@dataclass(frozen=True)
class Goal:
    """What a measure is held against.

    ``target`` and ``peer`` are seconds, or a ratio or megabytes where the measure is. The peer's figures
    (autobase 2.6.0, PostgreSQL 17, through its balancer) were measured once, on lab hosts of two
    busy cores as well; it is not part of this run.
    """

    target: float
    peer: float | None = None
    of: Literal["median", "worst"] = "median"


GOALS = {
    "lab/second": Goal(20),
    "converge/downloads-cold": Goal(300, 1040),
    "converge/downloads-cached": Goal(300, 1040),
    "converge/second-to-first": Goal(0.25),
    "switchover/async": Goal(2, 5.2),
    "switchover/sync": Goal(4, 5.2),
    "failover-silent/sync": Goal(30, 35, "worst"),
    "failover-kill/sync": Goal(30, 35, "worst"),
    "failover-silent/sync_all": Goal(30, 35, "worst"),
    "failover-kill/sync_all": Goal(30, 35, "worst"),
    "play-db-failover/sync": Goal(8, None, "worst"),
    "kubernetes/module-to-kubectl/create": Goal(1),
    "kubernetes/module-to-kubectl/again": Goal(1),
    "kubernetes/playbook-to-list-task/create": Goal(0.25),
    "kubernetes/playbook-to-list-task/again": Goal(0.25),
    "kubernetes/5000-objects/create-megabytes": Goal(300, None, "worst"),
    "kubernetes/5000-objects/again-megabytes": Goal(300, None, "worst"),
    "kubernetes/each-of-5000-to-500/create": Goal(1),
    "kubernetes/each-of-5000-to-500/again": Goal(1),
    "migrations/uneven/graph-to-target": Goal(1, None, "worst"),
    "migrations/seed/graph-to-target": Goal(1, None, "worst"),
    "migrations/failure-told": Goal(1, None, "worst"),
    "migrations/300/makespan-to-chain": Goal(1.2),
    "google-cloud/speed-10/create-to-critical": Goal(1.3),
    "google-cloud/speed-10/second-run-changed": Goal(0, None, "worst"),
    # 15 times as fast.
    "google-cloud/beside/one-task-to-google.cloud/again": Goal(0.067),
    "health/1000-endpoints/module": Goal(3, None, "worst"),
    "health/1000-endpoints/healthy-called-failed": Goal(0, None, "worst"),
    "health/1000-endpoints/megabytes": Goal(200, None, "worst"),
}


@dataclass(frozen=True)
class Measure:
    """One figure, repeated; ``bound`` is the longest that was computed.

    ``values`` are seconds where their name says nothing else.
    """

    values: list[float]
    bound: float | None = None
    acknowledged: int | None = None
    lost_rows: int | None = None

    def entry(self, goal: Goal | None) -> dict[str, Any]:
        """The measure with all that it is held against, for JSON."""
        found = {key: value for key, value in asdict(self).items() if value is not None}
        found |= {"median": round(statistics.median(self.values), 3), "worst": max(self.values)}
        if self.bound:
            found["worst_to_bound"] = round(max(self.values) / self.bound, 3)
        if goal:
            value = found[goal.of]
            found |= {
                "target": goal.target,
                "target_of": goal.of,
                "target_met": value <= goal.target,
            }
            if goal.peer:
                found["to_peer"] = round(value / goal.peer, 3)
        return found


class Measures:
    """The measures of a run, in their order, in a file as soon as they are there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}

    def add(self, name: str, measure: Measure) -> None:
        """Keep a measure; its name is that of its goal where it has one."""
        self._entries[name] = measure.entry(GOALS.get(name))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._entries, indent=2) + "\n", encoding="utf-8")

    def show(self) -> None:
        """Print all of them as a table."""
        head = (
            "measure",
            "runs",
            "median",
            "worst",
            "bound",
            "target",
            "met",
            "to peer",
            "lost rows",
        )
        rows = [head, *(_row(name, entry) for name, entry in self._entries.items())]
        print("\n" + "\n".join(table(rows)))
        print(f"Written to {self._path}")


def _row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[entry.get("target_met")]
    target = f"{entry['target']} ({entry['target_of']})" if "target" in entry else ""
    others = (
        entry["median"],
        entry["worst"],
        entry.get("bound", ""),
        target,
        met,
        entry.get("to_peer", ""),
    )
    return (name, str(len(entry["values"])), *map(str, others), str(entry.get("lost_rows", "")))
