"""Networks, subnetworks and peering."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud, dress
from tests.lab.gcp.catalogue import REGIONS
from tests.lab.gcp.clock import number
from tests.lab.gcp.defaults import CHANGED, COMPLETED, DELETED, PREPARE, hook
from tests.lab.gcp.discovery import Api, load
from tests.lab.gcp.errors import ApiError, invalid
from tests.lab.gcp.fields import setter
from tests.lab.gcp.ips import network, ranges, refuse_overlap, subnetworks
from tests.lab.gcp.links import link_of, location_of, parse, project_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_SMALLEST, _LARGEST = 29, 8


def compute() -> Api:
    """Give the definition of compute."""
    api = load("compute", "v1")
    assert api is not None
    return api


def automatic(emulator: Emulator, type_: str, key: str, body: Body) -> Record:
    """Enter what Google makes by itself; it does not keep its parent from being deleted."""
    name = key.rpartition("/")[2]
    record = Record(key, type_, project_of(key), location_of(key), name, body)
    record.secret["automatic"] = True
    schema = emulator.schema_of(compute(), type_)
    dress.newborn(compute(), schema, key, name, body)
    dress.touch(compute(), schema, body)
    emulator.store.add(record, key.rpartition("/")[0])
    return record


# -- networks
@hook(PREPARE, "compute.networks")
def prepare_network(_: Emulator, __: Call, record: Record) -> None:
    """Fill in a network."""
    body = record.body
    if "IPv4Range" in body:
        raise invalid("IPv4Range", body["IPv4Range"], "Legacy networks cannot be created any more.")
    body.pop("subnetworks", None)
    setter(
        body,
        {
            "autoCreateSubnetworks": True,
            "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
        },
    )
    routing = {"routingMode": "REGIONAL", "bgpBestPathSelectionMode": "LEGACY"}
    body["routingConfig"] = routing | body.get("routingConfig", {})
    if not 1300 <= body.get("mtu", 1460) <= 8896:
        raise invalid("mtu", body["mtu"], "Must be between 1300 and 8896.")
    body["selfLinkWithId"] = link_of(record.key.rpartition("/")[0] + "/" + body["id"])


@hook(COMPLETED, "compute.networks")
def complete_network(emulator: Emulator, record: Record, body: Body) -> None:
    """Make the default route, and the subnetworks of a network in auto mode."""
    gateway = f"projects/{record.project}/global/gateways/default-internet-gateway"
    _route(
        emulator,
        record,
        destRange="0.0.0.0/0",
        nextHopGateway=link_of("compute/" + gateway),
        description="Default route to the Internet.",
    )
    if body["autoCreateSubnetworks"]:
        for index, region in enumerate(REGIONS):
            _auto_subnetwork(emulator, record, region, index)
        body["subnetworks"] = _own_subnetworks(emulator, record.key)


def _route(emulator: Emulator, record: Record, **fields: Any) -> None:
    name = f"default-route-{int(number()):016x}"
    key = f"compute/projects/{record.project}/global/routes/{name}"
    body = {"network": link_of(record.key), "priority": 1000, "routeType": "STATIC", **fields}
    automatic(emulator, "compute.routes", key, body)


def _auto_subnetwork(emulator: Emulator, record: Record, region: str, index: int) -> None:
    whole = ipaddress.IPv4Network("10.128.0.0/9")
    start = int(whole.network_address) + index * 4096
    key = f"compute/projects/{record.project}/regions/{region}/subnetworks/{record.name}"
    body: Body = {
        "network": link_of(record.key),
        "ipCidrRange": f"{ipaddress.IPv4Address(start)}/20",
    }
    fill_subnetwork(body)
    automatic(emulator, "compute.subnetworks", key, body)


def _own_subnetworks(emulator: Emulator, key: str) -> list[str]:
    return sorted(link_of(record.key) for record in subnetworks(emulator, {key}))


def inactive(entry: Body) -> Body:
    words = "Waiting for peer network to connect."
    return {**entry, "state": "INACTIVE", "stateDetails": f"[{words}]"}


@hook(DELETED, "compute.networks")
def forget_network(emulator: Emulator, record: Record) -> None:
    """Take away what Google made with the network; peerings of others become inactive."""
    for user in emulator.store.users_of(record.key):
        if user.secret.get("automatic"):
            emulator.store.remove(user)
    for other in emulator.store.of_type("compute.networks"):
        peerings = other.body.get("peerings", [])
        if any(parse(entry["network"]) == record.key for entry in peerings):
            body = dict(other.body)
            body["peerings"] = [
                inactive(entry) if parse(entry["network"]) == record.key else entry
                for entry in peerings
            ]
            emulator.store.replace(other, body)


@handles("compute.networks.switchToCustomMode")
async def to_custom(emulator: Emulator, call: Call) -> Body:
    """Stop making subnetworks by itself."""
    record = crud.find(emulator, call.key)

    def change(body: Body) -> Body:
        return {**body, "autoCreateSubnetworks": False}

    return await crud.mutate(emulator, call, record, change)


# -- subnetworks
def fill_subnetwork(body: Body) -> None:
    """Fill in what Google does."""
    whole = network(body["ipCidrRange"], "ipCidrRange")
    setter(
        body,
        {
            "privateIpGoogleAccess": False,
            "purpose": "PRIVATE",
            "stackType": "IPV4_ONLY",
            "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
        },
    )
    body["gatewayAddress"] = str(whole[1])
    if body["purpose"] == "PRIVATE":
        body["allowSubnetCidrRoutesOverlap"] = body.get("allowSubnetCidrRoutesOverlap", False)
    _logs(body)


def _logs(body: Body) -> None:
    config = body.get("logConfig", {})
    wanted = config.get("enable", body.get("enableFlowLogs", False))
    if wanted:
        usual = {
            "aggregationInterval": "INTERVAL_5_SEC",
            "flowSampling": 0.5,
            "metadata": "EXCLUDE_ALL_METADATA",
        }
        body["logConfig"] = {**usual, **config, "enable": True}
        body["enableFlowLogs"] = True
    else:
        body["logConfig"] = {**config, "enable": False}
        body["enableFlowLogs"] = False


@hook(PREPARE, "compute.subnetworks")
def prepare_subnetwork(emulator: Emulator, _: Call, record: Record) -> None:
    """Refuse ranges that cannot be; fill in the rest."""
    body = record.body
    _check_ranges(emulator, record.key, body)
    fill_subnetwork(body)


def _check_ranges(emulator: Emulator, key: str, body: Body) -> None:
    names = [entry.get("rangeName") for entry in body.get("secondaryIpRanges", [])]
    if len(set(names)) < len(names) or None in names:
        raise invalid("secondaryIpRanges", names, "Every secondary range needs a name of its own.")
    for where, whole in ranges(body):
        if not _LARGEST <= whole.prefixlen <= _SMALLEST:
            raise invalid(where, whole, "The prefix must be between /8 and /29.")
    refuse_overlap(emulator, key, body)


@hook(CHANGED, "compute.subnetworks")
def change_subnetwork(emulator: Emulator, call: Call, record: Record, body: Body) -> None:
    """Check the ranges again; refuse that one goes that is in use."""
    if "logConfig" in call.body or "enableFlowLogs" in call.body:
        if "logConfig" not in call.body:
            body["logConfig"] = {"enable": body.get("enableFlowLogs", False)}
        _logs(body)
    if body.get("secondaryIpRanges") == record.body.get("secondaryIpRanges") and body.get(
        "ipCidrRange"
    ) == record.body.get("ipCidrRange"):
        return
    _refuse_other_ranges(record.body, body)
    kept = {entry["rangeName"] for entry in body.get("secondaryIpRanges", [])}
    for cluster in emulator.store.users_of(record.key):
        policy = cluster.body.get("ipAllocationPolicy", {})
        for name in ("clusterSecondaryRangeName", "servicesSecondaryRangeName"):
            if policy.get(name) and policy[name] not in kept:
                words = f"Secondary range '{policy[name]}' is in use by '{cluster.name}'."
                raise ApiError(400, "resourceInUseByAnotherResource", words)
    _check_ranges(emulator, record.key, body)


def _refuse_other_ranges(before: Body, after: Body) -> None:
    """Secondary ranges come or go, not both at once, and stay as they are under their names."""
    held, wanted = (
        {
            entry.get("rangeName"): entry.get("ipCidrRange")
            for entry in body.get("secondaryIpRanges", [])
        }
        for body in (before, after)
    )
    for name in held.keys() & wanted.keys():
        if held[name] != wanted[name]:
            words = "Existing secondary range cannot be modified."
            raise invalid("secondaryIpRanges.ipCidrRange", wanted[name], words)
    if held.keys() - wanted.keys() and wanted.keys() - held.keys():
        words = "Cannot add and remove secondary IP ranges in the same request."
        raise invalid("secondaryIpRanges", sorted(map(str, wanted)), words)


@hook(COMPLETED, "compute.subnetworks")
def complete_subnetwork(emulator: Emulator, _: Record, body: Body) -> None:
    """Make the subnetwork's route; the network lists it."""
    parent = emulator.store.get(parse(body["network"]) or "")
    if parent is None:
        return
    if body["purpose"] == "PRIVATE":
        _route(
            emulator,
            parent,
            destRange=body["ipCidrRange"],
            nextHopNetwork=link_of(parent.key),
            priority=0,
            routeType="SUBNET",
            description=f"Default local route to the subnetwork {body['ipCidrRange']}.",
        )
    links = _own_subnetworks(emulator, parent.key)
    emulator.store.replace(parent, {**parent.body, "subnetworks": links})


