"""What is not plain CRUD: one module per API, each with a table of its handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.lab.gcp.discovery import Api, Method
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs import (
    accounts,
    balancing,
    cluster_changes,
    clusters,
    disks,
    dns,
    groups,
    iam,
    instance_verbs,
    networks,
    node_pools,
    operations,
    peering,
    projects,
    routing,
    run,
    schedules,
    secrets,
    security,
    services,
    setters,
    storage,
)
from tests.lab.gcp.verbs.registry import HANDLERS, SHOWN

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
Handler = Callable[["Emulator", "Call"], Awaitable[Any]]
#: Methods that are asked without an access token.
_OPEN = {"sts.token"}

#: Importing a module enters its handlers.
MODULES = (
    *(accounts, balancing, cluster_changes, clusters, disks, dns, groups, iam, instance_verbs),
    *(networks, node_pools, operations, peering, projects, routing, run, schedules, secrets),
    *(security, services, setters, storage),
)


def find(method: Method) -> Handler | None:
    """Find the own handler of a method: by its whole id, or by type and verb, or by verb."""
    type_ = method.collection
    # v1 and v3 of an API have the same ids.
    versioned = f"{method.id}@{method.api.version}"
    below = f"*.{type_.partition('.')[2]}.{method.name}"
    for name in (versioned, method.id, f"{type_}.{method.name}", below, f"*.{method.name}"):
        if name in HANDLERS:
            return HANDLERS[name]
    return None


def principal(emulator: Emulator, request: web.BaseRequest, method: Method) -> str:
    """Give the account that a request is made by; refuse one without a good token."""
    if method.id in _OPEN:
        return "anonymous"
    return emulator.tokens.user(request.headers.get("Authorization", ""))


@cache
def _schemas(api: Api) -> dict[str, str]:
    found: dict[str, str] = {}
    for method in api.methods.values():
        if method.name == "get" and method.response:
            type_ = method.collection
            if type_ not in found or ".projects." in method.id:
                found[type_] = method.response
    return found


def schema_of(api: Api, type_: str) -> str:
    """Give the schema of a type's resources ("" where nobody can get one)."""
    return _schemas(api).get(type_, "")


def shown(emulator: Emulator, record: Record) -> Body:
    """Give a record's body as clients see it."""
    show = SHOWN.get(record.type)
    return show(emulator, record) if show else record.body
