# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the descriptions of database clusters, said before anything is asked of Google."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import region_of
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database import (
    ROLES,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database_balancing import (
    SIDES,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

Description = Mapping[str, Any]

_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
#: With ``db-`` before it, a cluster's name is that of a service account: 6 to 30 characters.
_CLUSTER = re.compile(r"[a-z](?:[-a-z0-9]{1,25}[a-z0-9])")
_CLUSTER_KEYS = {"members", "balancers", "etcd", "machine_type", "disk_gb", "disk_type"}
_MEMBER_KEYS = {
    "zone", "address", "role", "machine_type", "disk", "disk_gb", "disk_type", "snapshot", "snapshots",
}  # fmt: skip
#: As etcd's members are the cluster's: an even number survives no more losses than one less.
_MEMBERS = (1, 3, 5)


def database_problems(
    clusters: Mapping[str, Description],
    subnetworks: Mapping[str, Mapping[str, Any]],
    regions: Mapping[str, str],
    zones: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return sentences that begin with a reason; empty where all is well.

    ``subnetworks`` are the environment's by our name of their region, with ``range``; ``regions``
    and ``zones`` are ``gcp_regions`` and ``gcp_zones``.
    """
    found: list[str] = []
    for name, given in clusters.items():
        found += _shape(name, given)
    if found:
        return found
    for name, given in clusters.items():
        found += _places(name, given, regions, zones)
        found += _roles(name, given, zones)
    return found + list(_taken_twice(clusters)) + list(_outside(clusters, subnetworks, regions))


def _shape(name: str, given: Description) -> list[str]:
    where = f"gcp_database_clusters.{name}"
    found = []
    if not _CLUSTER.fullmatch(name):
        found.append(
            f"bad_name: {where}: take 3 to 27 small letters, digits and -, with a letter first and no - at the end."
        )
    found += _unknown(where, given, _CLUSTER_KEYS)
    if not given.get("members"):
        return [
            *found,
            f"missing_field: {where} has no members. Name its VMs with zone and address.",
        ]
    for member, entry in given["members"].items():
        place = f"{where}.members.{member}"
        if not _NAME.fullmatch(member):
            found.append(
                f"bad_name: {place}: Google takes 1 to 63 small letters, digits and -, with a letter first."
            )
        found += _unknown(place, entry or {}, _MEMBER_KEYS)
        found += [
            f"missing_field: {place} has no {field}."
            for field in ("zone", "address")
            if not (entry or {}).get(field)
        ]
    return found


def _unknown(where: str, given: Description, known: set[str]) -> list[str]:
    return [
        f"unknown_field: {where}.{field}: {did_you_mean(field, known)}Known are {', '.join(sorted(known))}."
        for field in given
        if field not in known
    ]


def _places(
    name: str,
    given: Description,
    regions: Mapping[str, str],
    zones: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    known = [zone for some in zones.values() for zone in some]
    for member, entry in given["members"].items():
        if entry["zone"] not in known or region_of(entry["zone"]) not in regions.values():
            yield (
                f"unknown_zone: gcp_database_clusters.{name}.members.{member}: {entry['zone']} is none of gcp_zones: "
                f"{did_you_mean(entry['zone'], known)}they are {', '.join(known)}."
            )
    for side in given.get("balancers") or {}:
        if side not in SIDES:
            yield (
                f"unknown_field: gcp_database_clusters.{name}.balancers.{side}: "
                f"{did_you_mean(side, SIDES)}The sides are {' and '.join(SIDES)}."
            )


def _roles(name: str, given: Description, zones: Mapping[str, Sequence[str]]) -> Iterator[str]:
    where = f"gcp_database_clusters.{name}"
    by_role: dict[str, list[tuple[str, str]]] = {role: [] for role in ROLES}
    for member, entry in given["members"].items():
        role = entry.get("role", "member")
        if role not in by_role:
            yield f"bad_role: {where}.members.{member}: {role}: {did_you_mean(role, ROLES)}Take {', '.join(ROLES)}."
        by_role.setdefault(role, []).append((member, entry["zone"]))
    eligible = by_role["member"]
    if len(eligible) not in _MEMBERS:
        yield (
            f"members_even_or_too_many: {where} has {len(eligible)} VMs of the role member, who are etcd, too: "
            "an even number survives no more losses than one less. Take 1, 3 or 5."
        )
    homes = {region_of(zone) for _member, zone in eligible}
    if len(homes) > 1:
        yield f"two_regions: {where}: members in {', '.join(sorted(homes))}: commits would wait for another region."
    yield from _zones_shared(where, eligible, zones)
    for member, zone in by_role["backup"]:
        if region_of(zone) not in homes:
            yield f"two_regions: {where}.members.{member}: a backup replica stands in the region of its cluster."
    for member, zone in by_role["dr"]:
        if region_of(zone) in homes:
            yield f"same_region: {where}.members.{member}: role dr is for another region than {region_of(zone)}."


def _zones_shared(
    where: str, eligible: Sequence[tuple[str, str]], zones: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    used = [zone for _member, zone in eligible]
    home = [zone for some in zones.values() for zone in some if zone[:-2] in {z[:-2] for z in used}]
    if len(set(used)) < min(len(used), len(home)):
        yield (
            f"zone_shared: {where}: {len(used)} members stand in {', '.join(sorted(set(used)))}, and the region has "
            f"{', '.join(home)}: one zone's loss would take more than one. Spread them."
        )


def _addresses(clusters: Mapping[str, Description]) -> Iterator[tuple[str, str, str]]:
    """Yield where an address is set, the address, and the zone of who has it."""
    for name, given in clusters.items():
        zone = ""
        for member, entry in given["members"].items():
            yield (
                f"gcp_database_clusters.{name}.members.{member}",
                str(entry["address"]),
                entry["zone"],
            )
            zone = zone or (entry["zone"] if entry.get("role", "member") == "member" else "")
        for side, address in (given.get("balancers") or {}).items():
            yield f"gcp_database_clusters.{name}.balancers.{side}", str(address), zone


def _taken_twice(clusters: Mapping[str, Description]) -> Iterator[str]:
    addresses = Counter(address for _where, address, _zone in _addresses(clusters))
    members = Counter(member for given in clusters.values() for member in given["members"])
    etcd = Counter(str(given.get("etcd", name)) for name, given in clusters.items())
    for what, counted in (("address", addresses), ("member", members), ("etcd", etcd)):
        for value, count in counted.items():
            if count > 1:
                yield f"twice: gcp_database_clusters names the {what} {value} {count} times. Each has its own."


def _outside(
    clusters: Mapping[str, Description],
    subnetworks: Mapping[str, Mapping[str, Any]],
    regions: Mapping[str, str],
) -> Iterator[str]:
    ranges = {
        region: ipaddress.IPv4Network(str(subnetworks[ours]["range"]))
        for ours, region in regions.items()
        if ours in subnetworks
    }
    for where, text, zone in _addresses(clusters):
        network = ranges.get(region_of(zone))
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            yield f"bad_address: {where}: {text} is no IPv4 address."
            continue
        if network is None:
            yield f"no_subnetwork: {where}: gcp_network_subnetworks has none for {region_of(zone)}."
        elif address not in network:
            yield f"address_outside: {where}: {address} is not in {network}, the subnetwork of {region_of(zone)}."
        # https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet
        elif address in (network[0], network[1], network[-2], network[-1]):
            yield f"address_reserved: {where}: {address} is one of four of {network} that Google keeps for itself."
