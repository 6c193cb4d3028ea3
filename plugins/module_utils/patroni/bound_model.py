# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of a bound: its terms, and what it depends on besides the preset (seconds)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Term:
    """One part of a bound: what is waited for, seconds, and where the figure comes from."""

    term: str
    seconds: float
    source: str


@dataclass(frozen=True)
class Situation:
    """What a bound depends on besides the preset.

    :param eligible_replicas: replicas that may be synchronous.
    :param etcd_shares_hosts: etcd's members run on the database hosts, so a lost host may take
        etcd's leader along.
    :param etcd_election: etcd's election timeout.
    :param fence: longest time that positive fencing takes.
    :param candidate_named: a switchover names its candidate.
    """

    durability: str = "sync"
    eligible_replicas: int = 2
    etcd_shares_hosts: bool = True
    etcd_election: float = 1.0
    fence: float = 2.0
    candidate_named: bool = True

    @property
    def synchronous(self) -> bool:
        """Commits wait for at least one replica."""
        return self.durability != "async"

    @property
    def needs_every_replica(self) -> bool:
        """The loss of any one synchronous replica stops commits until Patroni drops it."""
        return self.synchronous and (self.durability == "sync_all" or self.eligible_replicas <= 1)


@dataclass(frozen=True)
class Bound:
    """The terms of one event, in the order in which they pass."""

    event: str
    preset: str
    durability: str
    terms: tuple[Term, ...]

    @property
    def total(self) -> float:
        """Seconds up to the first acknowledged write."""
        return round(sum(term.seconds for term in self.terms), 2)

    def to_dict(self) -> dict[str, Any]:
        """Return the bound as plain values."""
        return {
            "event": self.event,
            "preset": self.preset,
            "durability": self.durability,
            "terms": [
                {"term": t.term, "seconds": round(t.seconds, 2), "source": t.source}
                for t in self.terms
            ],
            "total_seconds": self.total,
        }
