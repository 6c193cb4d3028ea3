"""Addresses: which are taken, which are free, which ranges overlap."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.lab.gcp.errors import ApiError, invalid
from tests.lab.gcp.links import last, parse
from tests.lab.gcp.store import Record

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
Network = ipaddress.IPv4Network
#: The first addresses of the external range are left to the world outside.
_OUTSIDE = 9


def network(value: str, where: str) -> Network:
    """Read a range; refuse what is none."""
    try:
        return ipaddress.IPv4Network(value)
    except ValueError:
        words = "Must be a valid IPv4 CIDR address range."
        raise invalid(where, value, words) from None


def ranges(body: Body) -> Iterator[tuple[str, Network]]:
    """Give the ranges of a subnetwork: where they stand, and what they are."""
    if body.get("ipCidrRange"):
        yield "ipCidrRange", network(body["ipCidrRange"], "ipCidrRange")
    for index, entry in enumerate(body.get("secondaryIpRanges", [])):
        where = f"secondaryIpRanges[{index}].ipCidrRange"
        if entry.get("ipCidrRange"):
            yield where, network(entry["ipCidrRange"], where)


def joined(emulator: Emulator, key: str) -> set[str]:
    """Give the keys of a network and of those it is peered with."""
    record = emulator.store.get(key)
    peerings = record.body.get("peerings", []) if record else []
    active = [entry for entry in peerings if entry.get("state") == "ACTIVE"]
    return {key} | {parse(entry["network"]) or "" for entry in active}


def subnetworks(emulator: Emulator, networks: set[str]) -> Iterator[Record]:
    """Give all subnetworks of some networks."""
    for record in emulator.store.of_type("compute.subnetworks"):
        if parse(str(record.body.get("network"))) in networks:
            yield record


def refuse_overlap(emulator: Emulator, own: str, body: Body) -> None:
    """Refuse ranges that are in use in the network, or in one that it is peered with."""
    networks = joined(emulator, parse(body["network"]) or "")
    given = list(ranges(body))
    for index, (where, wanted) in enumerate(given):
        for _, earlier in given[:index]:
            if wanted.overlaps(earlier):
                raise ApiError(
                    400, "invalid", f"Invalid IPCidrRange: {wanted} in '{where}' is there twice."
                )
    for other in subnetworks(emulator, networks):
        if other.key == own:
            continue
        for _, taken in ranges(other.body):
            for _, wanted in given:
                if wanted.overlaps(taken):
                    words = f"Invalid IPCidrRange: {wanted} conflicts with existing subnetwork"
                    words += f" '{other.name}' in region '{other.location}'."
                    raise ApiError(400, "invalid", words)


def in_use(emulator: Emulator, subnetwork: str) -> set[str]:
    """Give the internal addresses that are taken in a subnetwork."""
    used = set()
    for user in emulator.store.users_of(subnetwork):
        used |= set(internal_of(user))
    return used


def internal_of(record: Record) -> Iterator[str]:
    """Give the internal addresses that a resource has."""
    body = record.body
    if record.type == "compute.instances":
        for entry in body.get("networkInterfaces", []):
            yield str(entry.get("networkIP", ""))
    elif record.type == "compute.addresses" and body.get("addressType") == "INTERNAL":
        yield str(body.get("address", ""))
    elif record.type == "compute.forwardingRules":
        yield str(body.get("IPAddress", ""))


def external_of(record: Record) -> Iterator[str]:
    """Give the external addresses that a resource has."""
    body = record.body
    if record.type == "compute.instances":
        for entry in body.get("networkInterfaces", []):
            for config in entry.get("accessConfigs", []):
                yield str(config.get("natIP", ""))
    elif record.type in ("compute.addresses", "compute.globalAddresses"):
        if body.get("addressType") == "EXTERNAL":
            yield str(body.get("address", ""))
    elif str(body.get("loadBalancingScheme", "")).startswith("EXTERNAL"):
        yield str(body.get("IPAddress", ""))


_EXTERNAL_TYPES = (
    *("compute.instances", "compute.addresses", "compute.globalAddresses"),
    *("compute.forwardingRules", "compute.globalForwardingRules"),
)


def free_internal(emulator: Emulator, subnetwork: str) -> str:
    """Give a free address of a subnetwork; Google keeps the first two and the last two."""
    record = emulator.store.get(subnetwork)
    body = record.body if record else {}
    whole = network(str(body.get("ipCidrRange")), "ipCidrRange")
    used = in_use(emulator, subnetwork)
    for offset in range(2, whole.num_addresses - 2):
        address = str(whole[offset])
        if address not in used:
            return address
    words = f"IP space of '{parse(subnetwork) or subnetwork}' is exhausted."
    raise ApiError(400, "ipSpaceExhausted", words)


def free_external(emulator: Emulator) -> str:
    """Give a free address of the external range."""
    used = {
        address
        for type_ in _EXTERNAL_TYPES
        for record in emulator.store.of_type(type_)
        for address in external_of(record)
    }
    whole = emulator.external
    for offset in range(_OUTSIDE + 1, whole.num_addresses - 1):
        if str(whole[offset]) not in used:
            return str(whole[offset])
    raise ApiError(403, "quotaExceeded", "Quota 'IN_USE_ADDRESSES' exceeded. The range is used up.")


def claim_internal(emulator: Emulator, subnetwork: str, wanted: str, where: str, user: str) -> str:
    """Give the address that is wanted in a subnetwork, or any where none is; refuse a taken one.

    A reserved address may be used by one who names it, once.
    """
    if not wanted:
        return free_internal(emulator, subnetwork)
    wanted = literal(emulator, wanted, where)
    record = emulator.store.get(subnetwork)
    whole = network(str(record.body.get("ipCidrRange")) if record else "", where)
    kept = {whole[0], whole[1], whole[-2], whole[-1]}
    address = ipaddress.IPv4Address(wanted)
    if address not in whole or address in kept:
        words = f"Requested internal IP address {wanted} is not usable in subnetwork"
        raise invalid(where, wanted, f"{words} '{last(subnetwork)}' ({whole}).")
    for other in emulator.store.users_of(subnetwork):
        taken = other.type != "compute.addresses" and other.key != user
        if taken and wanted in internal_of(other) and not _shared(other):
            words = (
                f"Specified IP address is already reserved or in use by '{other.name}': {wanted}"
            )
            raise ApiError(400, "invalid", words)
    return wanted


def _shared(record: Record) -> bool:
    # Several internal rules may share one reserved address (SHARED_LOADBALANCER_VIP).
    return record.type == "compute.forwardingRules"


def literal(emulator: Emulator, value: str, where: str) -> str:
    """Give the address itself where the link of a reserved one is given."""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        key = parse(value) or ""
    record = emulator.store.get(key)
    if record is None or "ddresses/" not in key:
        raise invalid(where, value, "The referenced address resource cannot be found.") from None
    return str(record.body["address"])


def mark_addresses(emulator: Emulator, project: str) -> None:
    """Set status and users of a project's reserved addresses from who has them."""
    users: dict[str, list[str]] = {}
    for type_ in ("compute.instances", "compute.forwardingRules", "compute.globalForwardingRules"):
        for record in emulator.store.of_type(type_):
            for address in {*internal_of(record), *external_of(record)}:
                users.setdefault(address, []).append(str(record.body["selfLink"]))
    for router in emulator.store.of_type("compute.routers", project):
        for nat in router.body.get("nats", []):
            for link in nat.get("natIps", []):
                found = emulator.store.get(parse(link) or "")
                if found:
                    users.setdefault(found.body["address"], []).append(router.body["selfLink"])
    for type_ in ("compute.addresses", "compute.globalAddresses"):
        for record in emulator.store.of_type(type_, project):
            _mark(emulator, record, users.get(str(record.body.get("address")), []))


def _mark(emulator: Emulator, record: Record, users: list[str]) -> None:
    internal = record.body.get("addressType") == "INTERNAL"
    if internal:
        # The same private address may be there in several networks.
        own = record.body.get("subnetwork")
        users = [link for link in users if own in _subnetworks(emulator, link)]
    if users == record.body.get("users", []):
        return
    body = {name: value for name, value in record.body.items() if name != "users"}
    body["status"] = "IN_USE" if users else "RESERVED"
    emulator.store.replace(record, body | ({"users": users} if users else {}))


def _subnetworks(emulator: Emulator, link: str) -> set[str]:
    record = emulator.store.get(parse(link) or "")
    if record is None:
        return set()
    found = {str(record.body.get("subnetwork"))}
    return found | {str(nic.get("subnetwork")) for nic in record.body.get("networkInterfaces", [])}
