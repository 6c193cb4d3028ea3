"""Where handlers enter themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

#: By method id, by ``<type>.<verb>``, or by ``*.<verb>``.
HANDLERS: dict[str, Callable[..., Awaitable[Any]]] = {}
#: By type: what makes the body that clients see, where it is not the record's own.
SHOWN: dict[str, Callable[..., dict[str, Any]]] = {}
_Handler = Callable[..., Awaitable[Any]]


def handles(*names: str) -> Callable[[_Handler], _Handler]:
    """Enter a handler for methods."""

    def enter(handler: _Handler) -> _Handler:
        for name in names:
            if name in HANDLERS:
                raise RuntimeError(f"{name} has two handlers")
            HANDLERS[name] = handler
        return handler

    return enter
