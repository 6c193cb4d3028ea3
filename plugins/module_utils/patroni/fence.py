# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frees the leader lock of a member that was positively fenced.

Patroni would wait until the lease of the lost member ends (up to ``ttl``, 20 s at
least). A caller who has made sure that the member cannot write may end that wait.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import (
    Comparison,
    Transaction,
    TransactionResult,
)
from ansible_collections.groundwork.platform.plugins.module_utils.http import SILENT_KINDS, listens
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    Member,
    RefusedError,
)


@dataclass(frozen=True)
class Door:
    """A TCP port of the fenced member and whether a connection to it opened."""

    name: str
    host: str
    port: int
    opened: bool
    kind: str = ""
    words: str = ""


def doors_of(member: Member, timeout: float) -> list[Door]:
    """Knock at the member's REST API and PostgreSQL; each takes at most ``timeout`` seconds.

    Connecting is enough: a process that is only frozen still has its connections
    accepted by the kernel, and would go on writing when it thaws.
    """
    addresses: list[tuple[str, str, int]] = []
    url = urlsplit(member.api_url)
    if url.hostname:
        addresses.append(("REST API", url.hostname, url.port or 8008))
    if member.host and member.port:
        addresses.append(("PostgreSQL", member.host, member.port))
    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = pool.map(lambda item: listens(item[1], item[2], timeout), addresses)
        return [Door(*address, *answer) for address, answer in zip(addresses, answers)]


def fence_limitation(name: str, doors: Sequence[Door]) -> RefusedError | None:
    """Why the fence of ``name`` is not proven, or ``None``."""
    if not doors:
        return RefusedError(
            "fence_unverified", f"No address of {name} is known, so its fence cannot be checked."
        )
    for door in doors:
        if door.opened:
            return RefusedError(
                "fence_not_effective",
                f"{name} is said to be fenced, but its {door.name} at {door.host}:{door.port} accepts "
                "connections: two primaries could result. Power it off or cut it off first.",
            )
        if door.kind not in SILENT_KINDS:
            return RefusedError(
                "fence_unverified",
                f"Whether {name} is fenced cannot be told from {door.host}:{door.port}: {door.words}.",
            )
    return None


@dataclass(frozen=True)
class Keys:
    """Where Patroni keeps a cluster's state."""

    leader: str
    failover: str
    sync: str
    member: str


def keys_of(namespace: str, scope: str, fenced: str) -> Keys:
    """The keys of a cluster; Patroni's namespace is ``service`` unless configured."""
    base = "/" + "/".join(part for part in (namespace.strip("/"), scope) if part)
    return Keys(
        leader=base + "/leader",
        failover=base + "/failover",
        sync=base + "/sync",
        member=f"{base}/members/{fenced}",
    )


def release(keys: Keys, fenced: str, request: Mapping[str, str]) -> Transaction:
    """Free the lock if ``fenced`` holds it, and ask for a race without that member.

    The request in ``/failover`` is the one that a switchover leaves there. With
    ``leader`` in it the race leaves that member out, so that nobody waits 2 s for
    the REST API of a host that is gone; the vote of the quorum stands. The member's
    own key goes as it would with the lease.
    """
    return Transaction(
        compare=(Comparison(keys.leader, fenced),),
        delete=(keys.leader, keys.member),
        put=((keys.failover, json.dumps(dict(request), separators=(",", ":"))),),
        otherwise=(keys.leader,),
    )


def race_request(fenced: str, candidate: str | None, forced: bool) -> dict[str, str]:
    """The value of ``/failover``. Patroni lets an asynchronous member lead only where no leader is named."""
    request = {} if forced and candidate is not None else {"leader": fenced}
    if candidate is not None:
        request["member"] = candidate
    return request


def refused_release(keys: Keys, fenced: str, result: TransactionResult) -> RefusedError | None:
    """What a refused transaction means: the lease ended meanwhile (``None``) or another holds it."""
    holder = result.values.get(keys.leader)
    if result.succeeded or holder is None or holder == fenced:
        return None
    return RefusedError("lock_moved", f"{holder}, not {fenced}, holds the leader lock now.")


def votes_of(sync: str | None) -> int | None:
    """``quorum`` of Patroni's ``/sync`` key: votes of others that a candidate needs."""
    try:
        document: Mapping[str, Any] = json.loads(sync or "{}")
    except ValueError:
        return None
    value = document.get("quorum") if isinstance(document, dict) else None
    return value if isinstance(value, int) and document.get("leader") else None
