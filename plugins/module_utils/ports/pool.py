# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pool of ports against all that may hold the same ones on a cluster's nodes.

The MiniRedis plan's tenant pool (REDIS_PORT_START, REDIS_PORT_END) asks to "verify no conflict with node/host
networking strategy". What holds ports there:

- NodePorts: the API server gives them out of its ``--service-node-port-range``, 30000-32767 by default, and each is
  taken on every node;
- host ports of pods, which for pods with ``hostNetwork`` are all their containers' ports;
- the kernel, which takes the near end of outgoing connections out of ``net.ipv4.ip_local_port_range``
  (32768-60999 by default), less ``net.ipv4.ip_local_reserved_ports``;
- Services, whose ports would be ambiguous beside the pool's;
- the pools of other environments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ansible_collections.groundwork.platform.plugins.module_utils.ports.errors import PortError
from ansible_collections.groundwork.platform.plugins.module_utils.ports.ranges import (
    Ports,
    nearest_free,
)

#: What a conflict is with, in the order of telling: kind, and the way out.
KINDS: Mapping[str, str] = {
    "pool": "Two environments cannot share ports.",
    "host_port": "A process of the pool could not listen there on the node that the pod is on.",
    "node_port": "Each node hands this port to the Service.",
    "node_port_range": "Any port of it may be given to a Service, on every node.",
    "ephemeral": (
        "An outgoing connection may hold any port of it: reserve the pool on the nodes "
        "(net.ipv4.ip_local_reserved_ports) or move it."
    ),
    "service_port": "The same number would mean two things.",
}


@dataclass(frozen=True)
class Holder:
    """Something that holds ports. ``name`` says what, for people; the range whole, and the ``parts`` that it holds."""

    kind: str
    name: str
    ports: Ports
    #: Empty where it holds all of them.
    parts: tuple[Ports, ...] = ()

    @property
    def held(self) -> tuple[Ports, ...]:
        """The ports that it takes."""
        return self.parts or (self.ports,)


@dataclass(frozen=True)
class Conflict:
    """Ports of the pool that something else holds."""

    pool: Ports
    holder: Holder
    ports: Ports

    def __str__(self) -> str:
        return (
            f"The pool {self.pool} and {self.holder.name} ({self.holder.ports}) share {self.ports}. "
            f"{KINDS[self.holder.kind]}"
        )

    def told(self) -> dict[str, str]:
        """As the module returns it."""
        return {
            "kind": self.holder.kind,
            "held_by": self.holder.name,
            "pool": str(self.pool),
            "range": str(self.holder.ports),
            "ports": str(self.ports),
            "message": str(self),
        }


def ephemeral(ports: Ports, reserved: Sequence[Ports]) -> Holder | None:
    """The kernel's range less what is reserved; ``None`` where all of it is."""
    parts = tuple(ports.without(reserved))
    return Holder("ephemeral", "the nodes' ephemeral range", ports, parts) if parts else None


def check_others(others: Sequence[Holder]) -> None:
    """Refuse pools of other environments that share ports. Raises ``PortError`` (``bad_others``)."""
    for one, other in combinations(others, 2):
        shared = one.ports.common(other.ports)
        if shared:
            raise PortError(
                "bad_others",
                f"{one.name} ({one.ports}) and {other.name} ({other.ports}) share {shared} already: "
                "part them first, as no pool beside them can be right.",
            )


def conflicts(pool: Ports, holders: Sequence[Holder]) -> list[Conflict]:
    """Return every conflict of the pool, by kind and port."""
    order = list(KINDS)
    return sorted(
        _conflicts(pool, holders),
        key=lambda found: (order.index(found.holder.kind), found.ports, found.holder.name),
    )


def _conflicts(pool: Ports, holders: Sequence[Holder]) -> Iterator[Conflict]:
    for holder in holders:
        for part in holder.held:
            shared = pool.common(part)
            if shared:
                yield Conflict(pool, holder, shared)


def proposal(pool: Ports, holders: Sequence[Holder]) -> Ports | None:
    """Return the pool itself where it is free, else a free range of the same size near it."""
    if not conflicts(pool, holders):
        return pool
    return nearest_free(pool, [part for holder in holders for part in holder.held])


def strays(range_: Ports, holders: Sequence[Holder]) -> list[Holder]:
    """Return NodePorts outside the range that they are said to come from: then it is another one."""
    return [
        holder
        for holder in holders
        if holder.kind == "node_port" and not range_.common(holder.ports)
    ]
