# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts, roles, projects and services: they come back after a deletion, and some are switched on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp import owners
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource

#: How a change is told that brings back what was deleted.
GONE = "deleted"
#: Seconds for which an API may be refused that is enabled: "wait a few minutes", as Google says.
_SPREADING = 300.0


class Accounts(Handler):
    """Service accounts."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["disabled"] = self._set_disabled

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """What is patched is named in the body."""
        rest = [change.top for change in found if change.top not in self.setters]
        if rest:
            fields = list(dict.fromkeys(rest))
            account = {name: self.body[name] or "" for name in fields}
            if "description" in account:
                account["description"] = owners.kept(account["description"], live)
            await self.run("patch", {"serviceAccount": account, "updateMask": ",".join(fields)})
        await super().update(live, [change for change in found if change.top in self.setters])

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"accountId": self.resource.name, "serviceAccount": body})

    async def _set_disabled(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("disable" if self.body["disabled"] else "enable", {})


class _ComesBack(Handler):
    """What stays for some time after its deletion, and comes back with undelete."""

    def is_gone(self, live: Body) -> bool:
        """Whether it is deleted and can come back."""
        return live.get("state") == "DELETE_REQUESTED" or live.get("deleted") is True

    def compare(self, live: Body) -> list[Change]:
        """That it is there, and its fields."""
        found = super().compare(live)
        if self.is_gone(live):
            return [Change(GONE, True, False, GONE), *found]
        return found

    def verdict(self, change: Change, live: Body) -> str:
        """It comes back as it was."""
        return "in_place" if change.top == GONE else super().verdict(change, live)

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """First it has to be there."""
        if any(change.top == GONE for change in found):
            await self.run("undelete", {})
        await super().update(live, [change for change in found if change.top != GONE])


class Roles(_ComesBack):
    """Custom roles."""

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"roleId": self.resource.name, "role": body})


class Projects(_ComesBack):
    """Projects. Google says of one that is not there that it may not be seen; its parent is changed by a move."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["parent"] = self._move

    async def _move(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("move", {"destinationParent": self.body["parent"]})

    async def read(self) -> dict[str, Any] | None:
        """The project, or nothing."""
        try:
            return await super().read()
        except GcpError as error:
            if error.reason == "permission_denied":
                return None
            raise

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"projectId": self.resource.name, **body})


class Services(Handler):
    """APIs of a project, which are enabled or not."""

    async def read(self) -> dict[str, Any] | None:
        """The service where it is enabled."""
        live = await super().read()
        return live if live and live.get("state") == "ENABLED" else None

    def compare(self, _live: Body) -> list[Change]:
        """It is there or not."""
        return []

    async def create(self) -> None:
        """Enable it. Google says so when it is done, and refuses it here and there for some minutes more."""
        await self.run("enable", {})
        seconds = min(_SPREADING, self.cloud.timeout)
        self.cloud.client.spreads(self.resource.project, seconds)

    async def delete(self) -> None:
        """Disable it; what depends on it keeps it enabled."""
        await self.run("disable", {"disableDependentServices": False})
