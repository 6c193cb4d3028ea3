# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the roles gcp_*; each is described in the YAML file of its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.dns import (
    dns_problems,
    moved,
    records_of,
    switch_lines,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.places import (
    member,
    name_problems,
    place_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.ranges import (
    range_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.ways_out import (
    nat_route_problems,
    way_out_problems,
)


def gcp_place_problems(
    regions: Mapping[str, str], zones: Mapping[str, Sequence[str]], used: Iterable[str] = ()
) -> list[str]:
    """Return what is wrong with regions and zones; see gcp_place_problems.yml."""
    return place_problems(regions, zones, used)


def gcp_name_problems(names: Iterable[str], kind: str, where: str) -> list[str]:
    """Return which names Google would refuse; see gcp_name_problems.yml."""
    return name_problems(names, kind, where)


def gcp_range_problems(
    subnetworks: Mapping[str, Mapping[str, Any]],
    peerings: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, str],
) -> list[str]:
    """Return what is wrong with ranges; see gcp_range_problems.yml."""
    return range_problems(subnetworks, peerings, others)


def gcp_dns_problems(
    records: Sequence[Mapping[str, Any]],
    zones: Mapping[str, Mapping[str, Any]],
    regions: Iterable[str],
    active: str,
    longest: int,
) -> list[str]:
    """Return what is wrong with zones and records; see gcp_dns_problems.yml."""
    return dns_problems(records, zones, regions, active, int(longest))


def gcp_dns_records_of(
    records: Iterable[Mapping[str, Any]], zones: Mapping[str, Mapping[str, Any]], region: str
) -> list[dict[str, Any]]:
    """Return the records while a region serves; see gcp_dns_records_of.yml."""
    return records_of(records, zones, region)


def gcp_dns_moved(plans: Mapping[str, Sequence[Mapping[str, Any]]], active: str) -> list[str]:
    """Return which records point to another region; see gcp_dns_moved.yml."""
    return moved(plans, active)


def gcp_dns_switch_lines(plan: Iterable[Mapping[str, Any]], region: str, ttl: int) -> list[str]:
    """Return what a switch changes; see gcp_dns_switch_lines.yml."""
    return switch_lines(plan, region, int(ttl))


def gcp_member(text: str, project: str) -> str:
    """Return Google's name of who is given rights; see gcp_member.yml."""
    return member(text, project)


def gcp_nat_route_problems(
    tags: Mapping[str, str],
    regions: Iterable[str],
    served: Sequence[str],
    bypassed: Sequence[str],
    own_tags: Sequence[str],
) -> list[str]:
    """Return why routes to gateways cannot be; see gcp_nat_route_problems.yml."""
    return nat_route_problems(tags, regions, served, bypassed, own_tags)


def gcp_way_out_problems(
    resources: Iterable[Mapping[str, Any]], tags: Mapping[str, str]
) -> list[str]:
    """Return which private hosts have no way out; see gcp_way_out_problems.yml."""
    return way_out_problems(resources, tags)


class FilterModule:
    """Filters that judge an environment's data and turn it into records."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "gcp_dns_moved": gcp_dns_moved,
            "gcp_dns_problems": gcp_dns_problems,
            "gcp_dns_records_of": gcp_dns_records_of,
            "gcp_dns_switch_lines": gcp_dns_switch_lines,
            "gcp_member": gcp_member,
            "gcp_name_problems": gcp_name_problems,
            "gcp_nat_route_problems": gcp_nat_route_problems,
            "gcp_place_problems": gcp_place_problems,
            "gcp_range_problems": gcp_range_problems,
            "gcp_way_out_problems": gcp_way_out_problems,
        }
