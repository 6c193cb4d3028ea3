"""Zones, records, changes."""

from __future__ import annotations

import copy
import ipaddress
import zlib
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud, lists
from tests.lab.gcp.backend import BackendError
from tests.lab.gcp.clock import zulu
from tests.lab.gcp.defaults import COMPLETED, DELETABLE, DELETED, PREPARE, hook
from tests.lab.gcp.errors import ApiError
from tests.lab.gcp.fields import setter
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_KIND = "dns#resourceRecordSet"
_TYPE = "dns.resourceRecordSets"
_APEX = {"SOA", "NS"}


def _servers(body: Body) -> list[str]:
    if body.get("visibility") == "private":
        return ["ns-gcp-private.googledomains.com."]
    letter = "abcde"[zlib.crc32(body["name"].encode()) % 5]
    return [f"ns-cloud-{letter}{index}.googledomains.com." for index in range(1, 5)]


@hook(PREPARE, "dns.managedZones")
def prepare_zone(_: Emulator, __: Call, record: Record) -> None:
    """Fill in a zone; two public ones for the same name would be confused."""
    body = record.body
    if not body["dnsName"].endswith("."):
        raise _bad("entity.managedZone.dnsName", body["dnsName"])
    setter(
        body,
        {
            "visibility": "public",
            "cloudLoggingConfig": {"kind": "dns#managedZoneCloudLoggingConfig"},
        },
    )
    if body["visibility"] == "private" and not body.get("privateVisibilityConfig"):
        raise _bad("entity.managedZone.privateVisibilityConfig", "")
    body["nameServers"] = _servers(body)


def _bad(where: str, value: Any) -> ApiError:
    return ApiError(400, "invalid", f"Invalid value for '{where}': '{value}'")


@hook(COMPLETED, "dns.managedZones")
def complete_zone(emulator: Emulator, record: Record, body: Body) -> None:
    """The server makes SOA and NS."""
    servers = body["nameServers"]
    soa = f"{servers[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
    for kind, ttl, data in (("NS", 21600, servers), ("SOA", 21600, [soa])):
        _enter(
            emulator, record, {"name": body["dnsName"], "type": kind, "ttl": ttl, "rrdatas": data}
        )


def _collection(zone: Record) -> str:
    return f"{zone.key}/rrsets"


def _records(emulator: Emulator, zone: Record) -> list[Record]:
    return emulator.store.below(_collection(zone))


def _enter(emulator: Emulator, zone: Record, body: Body) -> Record:
    key = f"{_collection(zone)}/{body['name']}/{body['type']}"
    body = {"kind": _KIND, "ttl": 300, "signatureRrdatas": [], **body}
    record = Record(key, _TYPE, zone.project, "global", body["name"], body)
    emulator.store.add(record, _collection(zone))
    return record


@hook(DELETABLE, "dns.managedZones")
def zone_deletable(emulator: Emulator, _: Call, record: Record) -> None:
    """Refuse a zone that has records of somebody's."""
    others = [entry for entry in _records(emulator, record) if entry.body["type"] not in _APEX]
    if others:
        words = f"The resource named '{record.name}' cannot be deleted because it contains one or"
        raise ApiError(400, "containerNotEmpty", f"{words} more 'resource records'.")


@hook(DELETED, "dns.managedZones")
def forget_zone(emulator: Emulator, record: Record) -> None:
    """SOA and NS go with their zone."""
    for entry in _records(emulator, record):
        emulator.store.remove(entry)


# -- records
def _check(zone: Record, body: Body, where: str) -> None:
    for name in ("name", "type"):
        if not body.get(name):
            raise ApiError(
                400, "required", f"The '{where}.{name}' parameter is required but was missing."
            )
    if not (body.get("rrdatas") or body.get("routingPolicy")):
        raise ApiError(
            400, "required", f"The '{where}.rrdatas' parameter is required but was missing."
        )
    name, domain = body["name"], zone.body["dnsName"]
    if name != domain and not name.endswith("." + domain):
        raise _bad(f"{where}.name", name)
    for value in body.get("rrdatas", []):
        if not _fits(body["type"], value):
            raise _bad(f"{where}.rrdata", value)


def _fits(kind: str, value: str) -> bool:
    try:
        if kind == "A":
            ipaddress.IPv4Address(value)
        elif kind == "AAAA":
            ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return value.endswith(".") if kind in ("CNAME", "NS", "PTR") else bool(value)


def _refuse_alias(emulator: Emulator, zone: Record, body: Body, where: str) -> None:
    """A CNAME stands alone."""
    same = [entry for entry in _records(emulator, zone) if entry.body["name"] == body["name"]]
    for other in same:
        if "CNAME" in (body["type"], other.body["type"]) and other.body["type"] != body["type"]:
            words = f"The resource record set '{where}' is invalid because the DNS name"
            words += f" '{body['name']}' may have either one CNAME resource record set or resource"
            raise ApiError(
                400, "cnameResourceRecordSetConflict", words + " record sets of other types."
            )


