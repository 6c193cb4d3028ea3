"""The emulator's books as they will be when the operations that run have ended.

The emulator makes reality first and writes its books when the operation's time is over. What is
planned meanwhile has to see the change already.
"""

from __future__ import annotations

from typing import Any

from tests.lab.gcp.backend import Resource, World
from tests.lab.gcp.fabric import names


class Overlay:
    """A view of the world with changes that are not in the books yet."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._changed: dict[str, tuple[dict[str, Any], Resource]] = {}
        self._going: set[str] = set()

    def created(self, resource: Resource) -> None:
        """A resource comes, or is there again."""
        self._going.discard(names.key(resource.link))
        self._changed.pop(names.key(resource.link), None)

    def changed(self, before: Resource, after: Resource) -> None:
        """A resource is about to be what `after` says."""
        self._changed[names.key(after.link)] = (before.body, after)

    def unchanged(self, resource: Resource) -> None:
        """A change did not come about."""
        self._changed.pop(names.key(resource.link), None)

    def going(self, resource: Resource) -> None:
        """A resource is about to vanish."""
        self._going.add(names.key(resource.link))

    def stays(self, resource: Resource) -> None:
        """A resource did not vanish after all."""
        self._going.discard(names.key(resource.link))

    def get(self, link: str) -> Resource | None:
        """Find by a link."""
        found = self.world.get(link)
        return self._seen(found) if found else None

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """All of a type."""
        seen = (self._seen(found) for found in self.world.list(type, project))
        return [found for found in seen if found]

    def _seen(self, found: Resource) -> Resource | None:
        key = names.key(found.link)
        if key in self._going:
            return None
        before, after = self._changed.get(key, (None, found))
        if before is not None and found.body != before:
            # The books have followed.
            del self._changed[key]
            return found
        return after
