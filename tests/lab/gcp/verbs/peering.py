"""Peering of networks: active when both sides want it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.defaults import CHANGED, SETTLED, hook
from tests.lab.gcp.errors import ApiError, invalid
from tests.lab.gcp.ips import ranges, subnetworks
from tests.lab.gcp.links import link_of, parse
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.networks import inactive
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]


def _active(entry: Body) -> Body:
    return {**entry, "state": "ACTIVE", "stateDetails": "[Connected.]"}


def _given_peering(call: Call) -> Body:
    """Read both forms: networkPeering, and the older name and peerNetwork."""
    given: Body = dict(call.body.get("networkPeering") or {})
    if not given:
        given = {"name": call.body.get("name"), "network": call.body.get("peerNetwork")}
        given["exchangeSubnetRoutes"] = call.body.get("autoCreateRoutes", True)
    return given


@handles("compute.networks.addPeering")
async def add_peering(emulator: Emulator, call: Call) -> Body:
    """Peer with another network; active once the other side has peered, too."""
    record = crud.find(emulator, call.key)
    given = _given_peering(call)
    if not given.get("name"):
        raise ApiError(400, "required", "Required field 'networkPeering.name' not specified")
    if not given.get("network"):
        raise ApiError(400, "required", "Required field 'networkPeering.network' not specified")
    # As on Google, the other network need not be there: until then the peering is INACTIVE.
    other = parse(str(given["network"]), "compute", record.project, "global")
    if other is None or other.split("/")[-2] != "networks":
        raise invalid("networkPeering.network", given["network"], "The URL is malformed.")
    for entry in record.body.get("peerings", []):
        if entry["name"] == given["name"]:
            words = f"There is already a peering '{given['name']}' in network '{record.name}'."
            raise ApiError(409, "alreadyExists", words)
        if parse(entry["network"]) == other:
            words = f"Network '{record.name}' is already peered with '{other}'."
            raise ApiError(400, "invalid", words)
    if given.get("exchangeSubnetRoutes") is False:
        raise invalid("networkPeering.exchangeSubnetRoutes", False, "Must be true.")
    _refuse_joint_overlap(emulator, record.key, other)
    usual = {
        "autoCreateRoutes": True,
        "exchangeSubnetRoutes": True,
        "exportCustomRoutes": False,
        "importCustomRoutes": False,
        "exportSubnetRoutesWithPublicIp": True,
        "importSubnetRoutesWithPublicIp": False,
        "stackType": "IPV4_ONLY",
    }
    peering = inactive({**usual, **given, "network": link_of(other)})

    def change(body: Body) -> Body:
        return {**body, "peerings": [*body.get("peerings", []), peering]}

    return await _with_peer(emulator, call, record, change)


def _refuse_joint_overlap(emulator: Emulator, own: str, other: str) -> None:
    for left in subnetworks(emulator, {own}):
        for right in subnetworks(emulator, {other}):
            for _, one in ranges(left.body):
                for _, two in ranges(right.body):
                    if one.overlaps(two):
                        words = "An IP range in the peer network overlaps with one of the network:"
                        words += f" {two} of '{right.name}' with {one} of '{left.name}'."
                        raise ApiError(400, "invalid", words)


async def _with_peer(emulator: Emulator, call: Call, record: Record, change: crud.Change) -> Body:
    """Change one side; both sides' states follow. There is one such change at a time."""
    sides = {record.key, *(parse(entry["network"]) for entry in record.body.get("peerings", []))}
    for made in emulator.operations.of_api("compute"):
        if made.method.endswith("Peering") and not made.done and made.target in sides:
            words = "There is a peering operation in progress on the local or peer network."
            raise ApiError(400, "badRequest", f"{words} Try again later.")

    def both(body: Body) -> Body:
        return _states(emulator, record.key, change(body))

    return await crud.mutate(emulator, call, record, both)


def _faces(body: Body, key: str) -> bool:
    return any(parse(entry["network"]) == key for entry in body.get("peerings", []))


def _states(emulator: Emulator, key: str, body: Body) -> Body:
    """Set the state of each peering by whether the other side has one."""
    peerings = []
    for entry in body.get("peerings", []):
        there = emulator.store.get(parse(entry["network"]) or "")
        joined = there is not None and _faces(there.body, key)
        peerings.append(_active(entry) if joined else inactive(entry))
    body = {name: value for name, value in body.items() if name != "peerings"}
    return body | ({"peerings": peerings} if peerings else {})


@hook(CHANGED, "compute.networks")
def follow_peers(_: Emulator, call: Call, record: Record, body: Body) -> None:
    """Output fields are not changed by a patch."""
    if call.method.name == "patch":
        for name in ("peerings", "subnetworks"):
            if name in record.body:
                body[name] = record.body[name]


@hook(SETTLED, "compute.networks")
def settle(emulator: Emulator, _: Record) -> None:
    """Let the states of all peerings follow from who has peered with whom."""
    for record in emulator.store.of_type("compute.networks"):
        if record.body.get("peerings"):
            body = _states(emulator, record.key, record.body)
            if body != record.body:
                emulator.store.replace(record, body)


def _peering(record: Record, name: str) -> Body:
    for entry in record.body.get("peerings", []):
        if entry["name"] == name:
            return dict(entry)
    words = f"There is no peering '{name}' in network '{record.name}'."
    raise ApiError(400, "invalid", f"Invalid value for field 'name': '{name}'. {words}")


@handles("compute.networks.updatePeering")
async def update_peering(emulator: Emulator, call: Call) -> Body:
    """Change what a peering exchanges."""
    record = crud.find(emulator, call.key)
    given = dict(call.body.get("networkPeering") or {})
    held = _peering(record, str(given.get("name", "")))
    if given.get("network"):
        key = parse(str(given["network"]), "compute", record.project, "global")
        if key != parse(held["network"]):
            words = "The network of a peering cannot be changed."
            raise invalid("networkPeering.network", given["network"], words)
        given["network"] = held["network"]

    def change(body: Body) -> Body:
        peerings = [
            {**entry, **given} if entry["name"] == held["name"] else entry
            for entry in body.get("peerings", [])
        ]
        return {**body, "peerings": peerings}

    return await _with_peer(emulator, call, record, change)


@handles("compute.networks.removePeering")
async def remove_peering(emulator: Emulator, call: Call) -> Body:
    """End a peering; the other side becomes inactive."""
    record = crud.find(emulator, call.key)
    held = _peering(record, str(call.body.get("name", "")))

    def change(body: Body) -> Body:
        peerings = [entry for entry in body.get("peerings", []) if entry["name"] != held["name"]]
        return {**body, "peerings": peerings}

    return await _with_peer(emulator, call, record, change)
