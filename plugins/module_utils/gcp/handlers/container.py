# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters and node pools of GKE, which take one change at a time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change, overlay
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    IN_PLACE,
    REPLACE,
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.bodies import bare
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.meaning import equal
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource, tail
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.owners import labels
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules_more import NODE_MUTABLE
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import properties

#: Fields of a cluster whose name in an update is not desired and the field's own. All else of privateClusterConfig is
#: the cluster's for good, as the definition of desiredPrivateClusterConfig says.
_DESIRED: Mapping[str, str] = {
    "autoscaling": "desiredClusterAutoscaling",
    "networkConfig.datapathProvider": "desiredDatapathProvider",
    "networkConfig.dnsConfig": "desiredDnsConfig",
    "networkConfig.enableIntraNodeVisibility": "desiredIntraNodeVisibilityConfig",
    "networkConfig.enableL4ilbSubsetting": "desiredL4ilbSubsettingConfig",
    "networkConfig.gatewayApiConfig": "desiredGatewayApiConfig",
    "networkConfig.serviceExternalIpsConfig": "desiredServiceExternalIpsConfig",
    "privateClusterConfig": "",
    "privateClusterConfig.enablePrivateEndpoint": "desiredEnablePrivateEndpoint",
    "privateClusterConfig.masterGlobalAccessConfig": "desiredPrivateClusterConfig",
}
#: What an update wraps into a message of one field.
_WRAPPED: Mapping[str, str] = {
    "desiredIntraNodeVisibilityConfig": "enabled",
    "desiredL4ilbSubsettingConfig": "enabled",
    "desiredPrivateClusterConfig": "masterGlobalAccessConfig",
}
#: Of a maintenance window there is one or the other.
_WINDOWS = ("dailyMaintenanceWindow", "recurringWindow")
_BUSY = ("is currently operating on", "is currently upgrading", "incompatible operation")
#: Of a node pool's fields in an update, what holds the value in a message of its own.
_NODE_WRAPPED: Mapping[str, str] = {
    "labels": "labels",
    "resourceLabels": "labels",
    "tags": "tags",
    "taints": "taints",
}


class _OneAtATime(Handler):
    """What belongs to a cluster waits for one another."""

    cluster = ""

    async def run(self, verb: str, body: Any = None, **query: str) -> None:
        """One change of the cluster at a time."""
        async with self.cloud.lock(f"cluster {self.cluster}"):
            await super().run(verb, body, **query)

    def waits(self, error: GcpError) -> bool:
        """Google refuses a second operation on a cluster until the first one has ended."""
        return super().waits(error) or any(words in str(error) for words in _BUSY)


