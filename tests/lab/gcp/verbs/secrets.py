"""Secrets and their versions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.clock import fingerprint, zulu
from tests.lab.gcp.defaults import DELETED, PREPARE, hook
from tests.lab.gcp.errors import ApiError, malformed, precondition
from tests.lab.gcp.links import path_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_STATES = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}


@hook(PREPARE, "secretmanager.secrets")
def prepare(_: Emulator, __: Call, record: Record) -> None:
    """Refuse a replication that is neither automatic nor by places."""
    given = record.body["replication"]
    if not ({"automatic", "userManaged"} & set(given)):
        raise malformed("secret.replication", "Replication must be automatic or user managed.")


@hook(DELETED, "secretmanager.secrets")
def forget(emulator: Emulator, record: Record) -> None:
    """Versions go with their secret."""
    for version in emulator.store.below(f"{record.key}/versions"):
        emulator.store.remove(version)


@handles("secretmanager.secrets.addVersion")
async def add_version(emulator: Emulator, call: Call) -> Body:
    """Add a payload."""
    secret = crud.find(emulator, call.key)
    payload = call.body.get("payload") or {}
    data = payload.get("data")
    if data is None:
        raise malformed("payload", "Secret Payload cannot be empty.")
    if len(base64.b64decode(data)) > 65536:
        raise malformed("payload.data", "Secret payload is larger than 64KiB.")
    checksum = payload.get("dataCrc32c")
    if checksum is not None and int(checksum) != crc32c(base64.b64decode(data)):
        raise malformed("payload", "The checksum of the payload does not match.")
    collection = f"{secret.key}/versions"
    number = str(secret.secret.get("versions", 0) + 1)
    secret.secret["versions"] = int(number)
    key = f"{collection}/{number}"
    body: Body = {
        "name": path_of(key),
        "createTime": zulu(),
        "state": "ENABLED",
        "replicationStatus": {"automatic": {}},
    }
    body["etag"] = fingerprint(body)
    record = Record(key, "secretmanager.versions", secret.project, "global", number, body)
    record.secret["data"] = data
    emulator.store.add(record, collection)
    return body


def _version(emulator: Emulator, key: str) -> Record:
    """Find a version, also by its alias ``latest``: the newest that is enabled."""
    if not key.endswith("/latest"):
        found = emulator.store.get(key)
    else:
        versions = emulator.store.below(key.rpartition("/")[0])
        live = [record for record in versions if record.body["state"] == "ENABLED"]
        found = max(live, key=lambda record: int(record.name), default=None)
    if found is None:
        raise ApiError(404, "notFound", f"Secret Version [{path_of(key)}] not found.", "NOT_FOUND")
    return found


@handles("secretmanager.versions.get")
async def get_version(emulator: Emulator, call: Call) -> Body:
    """Tell about a version."""
    return _version(emulator, call.key).body


@handles("secretmanager.versions.access")
async def access(emulator: Emulator, call: Call) -> Body:
    """Give a version's payload."""
    record = _version(emulator, call.key)
    if record.body["state"] != "ENABLED":
        words = f"Secret Version [{record.body['name']}] is in {record.body['state']} state."
        raise precondition(words)
    data = record.secret["data"]
    checksum = str(crc32c(base64.b64decode(data)))
    return {"name": record.body["name"], "payload": {"data": data, "dataCrc32c": checksum}}


@handles(*(f"secretmanager.versions.{verb}" for verb in _STATES))
async def set_state(emulator: Emulator, call: Call) -> Body:
    """Enable, disable or destroy a version."""
    record = _version(emulator, call.key)
    if record.body["state"] == "DESTROYED":
        raise precondition(f"Secret Version [{record.body['name']}] is in DESTROYED state.")
    state = _STATES[call.method.name]
    body = {**record.body, "state": state}
    if state == "DESTROYED":
        body["destroyTime"] = zulu()
        record.secret.pop("data", None)
    emulator.store.replace(record, body)
    return body


def _table() -> list[int]:
    made = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        made.append(value)
    return made


_CRC = _table()


def crc32c(data: bytes) -> int:
    """Give the Castagnoli checksum."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _CRC[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF
