# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types of Compute Engine of which some fields have methods of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import (
    Change,
    overlay,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    IN_PLACE,
    REPLACE,
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.bodies import wider
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.meaning import equal
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource, tail


class Networks(Handler):
    """Networks: one with automatic subnetworks can become one without."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["autoCreateSubnetworks"] = self._switch

    def verdict(self, change: Change, live: Body) -> str:
        """Automatic subnetworks cannot come back."""
        if change.top == "autoCreateSubnetworks" and change.before is True:
            return IN_PLACE
        return super().verdict(change, live)

    async def _switch(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("switchToCustomMode")


class Subnetworks(Handler):
    """Subnetworks: ranges only grow, secondary ones come and go, and private access has its own method."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["ipCidrRange"] = self._expand
        self.setters["privateIpGoogleAccess"] = self._set_access
        self.setters["secondaryIpRanges"] = self._set_secondary

    def verdict(self, change: Change, live: Body) -> str:
        """A range that does not hold the old one is another subnetwork, and so is another range of a name."""
        if change.top == "ipCidrRange" and not wider(change.before, change.after):
            return REPLACE
        if change.top == "secondaryIpRanges" and "." in change.plain:
            return REPLACE
        return super().verdict(change, live)

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """What has methods of its own comes first, as it changes the fingerprint; ranges come last."""
        ranges = [change for change in found if change.top == "secondaryIpRanges"]
        rest = [change for change in found if change.top not in self.setters]
        own = [change for change in found if change not in (*ranges, *rest)]
        fresh = True
        for part in (own, rest, ranges):
            if part:
                await super().update(live if fresh else await self.read() or live, part)
                fresh = False

    async def _expand(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("expandIpCidrRange", {"ipCidrRange": self.body["ipCidrRange"]})

    async def _set_access(self, _live: Body, _changes: Sequence[Change]) -> None:
        wanted = bool(self.body["privateIpGoogleAccess"])
        await self.run("setPrivateIpGoogleAccess", {"privateIpGoogleAccess": wanted})

    async def _set_secondary(self, live: Body, _changes: Sequence[Change]) -> None:
        """Google takes no request that both adds ranges and removes some."""
        wanted = self.body["secondaryIpRanges"] or []
        names = {each["rangeName"] for each in wanted}
        having = live.get("secondaryIpRanges") or []
        kept = [each for each in having if each["rangeName"] in names]
        if len(kept) < len(having):
            body = self.desired(live, ["secondaryIpRanges"])
            body["secondaryIpRanges"] = self.sendable(kept, "secondaryIpRanges")
            await self.run("patch", body)
            live = await self.read() or live
        if len(kept) < len(wanted):
            await self._patch(live, ["secondaryIpRanges"])


class Firewalls(Handler):
    """Rules of firewalls: one that allows cannot become one that denies."""

    def verdict(self, change: Change, live: Body) -> str:
        """Google keeps the action of a rule for good."""
        other = {"allowed": "denied", "denied": "allowed"}.get(change.top, "")
        if live.get(other) and not live.get(change.top):
            return REPLACE
        return super().verdict(change, live)


class Disks(Handler):
    """Disks: they only grow; snapshot policies are added and removed."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["sizeGb"] = self._resize
        self.setters["resourcePolicies"] = self._set_policies

    def verdict(self, change: Change, live: Body) -> str:
        """A smaller disk is another one."""
        if change.top == "sizeGb" and int(change.after or 0) < int(change.before or 0):
            return REPLACE
        return super().verdict(change, live)

    async def _resize(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("resize", {"sizeGb": str(self.body["sizeGb"])})

    async def _set_policies(self, live: Body, _changes: Sequence[Change]) -> None:
        await set_policies(self, live)


class BackendServices(Handler):
    """Backend services: security policies are attached afterwards."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["securityPolicy"] = self._set_policy
        self.setters["edgeSecurityPolicy"] = self._set_edge_policy

    async def _set_policy(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("setSecurityPolicy", {"securityPolicy": self.body["securityPolicy"]})

    async def _set_edge_policy(self, _live: Body, _changes: Sequence[Change]) -> None:
        policy = self.body["edgeSecurityPolicy"]
        await self.run("setEdgeSecurityPolicy", {"securityPolicy": policy})


class ForwardingRules(Handler):
    """Forwarding rules: the target has a method of its own."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["target"] = self._set_target

    async def _set_target(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("setTarget", {"target": self.body["target"]})


class InstanceGroups(Handler):
    """Unmanaged groups: members are added and removed, named ports set."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["instances"] = self._set_members
        self.setters["namedPorts"] = self._set_ports

    def uses(self, live: Body) -> frozenset[str]:
        """Also the network of its members."""
        own = [tail(str(live[name])) for name in ("network", "subnetwork") if live.get(name)]
        return super().uses(live) | frozenset(own)

    async def read(self) -> dict[str, Any] | None:
        """The group with its members, where members are declared."""
        live = await super().read()
        if live is None or "instances" not in self.resource.body:
            return live
        if not live.get("size"):
            return {**live, "instances": []}
        members: list[str] = []
        query: dict[str, str] = {}
        while True:
            answer = await self.call("listInstances", {"instanceState": "ALL"}, **query)
            members += [each["instance"] for each in answer.get("items") or ()]
            if not answer.get("nextPageToken"):
                return {**live, "instances": members}
            query = {"pageToken": answer["nextPageToken"]}

    async def _set_members(self, live: Body, _changes: Sequence[Change]) -> None:
        wanted, having = self.body["instances"] or [], live.get("instances") or []
        for verb, members in (
            ("addInstances", _without(wanted, having)),
            ("removeInstances", _without(having, wanted)),
        ):
            if members:
                await self.run(verb, {"instances": [{"instance": each} for each in members]})

    async def _set_ports(self, live: Body, _changes: Sequence[Change]) -> None:
        fresh = await super().read() or live
        body = {"namedPorts": self.body["namedPorts"] or []}
        await self.run("setNamedPorts", {**body, "fingerprint": fresh.get("fingerprint", "")})


class SecurityPolicies(Handler):
    """Cloud Armor: rules are added, changed and removed one by one, by priority."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters["rules"] = self._set_rules

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """Rules change the fingerprint, so what is patched comes first."""
        rest = [change for change in found if change.top != "rules"]
        await super().update(live, rest)
        await super().update(live, [change for change in found if change.top == "rules"])

    async def _set_rules(self, live: Body, found: Sequence[Change]) -> None:
        wanted = {rule["priority"]: rule for rule in self.body["rules"]}
        having = {rule["priority"]: rule for rule in live.get("rules") or ()}
        gone = {
            str(change.field)
            for change in found
            if change.after is None and change.plain == "rules[]"
        }
        for priority in having:
            if f"rules[{priority}]" in gone:
                await self.run("removeRule", priority=str(priority))
        for priority, rule in wanted.items():
            if priority not in having:
                await self.run("addRule", rule)
            elif any(change.field.startswith(f"rules[{priority}]") for change in found):
                whole = overlay(rule, having[priority], self.resource.rule, "rules[]")
                await self.run(
                    "patchRule", self.sendable([whole], "rules")[0], priority=str(priority)
                )


async def set_policies(handler: Handler, live: Body) -> None:
    """Add and remove resource policies of a disk or an instance."""
    wanted, having = handler.body["resourcePolicies"] or [], live.get("resourcePolicies") or []
    for verb, policies in (
        ("removeResourcePolicies", _without(having, wanted)),
        ("addResourcePolicies", _without(wanted, having)),
    ):
        if policies:
            await handler.run(verb, {"resourcePolicies": policies})


def _without(links: Sequence[str], others: Sequence[str]) -> list[str]:
    return [each for each in links if not any(equal(each, other) for other in others)]
