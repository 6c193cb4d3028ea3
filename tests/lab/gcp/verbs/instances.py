"""Instances: what they are made of."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.clock import fingerprint, now
from tests.lab.gcp.defaults import BEFORE, COMPLETED, DELETABLE, DELETED, PREPARE, SETTLED, hook
from tests.lab.gcp.errors import ApiError, exists, invalid, required
from tests.lab.gcp.fields import setter
from tests.lab.gcp.ips import claim_internal, free_external, mark_addresses
from tests.lab.gcp.links import last, link_of, parse, path_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs import disks

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]


@hook(PREPARE, "compute.instances")
def prepare(emulator: Emulator, _: Call, record: Record) -> None:
    """Fill in an instance: interfaces with addresses, disks that are made with it."""
    body = record.body
    for index, nic in enumerate(body["networkInterfaces"]):
        fill_interface(emulator, record, nic, index)
    usual: Body = {
        "onHostMaintenance": "MIGRATE",
        "automaticRestart": True,
        "preemptible": False,
        "provisioningModel": "STANDARD",
    }
    body["scheduling"] = usual | body.get("scheduling", {})
    shielded = {"enableSecureBoot": False, "enableVtpm": True, "enableIntegrityMonitoring": True}
    body["shieldedInstanceConfig"] = shielded | body.get("shieldedInstanceConfig", {})
    setter(
        body,
        {
            "canIpForward": False,
            "deletionProtection": False,
            "startRestricted": False,
            "shieldedInstanceIntegrityPolicy": {"updateAutoLearnPolicy": True},
        },
    )
    body["tags"] = body.get("tags", {})
    body["metadata"] = {**body.get("metadata", {}), "kind": "compute#metadata"}
    body["status"] = "PROVISIONING"
    _check(body)
    try:
        _fill_disks(emulator, record)
    except ApiError:
        crud.discard(emulator, record)
        raise


def _check(body: Body) -> None:
    keys = [entry.get("key") for entry in body["metadata"].get("items", [])]
    if len(set(keys)) < len(keys):
        raise invalid("metadata.items", keys, "Duplicate keys are not allowed.")
    if len(body.get("serviceAccounts", [])) > 1:
        raise invalid("serviceAccounts", "", "At most one service account is supported.")
    for index, account in enumerate(body.get("serviceAccounts", [])):
        if not account.get("email"):
            raise required(f"serviceAccounts[{index}].email")
        for scope in account.get("scopes", []):
            if not scope.startswith("https://"):
                raise invalid(f"serviceAccounts[{index}].scopes", scope, "Unknown scope.")


def fill_interface(emulator: Emulator, record: Record, nic: Body, index: int) -> None:
    """Fill in an interface: its network from its subnetwork, its addresses."""
    where = f"networkInterfaces[{index}]"
    if not nic.get("subnetwork"):
        nic["subnetwork"] = _only_subnetwork(emulator, record, nic, where)
    key = parse(nic["subnetwork"]) or ""
    parent = emulator.store.get(key)
    owner = str(parent.body["network"]) if parent else ""
    if nic.get("network") not in (None, owner):
        words = f"The subnetwork is not in this network but in '{last(owner)}'."
        raise invalid(f"{where}.network", nic["network"], words)
    nic["network"] = owner
    nic["networkIP"] = claim_internal(
        emulator, key, str(nic.get("networkIP", "")), f"{where}.networkIP", record.key
    )
    setter(
        nic, {"name": f"nic{index}", "kind": "compute#networkInterface", "stackType": "IPV4_ONLY"}
    )
    for access in nic.get("accessConfigs", []):
        fill_access(emulator, access, where)
    touch_interface(nic)


def touch_interface(nic: Body) -> None:
    """Renew an interface's fingerprint."""
    content = {name: value for name, value in nic.items() if name != "fingerprint"}
    nic["fingerprint"] = fingerprint(content)


def _only_subnetwork(emulator: Emulator, record: Record, nic: Body, where: str) -> str:
    if not nic.get("network"):
        raise required(f"{where}.network")
    key = parse(nic["network"]) or ""
    region = record.location.rpartition("-")[0]
    found = [
        user.key
        for user in emulator.store.users_of(key)
        if user.type == "compute.subnetworks" and user.location == region
    ]
    if len(found) != 1:
        words = "Subnetwork must be provided for networks in custom subnet mode."
        raise invalid(where, "", words)
    return link_of(found[0])


def fill_access(emulator: Emulator, access: Body, where: str) -> None:
    """Give an external address, or take a reserved one."""
    setter(
        access,
        {
            "kind": "compute#accessConfig",
            "type": "ONE_TO_ONE_NAT",
            "name": "External NAT",
            "networkTier": "PREMIUM",
        },
    )
    wanted = str(access.get("natIP", ""))
    if not wanted:
        access["natIP"] = free_external(emulator)
        return
    reserved = [
        record
        for record in emulator.store.of_type("compute.addresses")
        if wanted in (record.body.get("address"), record.body.get("selfLink"), path_of(record.key))
    ]
    if not reserved:
        words = "The specified external IP address was not found."
        raise invalid(f"{where}.accessConfigs[0].natIP", wanted, words)
    if reserved[0].body.get("users"):
        words = f"External IP address: {wanted} is already in-use."
        raise ApiError(400, "invalidUsage", words)
    access["natIP"] = reserved[0].body["address"]


# -- disks that come with an instance
def _fill_disks(emulator: Emulator, record: Record) -> None:
    attached: list[Body] = record.body["disks"]
    if not any(disk.get("boot") for disk in attached):
        attached[0]["boot"] = True
    names = [disk.get("deviceName") for disk in attached if disk.get("deviceName")]
    if len(set(names)) < len(names):
        raise invalid("disks", names, "Every disk needs a device name of its own.")
    for index, disk in enumerate(attached):
        where = f"disks[{index}]"
        if not disk.get("source") and not disk.get("initializeParams"):
            words = "Either source or initializeParams has to be specified."
            raise invalid(where, "", words)
        if disk.get("initializeParams"):
            _plan_disk(emulator, record, disk, index)
        fill_attached(emulator, record, disk, index)


def fill_attached(emulator: Emulator, record: Record, disk: Body, index: int) -> None:
    """Fill in an attachment; refuse a disk that somebody else writes to."""
    setter(
        disk,
        {
            "kind": "compute#attachedDisk",
            "type": "PERSISTENT",
            "mode": "READ_WRITE",
            "autoDelete": False,
            "boot": False,
            "interface": "SCSI",
            "deviceName": f"persistent-disk-{index}",
        },
    )
    disk["index"] = index
    found = emulator.store.get(parse(disk["source"]) or "")
    if found is None:
        return
    users = [link for link in found.body.get("users", []) if parse(link) != record.key]
    if users and disk["mode"] == "READ_WRITE":
        words = f"The disk resource '{path_of(found.key)}' is already being used by"
        user = path_of(parse(users[0]) or "")
        raise ApiError(400, "resourceInUseByAnotherResource", f"{words} '{user}'")
    disk["diskSizeGb"] = str(found.body["sizeGb"])


def _plan_disk(emulator: Emulator, record: Record, disk: Body, index: int) -> None:
    """Note the disk that is to be made with the instance."""
    given: Body = disk["initializeParams"]
    usual = record.name if disk.get("boot") else f"{record.name}-{index}"
    name = given.get("diskName", usual)
    key = f"compute/projects/{record.project}/zones/{record.location}/disks/{name}"
    if emulator.store.get(key):
        raise exists(path_of(key))
    body: Body = {"name": name}
    mapped = {"diskType": "type", "diskSizeGb": "sizeGb"}
    for field, value in given.items():
        if field != "diskName":
            body[mapped.get(field, field)] = copy.deepcopy(value)
    made = Record(key, "compute.disks", record.project, record.location, name, body, ready=False)
    disks.complete(emulator, made)
    disk["diskSizeGb"] = str(body["sizeGb"])
    disk["source"] = link_of(key)
    record.secret.setdefault("made_with", []).append(key)
    emulator.store.add(made, key.rpartition("/")[0])
    # What the disk is made of shows on the disk, not on the instance.
    del disk["initializeParams"]


@hook(BEFORE, "compute.instances")
async def make_disks(emulator: Emulator, record: Record) -> None:
    """Let the new disks become real before the instance does."""
    made = [emulator.store.get(key) for key in record.secret.get("made_with", [])]
    for disk in made:
        if disk:
            extra = await emulator.backend.created(disk.resource())
            emulator.store.replace(disk, {**disk.body, **extra, "status": "READY"})
            disk.ready = True


@hook(COMPLETED, "compute.instances")
def complete(_: Emulator, __: Record, body: Body) -> None:
    """The instance runs."""
    body["status"] = "RUNNING"
    body["lastStartTimestamp"] = now()
    body["cpuPlatform"] = "Intel Ice Lake"


@hook(SETTLED, "compute.instances")
def settled(emulator: Emulator, record: Record) -> None:
    """Disks and addresses show who has them."""
    disks.mark(emulator, record.project)
    mark_addresses(emulator, record.project)


@hook(DELETABLE, "compute.instances")
def deletable(_: Emulator, __: Call, record: Record) -> None:
    """Refuse while it is protected."""
    if record.body.get("deletionProtection"):
        words = "Invalid resource usage: 'Resource cannot be deleted if it's protected against"
        words += " deletion. Disable deletion protection first.'."
        raise ApiError(412, "conditionNotMet", words)


@hook(DELETED, "compute.instances")
def gone(emulator: Emulator, record: Record) -> None:
    """Groups lose it; its disks go with it where they are to."""
    for disk in record.body.get("disks", []):
        found = emulator.store.get(parse(disk["source"]) or "")
        if found is None:
            continue
        if disk.get("autoDelete"):
            emulator.store.remove(found)
            emulator.later(emulator.backend.deleted(found.resource()))
    for group in emulator.store.of_type("compute.instanceGroups", record.project):
        held = group.secret.get("instances", [])
        if record.key in held:
            group.secret["instances"] = [key for key in held if key != record.key]
            size = len(group.secret["instances"])
            emulator.store.replace(group, {**group.body, "size": size})
