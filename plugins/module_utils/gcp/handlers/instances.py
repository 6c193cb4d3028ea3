# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances, of which nearly each field has a method of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import (
    Change,
    changes,
    overlay,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.attached import (
    by_place,
    shown_name,
    twin_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    IN_PLACE,
    REPLACE,
    RESTART,
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.bodies import bare
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.compute import (
    set_policies,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.meaning import equal
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource

RUNNING = "RUNNING"
#: Of one that a run left stopped: no later run takes that for a change where nothing is declared of it.
_WAY_OUT = "Start it, or declare status: RUNNING and run it again."
#: Of a disk's entry, what can be changed.
_DISK_FIELDS = frozenset(("disks[].autoDelete", "disks[]"))
_ACCESS = "networkInterfaces[].accessConfigs"
#: What an external address keeps when another one takes its place.
_ACCESS_KEPT = ("name", "networkTier", "setPublicPtr", "publicPtrDomainName")
_ALIASES = "networkInterfaces[].aliasIpRanges"


class Instances(Handler):
    """An instance. Disks that are not declared but attached are left alone: they may be in use."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters.update(
            canIpForward=self._set_forwarding,
            deletionProtection=self._set_protection,
            disks=self._set_disks,
            displayDevice=self._set_display,
            machineType=self._set_machine_type,
            metadata=self._set_metadata,
            minCpuPlatform=self._set_platform,
            networkInterfaces=self._set_interfaces,
            resourcePolicies=self._set_policies,
            scheduling=self._set_scheduling,
            serviceAccounts=self._set_account,
            shieldedInstanceConfig=self._set_shielded,
            status=self._set_status,
            tags=self._set_tags,
        )

    def compare(self, live: Body) -> list[Change]:
        """Disks are told apart by device name, source, or being the one that is booted from."""
        body = self.body
        if not isinstance(body.get("disks"), list):
            return changes(body, live, self.resource.rule)
        disks, having = [], []
        missing = []
        for number, disk in enumerate(body["disks"]):
            twin = twin_of(disk, live.get("disks") or ())
            if twin is None:
                missing.append(
                    Change(f"disks[{shown_name(disk, number)}]", None, bare(disk), "disks[]")
                )
            else:
                disks.append(disk)
                having.append(twin)
        rule = self.resource.rule
        found = changes({**body, "disks": []}, {**live, "disks": []}, rule)
        for disk, twin in zip(disks, having):
            for change in changes({"disks": [disk]}, {"disks": [twin]}, by_place(rule)):
                where = f"disks[{twin.get('deviceName', '')}]"
                field = change.field.replace("disks[0]", where, 1)
                found.append(Change(field, change.before, change.after, change.plain))
        return found + missing

    def verdict(self, change: Change, live: Body) -> str:
        """Some fields need the instance stopped, and its first disk and its networks are its own."""
        if change.plain == "networkInterfaces[]":
            return REPLACE
        if change.top == "disks":
            if change.plain == "disks[]" and (change.after or {}).get("boot"):
                return REPLACE
            return IN_PLACE if change.plain in _DISK_FIELDS else REPLACE
        if change.top == "networkInterfaces":
            fine = change.plain.startswith((_ACCESS, _ALIASES))
            return IN_PLACE if fine else REPLACE
        verdict = super().verdict(change, live)
        if verdict == IN_PLACE and change.top in self.resource.rule.restarts:
            return RESTART if live.get("status") == RUNNING else IN_PLACE
        return verdict

    def holds(self, live: Body) -> str:
        """Its protection, and data disks that go with it."""
        if live.get("deletionProtection"):
            return "an instance that is protected from deletion"
        kept = self._kept_disks(live)
        gone = [
            each
            for each in live.get("disks") or ()
            if each.get("autoDelete") and not any(each is other for other in kept)
        ]
        names = [str(each.get("deviceName")) for each in gone if not each.get("boot")]
        return f"the data of its disks {', '.join(names)}" if names else ""

    async def delete(self) -> None:
        """Delete it; that a protected one may be deleted was said before."""
        live = await self.read()
        if live and live.get("deletionProtection"):
            await self.run("setDeletionProtection", deletionProtection="false")
        for disk in self._kept_disks(live or {}):
            await self.run(
                "setDiskAutoDelete", autoDelete="false", deviceName=str(disk["deviceName"])
            )
        await super().delete()

    def _kept_disks(self, live: Body) -> list[Mapping[str, Any]]:
        """Disks of their own that would go with it though nobody declared so."""
        declared = self.resource.body.get("disks") or ()
        own = [disk for disk in declared if disk.get("source") and not disk.get("autoDelete")]
        having = [each for each in live.get("disks") or () if each.get("autoDelete")]
        twins = [twin_of({"source": disk["source"]}, having) for disk in own]
        return [each for each in twins if each is not None]

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """What needs the instance stopped is done in one stop; the declared state comes last."""
        tops = [change for change in found if change.top != "status"]
        stopped = [change for change in tops if self.verdict(change, live) == RESTART]
        await super().update(live, [change for change in tops if change not in stopped])
        if stopped:
            again = self.body.get("status", RUNNING) == RUNNING
            await self._stopped(live, stopped, again)
            if again:
                return
        await super().update(live, [change for change in found if change.top == "status"])

    async def _stopped(self, live: Body, found: Sequence[Change], again: bool) -> None:
        """Stop it, change it, and start it ``again``, also where the change fails. Raises ``GcpError``."""
        failed: BaseException | None = None
        try:
            await self.run("stop")
            await super().update(await self.read() or live, found)
        except BaseException as error:
            failed = error
            raise
        finally:
            if again:
                await self._start_again(failed)

    async def _start_again(self, failed: BaseException | None) -> None:
        """Start it after a change that has ``failed`` or not; what is raised says whether it runs."""
        try:
            runs = (await self.settled() or {}).get("status") == RUNNING
            if not runs:
                await self.run("start")
        except GcpError as error:
            if failed is None or isinstance(failed, GcpError):
                done = f"not changed ({failed})" if failed else "changed"
                words = (
                    f"it was {done}, and stays stopped, as it could not be started again: {error}"
                )
                raise GcpError(error.reason, f"{words} {_WAY_OUT}", error.cause) from error
            return
        if isinstance(failed, GcpError) and not runs:
            words = f"{failed} It had been stopped for this, and is started again."
            raise GcpError(failed.reason, words, failed.cause, failed.status) from failed

    async def _set_tags(self, live: Body, _changes: Sequence[Change]) -> None:
        fresh = live.get("tags") or {}
        items = (self.body["tags"] or {}).get("items") or []
        await self.run("setTags", {"items": items, "fingerprint": fresh.get("fingerprint", "")})

    async def _set_metadata(self, live: Body, _changes: Sequence[Change]) -> None:
        having = live.get("metadata") or {}
        wanted = self.body["metadata"] or {"items": None}
        whole = overlay(wanted, having, self.resource.rule, "metadata")
        body = {"items": whole.get("items") or [], "fingerprint": having.get("fingerprint", "")}
        await self.run("setMetadata", body)

    async def _set_machine_type(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("setMachineType", {"machineType": self.body["machineType"]})

    async def _set_platform(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("setMinCpuPlatform", {"minCpuPlatform": self.body["minCpuPlatform"]})

    async def _set_account(self, live: Body, _changes: Sequence[Change]) -> None:
        having = (live.get("serviceAccounts") or [{}])[0]
        wanted = (self.body["serviceAccounts"] or [{}])[0]
        await self.run("setServiceAccount", {**having, **bare(wanted)})

    async def _set_shielded(self, live: Body, _changes: Sequence[Change]) -> None:
        having = live.get("shieldedInstanceConfig") or {}
        body = {**having, **bare(self.body["shieldedInstanceConfig"])}
        await self.run("updateShieldedInstanceConfig", body)

    async def _set_scheduling(self, live: Body, _changes: Sequence[Change]) -> None:
        await self.run("setScheduling", self.desired(live, ["scheduling"])["scheduling"])

    async def _set_display(self, _live: Body, _changes: Sequence[Change]) -> None:
        await self.run("updateDisplayDevice", bare(self.body["displayDevice"]))

    async def _set_protection(self, _live: Body, _changes: Sequence[Change]) -> None:
        wanted = str(bool(self.body["deletionProtection"])).lower()
        await self.run("setDeletionProtection", deletionProtection=wanted)

    async def _set_policies(self, live: Body, _changes: Sequence[Change]) -> None:
        await set_policies(self, live)

    async def _set_forwarding(self, _live: Body, _changes: Sequence[Change]) -> None:
        fresh = await self.read() or {}
        whole = {name: self.sendable(value, name) for name, value in fresh.items()}
        body = {name: whole[name] for name in whole if self._may_send(name)}
        body["canIpForward"] = bool(self.body["canIpForward"])
        query = {"mostDisruptiveAllowedAction": "REFRESH"}
        await self.run("update", body, **query)

    def _may_send(self, name: str) -> bool:
        schema = self._properties().get(name, {})
        return bool(schema) and not schema.get("description", "").startswith("[Output Only]")

    async def _set_status(self, live: Body, _changes: Sequence[Change]) -> None:
        begin = "resume" if live.get("status") == "SUSPENDED" else "start"
        await self.run(begin if self.body["status"] == RUNNING else "stop")

    async def _set_disks(self, live: Body, _changes: Sequence[Change]) -> None:
        for disk in self.body["disks"]:
            twin = twin_of(disk, live.get("disks") or ())
            if twin is None:
                await self.run("attachDisk", bare(disk))
            elif disk.get("autoDelete") is not None and not equal(
                disk["autoDelete"], twin.get("autoDelete", False)
            ):
                query = {
                    "autoDelete": str(bool(disk["autoDelete"])).lower(),
                    "deviceName": str(twin["deviceName"]),
                }
                await self.run("setDiskAutoDelete", **query)

    async def _set_interfaces(self, live: Body, found: Sequence[Change]) -> None:
        pairs = zip(self.body["networkInterfaces"], live.get("networkInterfaces") or ())
        for number, (wanted, having) in enumerate(pairs):
            own = [each for each in found if each.field.startswith(f"networkInterfaces[{number}]")]
            nic = str(having.get("name") or f"nic{number}")
            if any(each.plain.startswith(_ACCESS) for each in own):
                await self._set_access(nic, wanted.get("accessConfigs") or [], having)
            if any(each.plain.startswith(_ALIASES) for each in own):
                body = {
                    "aliasIpRanges": wanted.get("aliasIpRanges") or [],
                    "fingerprint": having.get("fingerprint", ""),
                }
                await self.run("updateNetworkInterface", body, networkInterface=nic)

    async def _set_access(
        self, nic: str, wanted: Sequence[Mapping[str, Any]], having: Mapping[str, Any]
    ) -> None:
        """An external address is changed by taking the old one away."""
        for old in having.get("accessConfigs") or ():
            name = str(old.get("name") or "External NAT")
            await self.run("deleteAccessConfig", accessConfig=name, networkInterface=nic)
        for number, new in enumerate(wanted):
            old = (having.get("accessConfigs") or ())[number : number + 1]
            kept = {name: old[0][name] for name in _ACCESS_KEPT if old and name in old[0]}
            body = {"type": "ONE_TO_ONE_NAT", "name": "External NAT", **kept, **bare(new)}
            await self.run("addAccessConfig", body, networkInterface=nic)
