# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Address ranges of a network and of those that it is joined with: each is one, and none lies in another."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

#: Google refuses subnetworks that are smaller, and gives a node of a cluster a /24 of the range of pods.
_SMALLEST = 29
_SMALLEST_PODS = 24

Network = ipaddress.IPv4Network


def declared_ranges(
    subnetworks: Mapping[str, Mapping[str, Any]],
    peerings: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """Yield the place in the inventory and the text of every range that traffic is routed by."""
    for name, subnetwork in subnetworks.items():
        for key in ("range", "pods", "services"):
            if subnetwork.get(key):
                yield f"gcp_network_subnetworks.{name}.{key}", str(subnetwork[key])
    for name, peering in peerings.items():
        for given in peering.get("ranges") or ():
            yield f"gcp_network_peerings.{name}.ranges", str(given)
    for name, given in others.items():
        if given:
            yield name, str(given)


def range_problems(
    subnetworks: Mapping[str, Mapping[str, Any]],
    peerings: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, str],
) -> list[str]:
    """Say which ranges are none, are too small, or overlap with another one.

    ``others`` are further ranges by the place where they are set. Peered networks count: Google
    refuses to join networks whose subnetworks overlap.
    """
    problems: list[str] = []
    read: list[tuple[str, Network]] = []
    for where, text in declared_ranges(subnetworks, peerings, others):
        try:
            network = ipaddress.IPv4Network(text)
        except ValueError as error:
            problems.append(
                f"bad_range: {where}: {error}. Write the first address and the prefix, as 10.20.0.0/20."
            )
            continue
        problems += _size_problems(where, network)
        problems += [
            f"overlap: {where} ({network}) overlaps with {elsewhere} ({other}). Take a range that is used nowhere."
            for elsewhere, other in read
            if network.overlaps(other)
        ]
        read.append((where, network))
    return problems


def _size_problems(where: str, network: Network) -> list[str]:
    smallest = _SMALLEST_PODS if where.endswith(".pods") else _SMALLEST
    if not where.startswith("gcp_network_subnetworks.") or network.prefixlen <= smallest:
        return []
    return [f"range_too_small: {where}: {network} has to be a /{smallest} or larger."]
