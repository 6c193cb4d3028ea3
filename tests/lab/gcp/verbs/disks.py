"""Disks, snapshots, images."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import catalogue, crud, dress
from tests.lab.gcp.clock import now
from tests.lab.gcp.defaults import COMPLETED, DELETABLE, PREPARE, hook
from tests.lab.gcp.errors import ApiError, exists, invalid, not_found, required
from tests.lab.gcp.fields import setter
from tests.lab.gcp.links import last, link_of, parse, path_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.networks import compute
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_SOURCES = {"sourceImage": "diskSizeGb", "sourceSnapshot": "diskSizeGb", "sourceDisk": "sizeGb"}
_IDS = {
    "sourceImage": "sourceImageId",
    "sourceSnapshot": "sourceSnapshotId",
    "sourceDisk": "sourceDiskId",
}


def complete(emulator: Emulator, record: Record) -> None:
    """Make a disk's body whole: for one that comes with an instance, and for one of its own."""
    body = record.body
    emulator.references.resolve("compute.disks", body, record.project, record.location)
    dress.newborn(compute(), "Disk", record.key, record.name, body)
    fill(emulator, record)
    dress.touch(compute(), "Disk", body)


@hook(PREPARE, "compute.disks", "compute.regionDisks")
def prepare(emulator: Emulator, call: Call, record: Record) -> None:
    """Fill in a disk; an image can be given as a query parameter, too."""
    image = call.query.get("sourceImage")
    if image:
        key = emulator.references.key(
            image, ["images"], "sourceImage", record.project, record.location
        )
        record.body["sourceImage"] = link_of(key)
    fill(emulator, record)


def fill(emulator: Emulator, record: Record) -> None:
    """Fill in size, type and what it is made of."""
    body = record.body
    parent = record.key.rpartition("/disks/")[0]
    smallest = 0
    for field, size in _SOURCES.items():
        if not body.get(field):
            continue
        key = parse(body[field]) or ""
        found = emulator.store.get(key)
        source = found.body if found else catalogue.get(key) or {}
        smallest = int(source.get(size, 10))
        body[_IDS[field]] = str(source.get("id", "0"))
    given = int(body.get("sizeGb", 0))
    if given and given < smallest:
        words = f"Requested disk size cannot be smaller than the image size ({smallest} GB)"
        raise invalid("sizeGb", given, words)
    body["sizeGb"] = str(given or smallest or 500)
    if not 10 <= int(body["sizeGb"]) <= 65536:
        raise invalid("sizeGb", given, "Disk size must be between 10 GB and 65536 GB.")
    setter(
        body,
        {
            "type": link_of(f"{parent}/diskTypes/pd-standard"),
            "physicalBlockSizeBytes": "4096",
            "enableConfidentialCompute": False,
            "status": "CREATING",
        },
    )
    if len(body.get("resourcePolicies", [])) > 10:
        raise invalid("resourcePolicies", "", "At most 10 policies can be attached.")


@hook(COMPLETED, "compute.disks", "compute.regionDisks", "compute.snapshots", "compute.images")
def is_ready(_: Emulator, __: Record, body: Body) -> None:
    """It can be used."""
    body["status"] = "READY"


def mark(emulator: Emulator, project: str) -> None:
    """Let a project's disks show who has them."""
    users: dict[str, list[str]] = {}
    for instance in emulator.store.of_type("compute.instances", project):
        for disk in instance.body.get("disks", []):
            users.setdefault(str(disk["source"]), []).append(link_of(instance.key))
    for record in emulator.store.of_type("compute.disks", project):
        now_users = users.get(link_of(record.key), [])
        held = record.body.get("users", [])
        if now_users != held:
            body = {name: value for name, value in record.body.items() if name != "users"}
            more = len(now_users) > len(held)
            body["lastAttachTimestamp" if more else "lastDetachTimestamp"] = now()
            emulator.store.replace(record, body | ({"users": now_users} if now_users else {}))