class Clusters(_OneAtATime):
    """A cluster; each field is changed by an update of its own."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.cluster = resource.link
        self.setters["maintenancePolicy"] = self._set_maintenance
        self.setters["networkPolicy"] = self._set_network_policy
        self.setters["resourceLabels"] = self._set_resource_labels

    def verdict(self, change: Change, _live: Body) -> str:
        """Whether an update has the field."""
        if change.top in self.setters or self._desired(change):
            return IN_PLACE
        return REPLACE

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """One field per update."""
        rest = [change for change in found if change.top not in self.setters]
        for path in dict.fromkeys(_path(change) for change in rest):
            change = next(each for each in rest if _path(each) == path)
            await self.run("update", {"update": self._update(path, self._desired(change), live)})
        await super().update(live, [change for change in found if change.top in self.setters])

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"cluster": {"name": self.resource.name, **body}})

    def _desired(self, change: Change) -> str:
        path = _path(change)
        name = _DESIRED.get(path, f"desired{path[:1].upper()}{path[1:]}")
        return name if name in self._updates() else ""

    def _updates(self) -> Mapping[str, Any]:
        return properties(self.cloud.definitions.schemas("container"), "ClusterUpdate")

    def _update(self, path: str, desired: str, live: Body) -> dict[str, Any]:
        value, having = _at(self.body, path), _at(live, path)
        if desired in _WRAPPED:
            return {desired: {_WRAPPED[desired]: value}}
        return {desired: overlay(value, having, self.resource.rule, path)}

    async def _set_maintenance(self, live: Body, _changes: Sequence[Change]) -> None:
        """Google takes the policy as a whole: exclusions that others declared (a freeze) have to go with it."""
        having = live.get("maintenancePolicy") or {}
        wanted = self.body["maintenancePolicy"]
        if wanted is None:
            version = {key: having[key] for key in ("resourceVersion",) if key in having}
            await self.run("setMaintenancePolicy", {"maintenancePolicy": version})
            return
        whole = bare(overlay(wanted, having, self.resource.rule, "maintenancePolicy"))
        window = (wanted.get("window") or {}).keys() & set(_WINDOWS)
        for other in _WINDOWS:
            if window and other not in window:
                whole["window"].pop(other, None)
        sent = self.sendable(whole, "maintenancePolicy")
        await self.run("setMaintenancePolicy", {"maintenancePolicy": sent})

    async def _set_network_policy(self, live: Body, _changes: Sequence[Change]) -> None:
        wanted, having = self.body["networkPolicy"] or {"enabled": False}, live.get("networkPolicy")
        whole = bare(overlay(wanted, having, self.resource.rule, "networkPolicy"))
        await self.run("setNetworkPolicy", {"networkPolicy": whole})

    async def _set_resource_labels(self, live: Body, _changes: Sequence[Change]) -> None:
        body = {
            "resourceLabels": labels(self.body["resourceLabels"], live.get("resourceLabels")),
            "labelFingerprint": live.get("labelFingerprint", ""),
        }
        await self.run("setResourceLabels", body)


class NodePools(_OneAtATime):
    """A node pool. Its size is what its instance groups have, as Google keeps the first count for ever."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.cluster = resource.link.rpartition("/nodePools/")[0]
        self.setters.update(
            autoscaling=self._set_autoscaling,
            initialNodeCount=self._set_size,
            management=self._set_management,
            config=self._set_config,
            locations=self._set_locations,
            upgradeSettings=self._set_upgrades,
            version=self._set_version,
        )

    async def read(self) -> dict[str, Any] | None:
        """The pool with its size, where its size is declared."""
        live = await super().read()
        if live is None or "initialNodeCount" not in self.resource.body:
            return live
        groups = live.get("instanceGroupUrls") or ()
        sizes = [
            size for size in await asyncio.gather(*map(self._size, groups)) if size is not None
        ]
        if not sizes:
            return live
        if self._scales():
            return {**live, "initialNodeCount": self._scaled(sizes, live)}
        # Zones may differ: the one that is not as declared counts.
        wanted = self.resource.body["initialNodeCount"]
        other = next((size for size in sizes if not equal(wanted, size)), sizes[0])
        return {**live, "initialNodeCount": other}

    def compare(self, live: Body) -> list[Change]:
        """An autoscaler sets the size, but it does not bring a pool up to its lower bound by itself."""
        found = super().compare(live)
        if not self._scales():
            return found
        found = [change for change in found if change.top != "initialNodeCount"]
        size, least = live.get("initialNodeCount"), self._least(live)
        if "initialNodeCount" in self.resource.body and size is not None and size < least:
            found.append(Change("initialNodeCount", size, least, "initialNodeCount"))
        return found

    def verdict(self, change: Change, live: Body) -> str:
        """Of a node's configuration some fields can be changed."""
        if change.top == "config":
            fine = any(
                change.plain == path or change.plain.startswith((f"{path}.", f"{path}["))
                for path in NODE_MUTABLE
            )
            return IN_PLACE if fine else REPLACE
        return super().verdict(change, live)

    def _scales(self) -> bool:
        autoscaling = self.resource.body.get("autoscaling")
        return isinstance(autoscaling, Mapping) and autoscaling.get("enabled") is True

    def _bound(self, name: str) -> int:
        return int(self.resource.body["autoscaling"].get(name) or 0)

    def _least(self, live: Body) -> int:
        """How many nodes a zone of an autoscaled pool has at least; bounds are for a zone or for all of them."""
        zones = self.resource.body.get("locations") or live.get("locations") or ("",)
        return max(
            self._bound("minNodeCount"), math.ceil(self._bound("totalMinNodeCount") / len(zones))
        )

    def _scaled(self, sizes: Sequence[int], live: Body) -> int:
        """How many nodes a zone of an autoscaled pool has, as its bounds count: a total may be shared out anyhow."""
        total = self._bound("totalMinNodeCount")
        if not total:
            return min(sizes)
        each = math.ceil(sum(sizes) / len(sizes))
        return each if sum(sizes) >= total else min(each, self._least(live) - 1)

    async def _size(self, group: str) -> int | None:
        """How many nodes a zone's group has."""
        base = self.cloud.definitions.base("compute")
        try:
            manager = await self.cloud.client.send(
                "GET", base + tail(group).replace("/instanceGroups/", "/instanceGroupManagers/")
            )
        except GcpError as error:
            if error.status in (403, 404):
                return None
            raise
        return int(manager.get("targetSize") or 0)

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"nodePool": {"name": self.resource.name, **body}})

    async def _set_autoscaling(self, live: Body, _changes: Sequence[Change]) -> None:
        whole = overlay(
            self.body["autoscaling"] or {"enabled": False},
            live.get("autoscaling"),
            self.resource.rule,
            "autoscaling",
        )
        await self.run("setAutoscaling", {"autoscaling": bare(whole)})

    async def _set_management(self, live: Body, _changes: Sequence[Change]) -> None:
        whole = {**(live.get("management") or {}), **bare(self.body["management"])}
        await self.run("setManagement", {"management": self.sendable(whole, "management")})

    async def _set_size(self, live: Body, _changes: Sequence[Change]) -> None:
        size = self._least(live) if self._scales() else int(self.body["initialNodeCount"])
        await self.run("setSize", {"nodeCount": size})

    async def _set_locations(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("update", {"locations": self.body["locations"]})

    async def _set_upgrades(self, live: Body, _changes: Sequence[Change]) -> None:
        whole = self.desired(live, ["upgradeSettings"])
        await self.run("update", {"upgradeSettings": whole["upgradeSettings"]})

    async def _set_version(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("update", {"nodeVersion": self.body["version"]})

    async def _set_config(self, live: Body, found: Sequence[Change]) -> None:
        """One field per update."""
        wanted, having = self.body["config"], live.get("config") or {}
        fields = [
            change.plain.partition(".")[2].partition(".")[0].partition("[")[0] for change in found
        ]
        for name in dict.fromkeys(fields):
            value = overlay(wanted[name], having.get(name), self.resource.rule, f"config.{name}")
            if name in _NODE_WRAPPED:
                value = {_NODE_WRAPPED[name]: bare(value) or []}
                if name in ("labels", "resourceLabels"):
                    value = {"labels": bare(value["labels"]) or {}}
            await self.run("update", {name: value})


def _path(change: Change) -> str:
    """The field that an update is for: mostly one of the cluster, below some of them one of theirs."""
    if change.top in ("networkConfig", "privateClusterConfig"):
        return ".".join(change.plain.split(".")[:2])
    return change.top


def _at(body: Body, path: str) -> Any:
    found: Any = body
    for name in path.split("."):
        found = (found or {}).get(name)
    return found
