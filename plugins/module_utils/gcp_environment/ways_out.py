# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ways out of private hosts: a network tag of each region chooses the gateways that a host goes out by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


def nat_route_problems(
    tags: Mapping[str, str],
    regions: Iterable[str],
    served: Sequence[str],
    bypassed: Sequence[str],
    own_tags: Sequence[str],
) -> list[str]:
    """Say why routes by tags cannot be.

    ``tags`` are those of private hosts by our names of regions, ``regions`` the environment's,
    ``served`` those with gateways, ``bypassed`` those whose gateways nobody is to go by,
    ``own_tags`` the gateways' own.
    """
    problems = [
        f"tag_missing: gcp_nat_gateway_private_tags has no tag for {region!r}, so its hosts would have no way out. "
        f"Name one, as nat-{region}."
        for region in regions
        if not tags.get(region)
    ]
    if len(set(tags.values())) < len(tags):
        problems.append(
            "tag_twice: gcp_nat_gateway_private_tags has one tag for several regions. Google takes one balancer "
            "of equal routes for the whole network, so the others' hosts would go by a far one. Give each its own."
        )
    problems += [
        f"tag_of_gateways: {tag!r} of gcp_nat_gateway_private_tags is among gcp_nat_gateway_tags: gateways would "
        "send to themselves. Take another one."
        for tag in tags.values()
        if tag in own_tags
    ]
    return problems + _bypass_problems(served, bypassed)


def _bypass_problems(served: Sequence[str], bypassed: Sequence[str]) -> list[str]:
    problems = [
        f"unknown_region: gcp_nat_gateway_bypassed has {region!r}; gateways are in {', '.join(served) or 'no region'}."
        for region in bypassed
        if region not in served
    ]
    if served and set(served) <= set(bypassed):
        problems.append(
            "no_way_out: gcp_nat_gateway_bypassed has every region with gateways. Leave one out."
        )
    return problems


def way_out_problems(resources: Iterable[Mapping[str, Any]], tags: Mapping[str, str]) -> list[str]:
    """Say which declared hosts without an external address have no way out, or two.

    ``resources`` are declarations as gcp_resources takes them, ``tags`` those of private hosts by
    our names of regions.
    """
    problems = []
    for name, carried in _private_hosts(resources):
        found = sorted(set(carried) & set(tags.values()))
        if not found:
            problems.append(
                f"no_way_out: {name} has no external address and none of the tags that routes to NAT gateways are "
                f"for ({', '.join(tags.values()) or 'none'}). Name its region in gcp_nat_gateway_private_tags."
            )
        elif len(found) > 1:
            problems.append(
                f"two_ways_out: {name} has the tags {' and '.join(found)}, and Google would choose one of their "
                "routes. Take away those of other regions."
            )
    # The first pool is declared with its cluster, too.
    return list(dict.fromkeys(problems))


def _private_hosts(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what to call hosts or pools of hosts without external addresses, and their tags."""
    for each in resources:
        body = each.get("body", {})
        if each["type"] == "compute.instances":
            legs = body.get("networkInterfaces", ())
            if not any(leg.get("accessConfigs") for leg in legs):
                yield f"instance {each['name']}", body.get("tags", {}).get("items", ())
        elif each["type"] == "container.nodePools":
            name = f"node pool {each['name']} of cluster {body.get('cluster', '')}"
            yield name, body.get("config", {}).get("tags", ())
        elif each["type"] == "container.clusters":
            for pool in body.get("nodePools", ()):
                name = f"node pool {pool['name']} of cluster {each['name']}"
                yield name, pool.get("config", {}).get("tags", ())