@hook(DELETED, "compute.subnetworks")
def forget_subnetwork(emulator: Emulator, record: Record) -> None:
    """Take the route away; the network no longer lists it."""
    parent = emulator.store.get(parse(record.body["network"]) or "")
    if parent is None:
        return
    for route in emulator.store.users_of(parent.key):
        own = route.secret.get("automatic") and route.type == "compute.routes"
        if own and route.body.get("destRange") == record.body["ipCidrRange"]:
            emulator.store.remove(route)
    links = [link for link in _own_subnetworks(emulator, parent.key) if link != link_of(record.key)]
    body = {name: value for name, value in parent.body.items() if name != "subnetworks"}
    emulator.store.replace(parent, body | ({"subnetworks": links} if links else {}))


@handles("compute.subnetworks.expandIpCidrRange")
async def expand(emulator: Emulator, call: Call) -> Body:
    """Widen the range; it has to contain the old one."""
    record = crud.find(emulator, call.key)
    wanted = network(call.body.get("ipCidrRange", ""), "ipCidrRange")
    old = network(record.body["ipCidrRange"], "ipCidrRange")
    if not (old.subnet_of(wanted) and wanted != old):
        raise invalid("ipCidrRange", wanted, f"It must contain the old range {old}, and be larger.")

    def change(body: Body) -> Body:
        return {**body, "ipCidrRange": str(wanted), "gatewayAddress": body["gatewayAddress"]}

    return await crud.mutate(emulator, call, record, change)


@handles("compute.subnetworks.setPrivateIpGoogleAccess")
async def private_access(emulator: Emulator, call: Call) -> Body:
    """Let hosts without an external address reach Google's APIs, or not."""
    record = crud.find(emulator, call.key)
    value = bool(call.body.get("privateIpGoogleAccess", False))

    def change(body: Body) -> Body:
        return {**body, "privateIpGoogleAccess": value}

    return await crud.mutate(emulator, call, record, change)
