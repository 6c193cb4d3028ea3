"""One module a service; its set_up adds routes and tasks."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aiohttp import web

    from payments.web import Runtime

_MODULES = {"payment": "flow"}


def load(service: str) -> Callable[[web.Application, Runtime], None]:
    """What sets a service up. A process imports its own service and no other: memory is counted here."""
    module = importlib.import_module(f"payments.services.{_MODULES.get(service, service)}")
    return cast("Callable[[web.Application, Runtime], None]", module.set_up)
