"""Firewall rules, routes, routers, reserved addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from tests.lab.gcp.clock import fingerprint
from tests.lab.gcp.defaults import CHANGED, DELETABLE, PREPARE, SETTLED, hook
from tests.lab.gcp.errors import ApiError, invalid, required
from tests.lab.gcp.fields import setter
from tests.lab.gcp.ips import claim_internal, free_external, mark_addresses, network
from tests.lab.gcp.links import parse, path_of
from tests.lab.gcp.store import Record

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_WITH_PORTS = {"tcp", "udp", "sctp", "6", "17", "132"}
_PROTOCOLS = {"tcp", "udp", "icmp", "esp", "ah", "ipip", "sctp", "all"}
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


# -- firewall rules
@hook(PREPARE, "compute.firewalls")
def prepare_firewall(_: Emulator, __: Call, record: Record) -> None:
    """Fill in a rule, refuse combinations that mean nothing."""
    body = record.body
    if not body.get("network"):
        raise required("network")
    _fill_firewall(body)


def _fill_firewall(body: Body) -> None:
    setter(body, {"priority": 1000, "direction": "INGRESS", "disabled": False})
    body["logConfig"] = {"enable": False} | body.get("logConfig", {})
    ingress = body["direction"] == "INGRESS"
    if ingress and not any(
        body.get(name) for name in ("sourceRanges", "sourceTags", "sourceServiceAccounts")
    ):
        body["sourceRanges"] = ["0.0.0.0/0"]
    if not ingress and not body.get("destinationRanges"):
        body["destinationRanges"] = ["0.0.0.0/0"]
    _check_firewall(body, ingress)


def _check_firewall(body: Body, ingress: bool) -> None:
    if body.get("allowed") and body.get("denied"):
        raise invalid("denied", "", "Cannot specify both allowed and denied.")
    if not 0 <= body["priority"] <= 65535:
        raise invalid("priority", body["priority"], "Must be between 0 and 65535.")
    for name in ("sourceTags", "sourceServiceAccounts"):
        if body.get(name) and not ingress:
            raise invalid(name, body[name], "Can only be specified for INGRESS.")
    tags = body.get("sourceTags") or body.get("targetTags")
    accounts = body.get("sourceServiceAccounts") or body.get("targetServiceAccounts")
    if tags and accounts:
        words = "Tags and service accounts cannot be used in one rule."
        raise invalid("targetServiceAccounts", accounts, words)
    for name in ("sourceRanges", "destinationRanges"):
        for index, value in enumerate(body.get(name, [])):
            _range(value, f"{name}[{index}]")
    for name in ("allowed", "denied"):
        for index, entry in enumerate(body.get(name, [])):
            _check_protocol(entry, f"{name}[{index}]")


def _range(value: str, where: str) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise invalid(where, value, "Must be a valid CIDR address range.") from None


def _check_protocol(entry: Body, where: str) -> None:
    protocol = str(entry.get("IPProtocol", ""))
    if not protocol:
        raise required(f"{where}.IPProtocol")
    number = protocol.isdigit() and int(protocol) <= 255
    if protocol.lower() not in _PROTOCOLS and not number:
        raise invalid(f"{where}.IPProtocol", protocol, "Unknown protocol.")
    ports = entry.get("ports", [])
    if ports and protocol.lower() not in _WITH_PORTS:
        raise invalid(f"{where}.ports", ports, f"Ports cannot be specified for {protocol}.")
    for index, value in enumerate(ports):
        found = _PORTS.fullmatch(value)
        if not found or any(int(port) > 65535 for port in found.groups() if port):
            raise invalid(f"{where}.ports[{index}]", value, "Must be a port or a range of ports.")


@hook(CHANGED, "compute.firewalls")
def change_firewall(_: Emulator, call: Call, __: Record, body: Body) -> None:
    """Check the rule as it is to be."""
    # A patch may turn an allowing rule into a denying one: what it names replaces the other.
    for name, other in (("allowed", "denied"), ("denied", "allowed")):
        if call.body.get(name) and not call.body.get(other):
            body.pop(other, None)
    _fill_firewall(body)


# -- routes
_HOPS = ("nextHopGateway", "nextHopInstance", "nextHopIp", "nextHopIlb", "nextHopVpnTunnel")


@hook(PREPARE, "compute.routes")
def prepare_route(emulator: Emulator, _: Call, record: Record) -> None:
    """Refuse next hops that cannot be; fill in the rest."""
    body = record.body
    hops = [name for name in _HOPS if body.get(name)]
    if len(hops) > 1:
        raise invalid(hops[1], body[hops[1]], "Exactly one next hop can be specified.")
    setter(body, {"priority": 1000, "routeType": "STATIC"})
    whole = network(body["destRange"], "destRange")
    if body.get("nextHopIlb"):
        _check_balancer(emulator, body)
    if body.get("nextHopInstance"):
        _check_instance(emulator, body)
    own = parse(body["network"]) or ""
    for user in emulator.store.users_of(own):
        inside = user.type == "compute.subnetworks" and "nextHopGateway" not in body
        if inside and whole.subnet_of(network(user.body["ipCidrRange"], "ipCidrRange")):
            words = f"The range is inside that of the subnetwork '{user.name}'."
            raise invalid("destRange", body["destRange"], words)


def _check_balancer(emulator: Emulator, body: Body) -> None:
    record = emulator.store.get(parse(body["nextHopIlb"]) or "")
    if record is None:
        # An address: there has to be a rule that has it.
        return
    rule = record.body
    if rule.get("loadBalancingScheme") != "INTERNAL":
        words = "The next hop must be an internal passthrough load balancer."
        raise invalid("nextHopIlb", path_of(record.key), words)
    if rule.get("network") != body["network"]:
        words = "The forwarding rule must be in the network of the route."
        raise invalid("nextHopIlb", path_of(record.key), words)


def _check_instance(emulator: Emulator, body: Body) -> None:
    record = emulator.store.get(parse(body["nextHopInstance"]) or "")
    if record is None:
        return
    if not record.body.get("canIpForward"):
        warning = {
            "code": "NEXT_HOP_CANNOT_IP_FORWARD",
            "message": f"Next hop instance '{record.name}' does not have canIpForward set.",
            "data": [],
        }
        body["warnings"] = [warning]
    networks = [entry.get("network") for entry in record.body.get("networkInterfaces", [])]
    if body["network"] not in networks:
        words = "The instance has no interface in the network of the route."
        raise invalid("nextHopInstance", path_of(record.key), words)


# -- routers
@hook(PREPARE, "compute.routers")
def prepare_router(_: Emulator, __: Call, record: Record) -> None:
    """Fill in what Cloud NAT has by itself."""
    _fill_router(record.body)


@hook(CHANGED, "compute.routers")
def change_router(_: Emulator, __: Call, ___: Record, body: Body) -> None:
    """Check and fill in as at creation."""
    _fill_router(body)


def _fill_router(body: Body) -> None:
    names = [entry.get("name") for entry in body.get("nats", [])]
    if len(set(names)) < len(names):
        raise invalid("nats", names, "Every NAT needs a name of its own.")
    for index, nat in enumerate(body.get("nats", [])):
        for name in ("name", "natIpAllocateOption", "sourceSubnetworkIpRangesToNat"):
            if not nat.get(name):
                raise required(f"nats[{index}].{name}")
        manual = nat["natIpAllocateOption"] == "MANUAL_ONLY"
        if manual and not nat.get("natIps"):
            raise required(f"nats[{index}].natIps")
        if not manual and nat.get("natIps"):
            raise invalid(f"nats[{index}].natIps", nat["natIps"], "Only with MANUAL_ONLY.")
        setter(
            nat,
            {
                "enableEndpointIndependentMapping": False,
                "type": "PUBLIC",
                "endpointTypes": ["ENDPOINT_TYPE_VM"],
                "icmpIdleTimeoutSec": 30,
                "udpIdleTimeoutSec": 30,
                "tcpEstablishedIdleTimeoutSec": 1200,
                "tcpTransitoryIdleTimeoutSec": 30,
                "tcpTimeWaitTimeoutSec": 120,
            },
        )


# -- addresses
@hook(PREPARE, "compute.addresses", "compute.globalAddresses")
def prepare_address(emulator: Emulator, _: Call, record: Record) -> None:
    """Choose the address, or take the one that is asked for."""
    body = record.body
    internal = body.get("addressType", "EXTERNAL") == "INTERNAL"
    body["addressType"] = "INTERNAL" if internal else "EXTERNAL"
    body.pop("users", None)
    body["status"] = "RESERVED"
    if not internal:
        _external(emulator, record)
    elif record.type == "compute.globalAddresses":
        _peering_range(body)
    else:
        _internal(emulator, record)
    if record.type == "compute.globalAddresses":
        setter(body, {"ipVersion": "IPV4"})
    body["labelFingerprint"] = fingerprint(body.get("labels", {}))


def _external(emulator: Emulator, record: Record) -> None:
    body = record.body
    if body.get("subnetwork"):
        raise invalid("subnetwork", body["subnetwork"], "Only for internal addresses.")
    if body.get("address"):
        words = "Specific external addresses cannot be chosen."
        raise invalid("address", body["address"], words)
    setter(body, {"networkTier": "PREMIUM"})
    body["address"] = free_external(emulator)


def _peering_range(body: Body) -> None:
    if body.get("purpose") not in ("VPC_PEERING", "PRIVATE_SERVICE_CONNECT"):
        raise invalid("purpose", body.get("purpose"), "Must be VPC_PEERING for a global range.")
    if not body.get("network"):
        raise required("network")
    body["address"] = body.get("address") or "10.255.0.0"


def _internal(emulator: Emulator, record: Record) -> None:
    body = record.body
    if not body.get("subnetwork"):
        raise required("subnetwork")
    setter(body, {"purpose": "GCE_ENDPOINT", "networkTier": "PREMIUM"})
    key = parse(body["subnetwork"]) or ""
    wanted = str(body.get("address", ""))
    for user in emulator.store.users_of(key):
        if wanted and user.type == "compute.addresses" and user.body.get("address") == wanted:
            words = f"Specified IP address is already reserved: {wanted}"
            raise ApiError(400, "invalid", words)
    body["address"] = claim_internal(emulator, key, wanted, "address", record.key)


@hook(DELETABLE, "compute.addresses", "compute.globalAddresses")
def address_deletable(_: Emulator, __: Call, record: Record) -> None:
    """Refuse as long as somebody has the address."""
    users = record.body.get("users", [])
    if users:
        words = f"The address resource '{path_of(record.key)}' is already being used by"
        user = path_of(parse(users[0]) or "")
        raise ApiError(400, "resourceInUseByAnotherResource", f"{words} '{user}'")


@hook(
    SETTLED,
    "compute.addresses",
    "compute.globalAddresses",
    "compute.forwardingRules",
    "compute.globalForwardingRules",
    "compute.routers",
)
def addresses_follow(emulator: Emulator, record: Record) -> None:
    """Reserved addresses show who has them."""
    mark_addresses(emulator, record.project)