@hook(DELETABLE, "compute.disks")
def deletable(_: Emulator, __: Call, record: Record) -> None:
    """Refuse while an instance has it."""
    users = record.body.get("users", [])
    if users:
        words = f"The disk resource '{path_of(record.key)}' is already being used by"
        user = path_of(parse(users[0]) or "")
        raise ApiError(400, "resourceInUseByAnotherResource", f"{words} '{user}'")


@handles("compute.disks.resize", "compute.regionDisks.resize")
async def resize(emulator: Emulator, call: Call) -> Body:
    """Make a disk larger."""
    record = crud.find(emulator, call.key)
    wanted = int(call.body.get("sizeGb", 0))
    if wanted <= int(record.body["sizeGb"]):
        words = f"The new size must be larger than the current one, {record.body['sizeGb']} GB."
        raise invalid("sizeGb", wanted, words)

    def change(body: Body) -> Body:
        return {**body, "sizeGb": str(wanted)}

    return await crud.mutate(emulator, call, record, change)


# -- snapshots
@handles("compute.disks.createSnapshot", "compute.regionDisks.createSnapshot")
async def create_snapshot(emulator: Emulator, call: Call) -> Body:
    """Take a snapshot of a disk."""
    disk = crud.find(emulator, call.key)
    crud.ready(disk)
    body = copy.deepcopy(call.body)
    name = body.get("name")
    if not name:
        raise required("name")
    key = f"compute/projects/{call.project}/global/snapshots/{name}"
    if emulator.store.get(key):
        raise exists(path_of(key))
    body["sourceDisk"] = link_of(disk.key)
    record = Record(key, "compute.snapshots", call.project, "global", name, body, ready=False)
    return await _snapshot(emulator, call, record, disk)


async def _snapshot(emulator: Emulator, call: Call, record: Record, disk: Record) -> Body:
    dress.strip_output(compute(), "Snapshot", record.body)
    dress.newborn(compute(), "Snapshot", record.key, record.name, record.body)
    _fill_snapshot(record, disk)
    dress.touch(compute(), "Snapshot", record.body)
    return await crud.create(emulator, call, record, record.key.rpartition("/")[0])


def _fill_snapshot(record: Record, disk: Record) -> None:
    body = record.body
    body["sourceDisk"] = link_of(disk.key)
    body["sourceDiskId"] = str(disk.body["id"])
    body["diskSizeGb"] = str(disk.body["sizeGb"])
    body["storageBytes"] = "1048576"
    body["downloadBytes"] = "1048576"
    body["storageBytesStatus"] = "UP_TO_DATE"
    body["status"] = "CREATING"
    body.setdefault("snapshotType", "STANDARD")
    body.setdefault("storageLocations", [disk.location.rpartition("-")[0]])


@hook(PREPARE, "compute.snapshots")
def prepare_snapshot(emulator: Emulator, _: Call, record: Record) -> None:
    """Take a snapshot by the other method: insert with a source disk."""
    if not record.body.get("sourceDisk"):
        raise required("sourceDisk")
    disk = emulator.store.get(parse(record.body["sourceDisk"]) or "")
    if disk:
        _fill_snapshot(record, disk)


# -- images
@hook(PREPARE, "compute.images")
def prepare_image(emulator: Emulator, _: Call, record: Record) -> None:
    """Fill in an image."""
    body = record.body
    for field, size in _SOURCES.items():
        found = emulator.store.get(parse(body.get(field, "")) or "")
        if found:
            body.setdefault("diskSizeGb", str(found.body.get(size, 10)))
            body[_IDS[field]] = str(found.body["id"])
    setter(body, {"sourceType": "RAW", "diskSizeGb": "10", "archiveSizeBytes": "1073741824"})
    body["status"] = "PENDING"


@handles("compute.images.getFromFamily")
async def from_family(emulator: Emulator, call: Call) -> Body:
    """Give the newest image of a family."""
    family = last(call.key)
    own = [
        record
        for record in emulator.store.of_type("compute.images", call.project)
        if record.body.get("family") == family and record.ready
    ]
    if own:
        return max(own, key=lambda record: str(record.body["creationTimestamp"])).body
    key = catalogue.image_of_family(call.project, family)
    found = catalogue.get(key) if key else None
    if found is None:
        raise not_found(f"projects/{call.project}/global/images/family/{family}")
    return found
