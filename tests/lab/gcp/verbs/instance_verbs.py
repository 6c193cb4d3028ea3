"""What can be done to an instance that is there."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.clock import now
from tests.lab.gcp.defaults import CHANGED, hook
from tests.lab.gcp.errors import ApiError, invalid, stale
from tests.lab.gcp.fields import merge, without_nulls
from tests.lab.gcp.links import link_of, parse
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.instances import fill_access, fill_attached, touch_interface
from tests.lab.gcp.verbs.registry import handles
from tests.lab.gcp.verbs.setters import refuse_running

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
#: Verb → (states that it needs, or nothing matters; the state it leads to).
_STATES: dict[str, tuple[set[str], str]] = {
    "start": ({"TERMINATED", "STOPPED", "RUNNING"}, "RUNNING"),
    "stop": ({"RUNNING", "TERMINATED", "STOPPED", "SUSPENDED"}, "TERMINATED"),
    "reset": ({"RUNNING"}, "RUNNING"),
    "suspend": ({"RUNNING"}, "SUSPENDED"),
    "resume": ({"SUSPENDED"}, "RUNNING"),
}


@handles(*(f"compute.instances.{verb}" for verb in _STATES))
async def state(emulator: Emulator, call: Call) -> Body:
    """Start, stop, reset, suspend, resume."""
    record = crud.find(emulator, call.key)
    allowed, target = _STATES[call.method.name]
    held = record.body["status"]
    if held not in allowed:
        words = f"Instance '{record.name}' is {held} and cannot be {call.method.name}ed."
        raise ApiError(400, "invalid", words)

    def change(body: Body) -> Body:
        stamp = "lastStartTimestamp" if target == "RUNNING" else "lastStopTimestamp"
        return {**body, "status": target, **({stamp: now()} if held != target else {})}

    return await crud.mutate(emulator, call, record, change)


@hook(CHANGED, "compute.instances")
def follow(_: Emulator, __: Call, ___: Record, body: Body) -> None:
    """Interfaces carry fingerprints of their own."""
    for nic in body["networkInterfaces"]:
        touch_interface(nic)


@handles("compute.instances.setDeletionProtection")
async def protection(emulator: Emulator, call: Call) -> Body:
    """Protect an instance against deletion, or not."""
    record = crud.find(emulator, call.key)
    wanted = call.query.get("deletionProtection", "true").lower() == "true"

    def change(body: Body) -> Body:
        return {**body, "deletionProtection": wanted}

    return await crud.mutate(emulator, call, record, change)


@handles("compute.instances.setServiceAccount")
async def service_account(emulator: Emulator, call: Call) -> Body:
    """Set who a stopped instance is."""
    record = crud.find(emulator, call.key)
    refuse_running(record, "setServiceAccount")
    given = without_nulls(call.body)

    def change(body: Body) -> Body:
        kept = {name: value for name, value in body.items() if name != "serviceAccounts"}
        return {**kept, "serviceAccounts": [dict(given)]} if given.get("email") else kept

    return await crud.mutate(emulator, call, record, change)


# -- disks
@handles("compute.instances.attachDisk")
async def attach(emulator: Emulator, call: Call) -> Body:
    """Attach a disk that is there."""
    record = crud.find(emulator, call.key)
    given = copy.deepcopy(without_nulls(call.body))
    where = "source"
    key = emulator.references.key(
        given.get("source", ""), ["disks"], where, record.project, record.location
    )
    given["source"] = link_of(key)
    index = max([disk["index"] for disk in record.body["disks"]], default=-1) + 1
    fill_attached(emulator, record, given, index)
    if any(parse(disk["source"]) == key for disk in record.body["disks"]):
        raise invalid(where, key, "The disk is already attached to the instance.")
    if any(disk["deviceName"] == given["deviceName"] for disk in record.body["disks"]):
        raise invalid("deviceName", given["deviceName"], "The device name is already in use.")

    def change(body: Body) -> Body:
        return {**body, "disks": [*body["disks"], dict(given)]}

    return await crud.mutate(emulator, call, record, change)


def _disk(record: Record, device: str) -> Body:
    for disk in record.body["disks"]:
        if disk["deviceName"] == device:
            return dict(disk)
    raise invalid("deviceName", device, "No disk with this device name is attached.")


@handles("compute.instances.detachDisk")
async def detach(emulator: Emulator, call: Call) -> Body:
    """Detach a disk by its device name; the boot disk only of a stopped instance."""
    record = crud.find(emulator, call.key)
    disk = _disk(record, call.query.get("deviceName", ""))
    if disk.get("boot") and record.body["status"] != "TERMINATED":
        raise ApiError(400, "invalid", "The boot disk cannot be detached while the instance runs.")

    def change(body: Body) -> Body:
        kept = [entry for entry in body["disks"] if entry["deviceName"] != disk["deviceName"]]
        return {**body, "disks": kept}

    return await crud.mutate(emulator, call, record, change)


@handles("compute.instances.setDiskAutoDelete")
async def auto_delete(emulator: Emulator, call: Call) -> Body:
    """Let a disk go with its instance, or not."""
    record = crud.find(emulator, call.key)
    device = _disk(record, call.query["deviceName"])["deviceName"]
    wanted = call.query["autoDelete"].lower() == "true"

    def change(body: Body) -> Body:
        held = [
            {**disk, "autoDelete": wanted} if disk["deviceName"] == device else disk
            for disk in body["disks"]
        ]
        return {**body, "disks": held}

    return await crud.mutate(emulator, call, record, change)


# -- interfaces
def _interface(record: Record, name: str) -> Body:
    for nic in record.body["networkInterfaces"]:
        if nic["name"] == name:
            return dict(nic)
    raise ApiError(400, "invalid", f"Invalid value for field 'networkInterface': '{name}'.")


def _with_interface(name: str, changed: Body) -> crud.Change:
    def change(body: Body) -> Body:
        nics = [changed if nic["name"] == name else nic for nic in body["networkInterfaces"]]
        return {**body, "networkInterfaces": nics}

    return change


@handles("compute.instances.addAccessConfig")
async def add_access(emulator: Emulator, call: Call) -> Body:
    """Give an interface an external address."""
    record = crud.find(emulator, call.key)
    name = call.query.get("networkInterface", "nic0")
    nic = _interface(record, name)
    if nic.get("accessConfigs"):
        raise ApiError(400, "invalid", "At most one access config currently supported.")
    access = copy.deepcopy(without_nulls(call.body))
    fill_access(emulator, access, "networkInterfaces[0]")
    change = _with_interface(name, {**nic, "accessConfigs": [access]})
    return await crud.mutate(emulator, call, record, change)


@handles("compute.instances.deleteAccessConfig")
async def delete_access(emulator: Emulator, call: Call) -> Body:
    """Take an external address away."""
    record = crud.find(emulator, call.key)
    name = call.query.get("networkInterface", "nic0")
    nic = _interface(record, name)
    wanted = call.query.get("accessConfig", "")
    kept = [access for access in nic.get("accessConfigs", []) if access["name"] != wanted]
    if len(kept) == len(nic.get("accessConfigs", [])):
        raise ApiError(400, "invalid", f"Invalid value for field 'accessConfig': '{wanted}'.")
    nic.pop("accessConfigs")
    if kept:
        nic["accessConfigs"] = kept
    return await crud.mutate(emulator, call, record, _with_interface(name, nic))


@handles("compute.instances.updateNetworkInterface")
async def update_interface(emulator: Emulator, call: Call) -> Body:
    """Change alias ranges; address and subnetwork only of a stopped instance."""
    record = crud.find(emulator, call.key)
    name = call.query.get("networkInterface", "nic0")
    nic = _interface(record, name)
    if call.body.get("fingerprint") != nic["fingerprint"]:
        raise stale("Supplied fingerprint does not match current metadata fingerprint.")
    moved = any(
        call.body.get(field) not in (None, nic.get(field)) for field in ("networkIP", "subnetwork")
    )
    if moved and record.body["status"] != "TERMINATED":
        raise ApiError(400, "invalid", "The instance must be stopped to be moved.")
    given = {key: value for key, value in call.body.items() if key != "fingerprint"}
    return await crud.mutate(emulator, call, record, _with_interface(name, merge(nic, given)))


@handles("compute.instances.getSerialPortOutput")
async def serial(emulator: Emulator, call: Call) -> Body:
    """Give what the console says, as far as the backend knows."""
    record = crud.find(emulator, call.key)
    told = await emulator.backend.query(
        record.resource(), "compute.instances.getSerialPortOutput", {}
    )
    kind = {"kind": "compute#serialPortOutput", "selfLink": link_of(record.key) + "/serialPort"}
    return {**kind, "contents": "", "start": "0", "next": "0", **(told or {})}
