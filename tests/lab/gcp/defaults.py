"""What the server fills in, checks and keeps in step, by type: hooks around create and change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.lab.gcp.store import Record

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
Prepare = Callable[["Emulator", "Call", Record], None]
Changed = Callable[["Emulator", "Call", Record, Body], None]
Completed = Callable[["Emulator", Record, Body], None]
Deleted = Callable[["Emulator", Record], None]

#: Hooks by type; the modules in verbs/ enter theirs.
PREPARE: dict[str, Prepare] = {}
CHANGED: dict[str, Changed] = {}
COMPLETED: dict[str, Completed] = {}
DELETABLE: dict[str, Prepare] = {}
DELETED: dict[str, Deleted] = {}
#: Called when anything about a resource is in the books: created, changed, deleted.
SETTLED: dict[str, Deleted] = {}
#: Awaited in the operation, before the backend is told of a new resource.
BEFORE: dict[str, Callable[[Emulator, Record], Awaitable[None]]] = {}


def hook(table: dict[str, Any], *types: str) -> Callable[[Any], Any]:
    """Enter a function for types: ``@hook(PREPARE, "compute.networks")``."""

    def enter(function: Any) -> Any:
        for type_ in types:
            table[type_] = function
        return function

    return enter


async def before(emulator: Emulator, record: Record) -> None:
    """In the operation, before the backend makes a new resource real."""
    function = BEFORE.get(record.type)
    if function:
        await function(emulator, record)


def prepare(emulator: Emulator, call: Call, record: Record) -> None:
    """Before a new resource is entered: fill in defaults, refuse what cannot be."""
    function = PREPARE.get(record.type)
    if function:
        function(emulator, call, record)


def changed(emulator: Emulator, call: Call, record: Record, body: Body) -> None:
    """Before a change: `body` is what `record` is to become."""
    function = CHANGED.get(record.type)
    if function:
        function(emulator, call, record, body)


def completed(emulator: Emulator, record: Record, body: Body) -> None:
    """When a new resource is real: its last output fields, what follows from it."""
    function = COMPLETED.get(record.type)
    if function:
        function(emulator, record, body)


def deletable(emulator: Emulator, call: Call, record: Record) -> None:
    """Before a deletion: refuse what is protected."""
    function = DELETABLE.get(record.type)
    if function:
        function(emulator, call, record)


def deleted(emulator: Emulator, record: Record) -> None:
    """When a resource is gone: what goes with it."""
    function = DELETED.get(record.type)
    if function:
        function(emulator, record)


def settled(emulator: Emulator, record: Record) -> None:
    """When a change is in the books: what others show of it."""
    function = SETTLED.get(record.type)
    if function:
        function(emulator, record)
