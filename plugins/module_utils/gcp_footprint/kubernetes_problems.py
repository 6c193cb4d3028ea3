# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the descriptions of Kubernetes clusters, said before anything is asked of Google."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

Description = Mapping[str, Any]

#: Google's limit for clusters and pools.
_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?")
_CLUSTER_KEYS = {"region", "control_plane", "pools"}
_POOL_KEYS = {
    "machine_type", "disk_gb", "disk_type", "nodes", "min", "max", "labels", "taints",
}  # fmt: skip


def kubernetes_problems(
    clusters: Mapping[str, Description], prefix: str, subnetworks: Mapping[str, Description]
) -> list[str]:
    """Return sentences that begin with a reason; ``subnetworks`` are by our name of their region."""
    found: list[str] = []
    for name, given in clusters.items():
        where = f"gcp_kubernetes_clusters.{name}"
        if not _NAME.fullmatch(prefix + name):
            found.append(
                f"bad_name: {where}: {prefix}{name}: take up to 40 small letters, digits and -, a letter first."
            )
        found += _unknown(where, given, _CLUSTER_KEYS)
        found += _place(where, given, subnetworks)
        if not given.get("pools"):
            found.append(f"missing_field: {where} has no pools. Name at least one.")
        for pool, said in (given.get("pools") or {}).items():
            found += _pool(f"{where}.pools.{pool}", pool, said or {})
    return found


def _unknown(where: str, given: Description, known: set[str]) -> list[str]:
    return [
        f"unknown_field: {where}.{field}: {did_you_mean(field, known)}Known are {', '.join(sorted(known))}."
        for field in given
        if field not in known
    ]


def _place(where: str, given: Description, subnetworks: Mapping[str, Description]) -> Iterator[str]:
    region = str(given.get("region", ""))
    if region not in subnetworks:
        yield (
            f"no_subnetwork: {where}.region is {region or 'not set'}: {did_you_mean(region, subnetworks)}"
            f"Subnetworks there are: {', '.join(subnetworks) or 'none'}."
        )
    else:
        for key in ("pods", "services"):
            if not subnetworks[region].get(key):
                yield f"no_range: {where}: the subnetwork of {region} has no range {key}, which a cluster needs."
    block = str(given.get("control_plane", ""))
    try:
        network = ipaddress.IPv4Network(block)
    except ValueError:
        yield f"bad_range: {where}.control_plane: {block or 'not set'}: give a /28 that nothing else uses."
        return
    # https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters
    if network.prefixlen != 28:
        yield f"bad_range: {where}.control_plane: {block}: Google takes a /28."


def _pool(where: str, name: str, said: Description) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"bad_name: {where}: take up to 40 small letters, digits and -, a letter first."
    yield from _unknown(where, said, _POOL_KEYS)
    bounds = "min" in said or "max" in said
    if ("nodes" in said) == bounds:
        yield (
            f"bad_size: {where}: give nodes (in each zone, fixed) or min and max (of all zones together, by load), "
            "and not both."
        )
    elif bounds and not 0 <= int(said.get("min", -1)) <= int(said.get("max", -1)):
        yield f"bad_size: {where}: 0 <= min <= max, and they are {said.get('min')} and {said.get('max')}."