def _zone(emulator: Emulator, key: str) -> Record:
    return crud.find(emulator, key.partition("/rrsets")[0].partition("/changes")[0])


@handles("dns.resourceRecordSets.create")
async def create_record(emulator: Emulator, call: Call) -> Body:
    """Make a record set."""
    zone = _zone(emulator, call.key)
    body = copy.deepcopy(call.body)
    _check(zone, body, "entity.rrset")
    if emulator.store.get(f"{_collection(zone)}/{body['name']}/{body['type']}"):
        words = (
            f"The resource 'entity.rrset' named '{body['name']} ({body['type']})' already exists"
        )
        raise ApiError(409, "alreadyExists", words)
    _refuse_alias(emulator, zone, body, "entity.rrset")
    record = _enter(emulator, zone, body)
    await _real(emulator.backend.created(record.resource()))
    return record.body


async def _real(work: Any) -> None:
    try:
        await work
    except BackendError as error:
        raise ApiError(500, "backendError", error.message) from error


@handles("dns.resourceRecordSets.patch")
async def patch_record(emulator: Emulator, call: Call) -> Body:
    """Change a record set."""
    zone = _zone(emulator, call.key)
    record = crud.find(emulator, call.key)
    body = {**record.body, **copy.deepcopy(call.body)}
    _check(zone, body, "entity.rrset")
    before = record.resource()
    emulator.store.replace(record, body)
    await _real(emulator.backend.changed(before, record.resource(), f"{_TYPE}.patch"))
    return record.body


@handles("dns.resourceRecordSets.delete")
async def delete_record(emulator: Emulator, call: Call) -> Body:
    """Delete a record set; SOA and NS of the zone stay."""
    zone = _zone(emulator, call.key)
    record = crud.find(emulator, call.key)
    _refuse_apex(zone, record.body, "entity.rrset")
    await _real(emulator.backend.deleted(record.resource()))
    emulator.store.remove(record)
    return {}


def _refuse_apex(zone: Record, body: Body, where: str) -> None:
    if body["type"] in _APEX and body["name"] == zone.body["dnsName"]:
        words = f"The resource record set '{where}' is invalid because a zone must contain exactly"
        raise ApiError(
            400, "invalidZoneApex", f"{words} one resource record set of type {body['type']}."
        )


@handles("dns.resourceRecordSets.list")
async def list_records(emulator: Emulator, call: Call) -> Body:
    """List record sets, by name and type where these are given."""
    zone = _zone(emulator, call.key)
    items = [
        ("", record.body)
        for record in _records(emulator, zone)
        if call.query.get("name") in (None, record.body["name"])
        and call.query.get("type") in (None, record.body["type"])
    ]
    call.query = {name: value for name, value in call.query.items() if name not in ("name", "type")}
    shown, token = lists.page(call, items)
    return {**lists.frame(call, token), "rrsets": [body for _, body in shown]}


# -- changes
@handles("dns.changes.create")
async def change(emulator: Emulator, call: Call) -> Body:
    """Delete and add record sets together: all or nothing."""
    zone = _zone(emulator, call.key)
    held = {(entry.body["name"], entry.body["type"]): entry for entry in _records(emulator, zone)}
    removed = _removals(call.body.get("deletions", []), held)
    added = copy.deepcopy(call.body.get("additions", []))
    for index, body in enumerate(added):
        where = f"entity.change.additions[{index}]"
        _check(zone, body, where)
        known = held.get((body["name"], body["type"]))
        if known is not None and known not in removed:
            words = f"The resource '{where}' named '{body['name']} ({body['type']})' already exists"
            raise ApiError(409, "alreadyExists", words)
    for record in removed:
        emulator.store.remove(record)
        await _real(emulator.backend.deleted(record.resource()))
    for body in added:
        await _real(emulator.backend.created(_enter(emulator, zone, body).resource()))
    return _note(emulator, zone, call.body)


def _removals(deletions: list[Body], held: dict[tuple[str, str], Record]) -> list[Record]:
    found = []
    for index, body in enumerate(deletions):
        where = f"entity.change.deletions[{index}]"
        record = held.get((str(body.get("name")), str(body.get("type"))))
        if record is None:
            words = (
                f"The '{where}' resource named '{body.get('name')} ({body.get('type')})' does not"
            )
            raise ApiError(404, "notFound", words + " exist.")
        same = all(body.get(name) == record.body.get(name) for name in ("rrdatas", "ttl"))
        if not same:
            raise ApiError(412, "conditionNotMet", f"Precondition not met for '{where}'")
        found.append(record)
    return found


def _note(emulator: Emulator, zone: Record, given: Body) -> Body:
    number = str(len(emulator.store.below(f"{zone.key}/changes")) + 1)
    body = {name: given[name] for name in ("additions", "deletions") if given.get(name)}
    body |= {"kind": "dns#change", "id": number, "startTime": zulu(), "status": "done"}
    key = f"{zone.key}/changes/{number}"
    record = Record(key, "dns.changes", zone.project, "global", number, body)
    record.secret["automatic"] = True
    emulator.store.add(record, f"{zone.key}/changes")
    return {**body, "status": "pending"}
