"""What stands between the emulator and the lab that makes its resources real.

The emulator keeps the books: requests, references, operations, the state that clients see. A
backend is told inside the operation what was created, changed and deleted, while the operation is
still running. What it raises is the operation's error, as Google would report it.

A backend lives in a package that has ``create(lab, world, directory)``, see `Factory`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Resource:
    """One resource as clients see it. `body` is a copy: changing it changes nothing.

    `type` is ``<api>.<collection>`` (compute.instances, compute.globalAddresses,
    container.nodePools, run.executions), `location` a zone, a region, or ``global``. In `body`
    references are complete links, as Google stores them; `link` is the resource's own, in the
    form that references to it have.
    """

    type: str
    project: str
    location: str
    name: str
    body: dict[str, Any] = field(compare=False)
    link: str


class BackendError(Exception):
    """Why reality refused; `code` is Google's (QUOTA_EXCEEDED, RESOURCE_NOT_FOUND …)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class World(Protocol):
    """Looking up, and correcting, what else there is."""

    def get(self, link: str) -> Resource | None:
        """Find by a link of any form: https://…, projects/…; None where there is none."""

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """All of a type, of all projects where none is given; also those not ready yet."""

    def update(self, link: str, fields: dict[str, Any]) -> None:
        """Set output fields, at any time: a host that died is TERMINATED. Merged on top level."""


class Backend(Protocol):
    """What makes resources real. Called inside the operation; its errors are the operation's."""

    async def start(self) -> None:
        """Make real again what survived a restart; the world is complete."""

    async def stop(self) -> None:
        """The emulator ends; its state stays."""

    async def created(self, resource: Resource) -> dict[str, Any]:
        """Make it; what is returned are output fields to set (merged on top level).

        A run.executions is created when a job is run: return when its tasks have ended.
        """

    async def changed(self, before: Resource, after: Resource, method: str) -> dict[str, Any]:
        """Follow a change by `method` (compute.instances.stop, compute.routes.patch …)."""

    async def deleted(self, resource: Resource) -> None:
        """Remove it. Called while the resource can still be looked up."""

    async def query(
        self, resource: Resource, method: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Answer what only reality knows (compute.backendServices.getHealth …).

        None: the emulator answers from its books.
        """


class Factory(Protocol):
    """The function ``create`` of a backend's package."""

    def __call__(self, lab: str, world: World, directory: Path) -> Backend:
        """Make the backend of a lab; `directory` is for its own files and survives restarts."""


class Null:
    """Nothing is real: the books alone."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def created(self, resource: Resource) -> dict[str, Any]:  # noqa: ARG002
        return {}

    async def changed(
        self,
        before: Resource,  # noqa: ARG002
        after: Resource,  # noqa: ARG002
        method: str,  # noqa: ARG002
    ) -> dict[str, Any]:
        return {}

    async def deleted(self, resource: Resource) -> None: ...

    async def query(
        self,
        resource: Resource,  # noqa: ARG002
        method: str,  # noqa: ARG002
        body: dict[str, Any],  # noqa: ARG002
    ) -> dict[str, Any] | None:
        return None
