# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Peerings of networks, which Google keeps as a part of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource, tail

#: What two networks exchange.
_FLAGS = (
    "exportCustomRoutes",
    "importCustomRoutes",
    "exportSubnetRoutesWithPublicIp",
    "importSubnetRoutesWithPublicIp",
    "stackType",
)
_BUSY = "peering operation in progress"


class Peerings(Handler):
    """One peering. Google refuses two changes of peerings at a time on either of the two networks."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        networks = (resource.body.get("network"), resource.body.get("peerNetwork"))
        self._networks = sorted({tail(str(each)) for each in networks if each})

    @property
    def places(self) -> dict[str, str]:
        """Methods are those of the network."""
        return {**super().places, "name": self.resource.parent}

    @property
    def body(self) -> dict[str, Any]:
        """As the API has it: the network that is joined is just the network."""
        body = super().body
        if "peerNetwork" in body:
            body["network"] = body.pop("peerNetwork")
        return body

    async def read(self) -> dict[str, Any] | None:
        """The peering as its network has it."""
        network = await super().read() or {}
        for each in network.get("peerings") or ():
            if each["name"] == self.resource.name:
                return dict(each)
        return None

    def verdict(self, change: Change, _live: Body) -> str:
        """Another network is another peering."""
        return "replace" if change.top == "network" else "in_place"

    def passing(self, _live: Body) -> bool:
        """A peering waits for its other side as long as that takes."""
        return False

    def waits(self, error: GcpError) -> bool:
        """Also the other network's changes have to have ended."""
        return super().waits(error) or _BUSY in str(error)

    async def run(self, verb: str, body: Any = None, **query: str) -> None:
        """One change at a time on each of the two networks."""
        locks = [self.cloud.lock(f"peering {each}") for each in self._networks]
        for lock in locks:
            await lock.acquire()
        try:
            await super().run(verb, body, **query)
        finally:
            for lock in reversed(locks):
                lock.release()

    async def update(self, live: Body, _found: Sequence[Change]) -> None:
        """Change what is exchanged; what is not declared stays."""
        flags = {key: live[key] for key in _FLAGS if key in live}
        await self.run("updatePeering", {"networkPeering": {**flags, **self._peering()}})

    async def delete(self) -> None:
        """Remove it from the network."""
        try:
            await self.run("removePeering", {"name": self.resource.name})
        except GcpError as error:
            if error.status != 404:
                raise

    async def _insert(self, _body: dict[str, Any]) -> None:
        await self.run("addPeering", {"networkPeering": self._peering()})

    def _peering(self) -> dict[str, Any]:
        body = {key: value for key, value in self.body.items() if value is not None}
        # Google wants it said; there is no other value.
        return {"name": self.resource.name, "exchangeSubnetRoutes": True, **body}
