# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Address ranges: whether they are ones, and whether two of one network or of two that are peered overlap."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    PEERINGS,
    Resource,
    tail,
)

SUBNETWORKS = "compute.subnetworks"
_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_ONE = ("ipCidrRange", "destRange")
_MANY = ("sourceRanges", "destinationRanges")


@dataclass(frozen=True)
class Range:
    """A range of a subnetwork. ``owner`` says of which, with the name of a secondary range."""

    network: str
    owner: str
    link: str
    text: str


def parsed(text: Any) -> _Network | None:
    """The range of a text, or nothing."""
    try:
        return ipaddress.ip_network(str(text))
    except ValueError:
        return None


def range_problems(resource: Resource) -> Iterator[Problem]:
    """Texts of a body that should be ranges and are none."""
    body = resource.body
    found = [(name, body[name]) for name in _ONE if isinstance(body.get(name), str)]
    for name in _MANY:
        values = body.get(name)
        if isinstance(values, list):
            found += [(name, value) for value in values if isinstance(value, str)]
    for secondary in _secondary(body):
        found.append(("secondaryIpRanges", str(secondary.get("ipCidrRange"))))
    for name, value in found:
        if parsed(value) is None:
            words = f"{name}: {value!r} is no range such as 10.20.0.0/20{_meant(value)}"
            yield Problem("bad_range", f"{resource.key}: {words}.")


def overlaps(resources: Iterable[Resource]) -> list[Problem]:
    """Ranges of declared subnetworks that overlap, within a network and across declared peerings."""
    resources = [resource for resource in resources if resource.present]
    ranges = [each for resource in resources for each in ranges_of(resource.body, resource)]
    return conflicts(ranges, ranges, peers(resources))


def peers(resources: Iterable[Resource]) -> set[frozenset[str]]:
    """Pairs of networks that declared peerings join."""
    return {
        frozenset((tail(str(each.body["network"])), tail(str(each.body["peerNetwork"]))))
        for each in resources
        if each.type == PEERINGS and each.body.get("network") and each.body.get("peerNetwork")
    }


def ranges_of(body: Mapping[str, Any], resource: Resource) -> list[Range]:
    """The ranges of a subnetwork, primary and secondary ones."""
    if resource.type != SUBNETWORKS or not isinstance(body.get("network"), str):
        return []
    return subnetwork_ranges(body, resource.key, resource.link)


def subnetwork_ranges(body: Mapping[str, Any], name: str, link: str) -> list[Range]:
    """The ranges of a subnetwork's body."""
    network = tail(str(body["network"]))
    found = [Range(network, name, link, str(body.get("ipCidrRange", "")))]
    for each in _secondary(body):
        owner = f"{name} ({each.get('rangeName')})"
        found.append(Range(network, owner, link, str(each.get("ipCidrRange"))))
    return found


def conflicts(
    ours: Iterable[Range], theirs: Iterable[Range], joined: set[frozenset[str]]
) -> list[Problem]:
    """Each pair of ranges that overlap where they must not, once."""
    found: dict[frozenset[tuple[str, str]], Problem] = {}
    for one in ours:
        for other in theirs:
            pair = frozenset(((one.owner, one.text), (other.owner, other.text)))
            if one is other or pair in found or not _meet(one, other, joined):
                continue
            if _overlap(one.text, other.text):
                where = "" if one.network == other.network else ", whose networks are peered"
                found[pair] = Problem(
                    "overlap",
                    f"{one.owner}: {one.text} overlaps {other.text} of {other.owner}{where}; one of them needs another "
                    "range.",
                )
    return list(found.values())


def _meet(one: Range, other: Range, joined: set[frozenset[str]]) -> bool:
    return one.network == other.network or frozenset((one.network, other.network)) in joined


def _overlap(one: str, other: str) -> bool:
    first, second = parsed(one), parsed(other)
    if first is None or second is None or first.version != second.version:
        return False
    return first.overlaps(second)


def _secondary(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    values = body.get("secondaryIpRanges")
    if not isinstance(values, list):
        return []
    return [
        each for each in values if isinstance(each, Mapping) and each.get("ipCidrRange") is not None
    ]


def _meant(value: Any) -> str:
    try:
        return f"; {ipaddress.ip_network(str(value), strict=False)} is meant, perhaps"
    except ValueError:
        return ""
