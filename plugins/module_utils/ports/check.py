# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``port_pool_check``: from its options to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    access,
    require_libraries,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import connect
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.ports import cluster
from ansible_collections.groundwork.platform.plugins.module_utils.ports.errors import PortError
from ansible_collections.groundwork.platform.plugins.module_utils.ports.pool import (
    KINDS,
    Holder,
    check_others,
    conflicts,
    ephemeral,
    proposal,
    strays,
)
from ansible_collections.groundwork.platform.plugins.module_utils.ports.ranges import (
    Ports,
    checked,
    parse,
    parse_list,
)

#: Conflicts that a message names.
NAMED = 10

#: How a port that is given as data is called.
_CALLED = {
    "host_ports": ("host_port", "host port of"),
    "node_ports": ("node_port", "NodePort of"),
    "service_ports": ("service_port", "port of"),
}


def port_pool_check(module: KubeModule) -> None:
    """Check a pool, and end the module."""
    params = module.params
    try:
        pool, given = ranges_of(params)
        # Only after all that is given was found good is anybody asked.
        live = _live(module) if _asks(params) else []
        result = evaluate(pool, [*given, *live])
        notes = notes_of(params, [*given, *live])
    except (PortError, KubeError) as error:
        module.fail_json(str(error), reason=error.reason)
    for note in notes:
        module.warn(note)
    if params["enforce"] and result["conflicts"]:
        module.fail_json(_refusal(result), reason="conflicts", notes=notes, **result)
    module.exit_json(changed=False, notes=notes, **result)


def _asks(params: Mapping[str, Any]) -> bool:
    """Whether a cluster is asked: as told, or where one is named."""
    if params["cluster"] is not None:
        return bool(params["cluster"])
    return any(params[name] for name in ("kubeconfig", "context", "host"))


def _live(module: KubeModule) -> list[Holder]:
    require_libraries(module)
    params = module.params
    asked = cluster.holders(connect(access(params)), params["protocol"], params["timeout"])
    return asyncio.run(asked)


def ranges_of(params: Mapping[str, Any]) -> tuple[Ports, list[Holder]]:
    """Return the pool and what is given that holds ports. Raises ``PortError``."""
    pool = checked(params["pool"]["start"], params["pool"]["end"], "The pool", "bad_pool")
    others = [
        Holder("pool", name, checked(other["start"], other["end"], name, "bad_others"))
        for other in params["others"]
        for name in (f"the pool of {other['name']}",)
    ]
    _check_names(params)
    check_others(others)
    return pool, [*others, *_ranges(params), *_single(params)]


def _check_names(params: Mapping[str, Any]) -> None:
    names = [other["name"] for other in params["others"]]
    own = params["pool"]["name"]
    if own in names:
        raise PortError(
            "bad_others", f"The pool of {own} is the one that is checked: leave it out of others."
        )
    for name in names:
        if names.count(name) > 1:
            raise PortError("bad_others", f"There are two pools of {name}: give each its own name.")


def _ranges(params: Mapping[str, Any]) -> Iterator[Holder]:
    if params["node_port_range"]:
        ports = parse(params["node_port_range"], "node_port_range")
        yield Holder("node_port_range", "the cluster's NodePort range", ports)
    reserved = parse_list(params["reserved_ports"], "reserved_ports")
    if params["ephemeral_range"]:
        held = ephemeral(parse(params["ephemeral_range"], "ephemeral_range"), reserved)
        if held:
            yield held


def _single(params: Mapping[str, Any]) -> Iterator[Holder]:
    for option, (kind, called) in _CALLED.items():
        for entry in params[option]:
            name = f"{called} {entry['name']}"
            ports = checked(entry["port"], entry["port"], name, "bad_range")
            if entry["protocol"] == params["protocol"]:
                yield Holder(kind, name, ports)


def evaluate(pool: Ports, holders: Sequence[Holder]) -> dict[str, Any]:
    """Return the module's result."""
    free = proposal(pool, holders)
    return {
        "pool": _told(pool),
        "conflicts": [found.told() for found in conflicts(pool, holders)],
        "free": _told(free) if free else {},
        "looked_at": {kind: sum(holder.kind == kind for holder in holders) for kind in KINDS},
    }


def _told(ports: Ports) -> dict[str, int]:
    return {"start": ports.start, "end": ports.end, "size": ports.size}


def notes_of(params: Mapping[str, Any], holders: Sequence[Holder]) -> list[str]:
    """Return what makes the answer doubtful."""
    if not params["node_port_range"]:
        return []
    found = strays(parse(params["node_port_range"], "node_port_range"), holders)
    return [
        f"{holder.name} is {holder.ports}, outside node_port_range ({params['node_port_range']}): the API server's "
        "--service-node-port-range is another one."
        for holder in found[:1]
    ]


def _refusal(result: Mapping[str, Any]) -> str:
    free, size = result["free"], result["pool"]["size"]
    way_out = (
        f"Free are {free['start']}-{free['end']}, as many."
        if free
        else f"Nowhere are {size} ports free in a row."
    )
    told = [found["message"] for found in result["conflicts"][:NAMED]]
    more = len(result["conflicts"]) - NAMED
    if more > 0:
        told.append(f"And {more} more, which the result has.")
    return " ".join([*told, way_out])
