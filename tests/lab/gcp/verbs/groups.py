"""Instance groups, backend services and their health."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud, lists
from tests.lab.gcp.defaults import CHANGED, PREPARE, hook
from tests.lab.gcp.errors import ApiError, invalid, required, stale
from tests.lab.gcp.fields import setter
from tests.lab.gcp.links import link_of, parse, path_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]


# -- instance groups
@hook(PREPARE, "compute.instanceGroups")
def prepare_group(_: Emulator, __: Call, record: Record) -> None:
    """A new group is empty."""
    record.body["size"] = 0
    record.secret["instances"] = []


def _members(emulator: Emulator, call: Call, record: Record) -> list[str]:
    found = []
    for index, entry in enumerate(call.body.get("instances", [])):
        where = f"instances[{index}].instance"
        given = entry.get("instance", "")
        found.append(
            emulator.references.key(given, ["instances"], where, record.project, record.location)
        )
    if not found:
        raise required("instances")
    return found


@handles("compute.instanceGroups.addInstances")
async def add_instances(emulator: Emulator, call: Call) -> Body:
    """Put instances of one network into a group."""
    record = crud.find(emulator, call.key)
    keys = _members(emulator, call, record)
    held: list[str] = record.secret.setdefault("instances", [])
    for key in keys:
        if key in held:
            words = f"Instance '{path_of(key)}' is already a member of '{path_of(record.key)}'."
            raise ApiError(400, "memberAlreadyExists", words)
    nic = _nic(emulator, keys[0])
    network = record.body.get("network") or nic.get("network")
    for key in keys:
        if _nic(emulator, key).get("network") != network:
            words = f"Instance '{path_of(key)}' is not in the group's network."
            raise ApiError(400, "invalid", words)
    record.secret["instances"] = [*held, *keys]
    places = {"network": network, "subnetwork": record.body.get("subnetwork") or nic["subnetwork"]}

    def change(body: Body) -> Body:
        return {**body, **places, "size": len(record.secret["instances"])}

    return await crud.mutate(emulator, call, record, change)


def _nic(emulator: Emulator, key: str) -> Body:
    record = emulator.store.get(key)
    nics = record.body["networkInterfaces"] if record else [{}]
    return dict(nics[0])


@handles("compute.instanceGroups.removeInstances")
async def remove_instances(emulator: Emulator, call: Call) -> Body:
    """Take instances out of a group."""
    record = crud.find(emulator, call.key)
    keys = _members(emulator, call, record)
    held: list[str] = record.secret.get("instances", [])
    for key in keys:
        if key not in held:
            words = f"Instance '{path_of(key)}' is not a member of '{path_of(record.key)}'."
            raise ApiError(400, "memberNotFound", words)
    record.secret["instances"] = [key for key in held if key not in keys]

    def change(body: Body) -> Body:
        return {**body, "size": len(record.secret["instances"])}

    return await crud.mutate(emulator, call, record, change)


@handles("compute.instanceGroups.listInstances")
async def list_instances(emulator: Emulator, call: Call) -> Body:
    """List the members with their states."""
    record = crud.find(emulator, call.key)
    ports = record.body.get("namedPorts", [])
    items: list[tuple[str, Body]] = []
    for key in record.secret.get("instances", []):
        found = emulator.store.get(key)
        if found is None:
            continue
        entry = {"instance": link_of(key), "status": found.body["status"]}
        if call.body.get("instanceState") == "RUNNING" and entry["status"] != "RUNNING":
            continue
        items.append(("", entry | ({"namedPorts": ports} if ports else {})))
    shown, token = lists.page(call, items)
    bodies = [body for _, body in shown]
    return {**lists.frame(call, token), **({"items": bodies} if bodies else {})}


@handles("compute.instanceGroups.setNamedPorts")
async def named_ports(emulator: Emulator, call: Call) -> Body:
    """Replace the named ports."""
    record = crud.find(emulator, call.key)
    given = call.body.get("fingerprint")
    if given and given != record.body.get("fingerprint"):
        raise stale()
    ports = copy.deepcopy(call.body.get("namedPorts", []))

    def change(body: Body) -> Body:
        kept = {name: value for name, value in body.items() if name != "namedPorts"}
        return {**kept, "namedPorts": ports} if ports else kept

    return await crud.mutate(emulator, call, record, change)


def members(emulator: Emulator, group: str) -> list[Record]:
    """Give the instances of a group by its link."""
    record = emulator.store.get(parse(group) or "")
    keys = record.secret.get("instances", []) if record else []
    return [found for found in map(emulator.store.get, keys) if found]


# -- backend services
@hook(PREPARE, "compute.backendServices", "compute.regionBackendServices")
def prepare_service(_: Emulator, __: Call, record: Record) -> None:
    """Fill in a backend service."""
    _fill_service(record.body)


@hook(CHANGED, "compute.backendServices", "compute.regionBackendServices")
def change_service(_: Emulator, __: Call, ___: Record, body: Body) -> None:
    """Check and fill in as at creation."""
    _fill_service(body)


def _fill_service(body: Body) -> None:
    setter(body, {"loadBalancingScheme": "EXTERNAL", "sessionAffinity": "NONE", "timeoutSec": 30})
    internal = body["loadBalancingScheme"] == "INTERNAL"
    setter(body, {"protocol": "TCP" if internal else "HTTP"})
    if not internal:
        setter(body, {"portName": body["protocol"].lower(), "port": 80, "enableCDN": False})
    setter(body, {"connectionDraining": {"drainingTimeoutSec": 0 if internal else 300}})
    groups = [entry.get("group") for entry in body.get("backends", [])]
    if len(set(groups)) < len(groups):
        raise invalid("backends", groups, "Every group can be there once.")
    for index, entry in enumerate(body.get("backends", [])):
        if not entry.get("group"):
            raise required(f"backends[{index}].group")
        mode = entry.get("balancingMode") or ("CONNECTION" if internal else "UTILIZATION")
        if internal and mode != "CONNECTION":
            where = f"backends[{index}].balancingMode"
            raise invalid(where, mode, "Must be CONNECTION for internal passthrough balancing.")
        entry["balancingMode"] = mode
        if not internal:
            setter(entry, {"capacityScaler": 1.0})
    if body.get("failoverPolicy") and not internal:
        raise invalid("failoverPolicy", "", "Only for internal passthrough balancing.")
    if internal and len(body.get("healthChecks", [])) != 1:
        words = "Exactly one health check is needed for internal passthrough balancing."
        raise invalid("healthChecks", body.get("healthChecks"), words)


@handles("compute.backendServices.getHealth", "compute.regionBackendServices.getHealth")
async def health(emulator: Emulator, call: Call) -> Body:
    """Tell which members are healthy: from reality where there is one, else by their state."""
    record = crud.find(emulator, call.key)
    kind = {"kind": "compute#backendServiceGroupHealth"}
    given = call.body.get("group", "")
    key = emulator.references.key(given, ["instanceGroups"], "group", record.project, "global")
    method = f"{record.type}.getHealth"
    told = await emulator.backend.query(record.resource(), method, {"group": link_of(key)})
    if told is not None:
        return kind | told
    entries = []
    for member in members(emulator, link_of(key)):
        healthy = member.body["status"] == "RUNNING"
        entries.append(
            {
                "instance": link_of(member.key),
                "ipAddress": member.body["networkInterfaces"][0]["networkIP"],
                "port": int(record.body.get("port", 0)),
                "healthState": "HEALTHY" if healthy else "UNHEALTHY",
            }
        )
    return kind | ({"healthStatus": entries} if entries else {})
