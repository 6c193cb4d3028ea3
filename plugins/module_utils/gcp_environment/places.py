# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Regions, zones and names of an environment in Google Cloud, judged before anything is asked of Google."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import account_email

#: Names by Google's own rules: resources of compute (RFC 1035), projects, service accounts.
_NAMES = {
    "resource": (r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", "1 to 63"),
    "project": (r"[a-z][-a-z0-9]{4,28}[a-z0-9]", "6 to 30"),
    "account": (r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])", "6 to 30"),
}


def name_problems(names: Iterable[str], kind: str, where: str) -> list[str]:
    """Say which names Google would refuse; ``kind`` is resource, project or account."""
    pattern, length = _NAMES[kind]
    return [
        f"bad_name: {where}: {name!r} is no name of a {kind}. Take {length} small letters, digits and -, "
        "with a letter first and no - at the end."
        for name in map(str, names)
        if not re.fullmatch(pattern, name)
    ]


def place_problems(
    regions: Mapping[str, str], zones: Mapping[str, Sequence[str]], used: Iterable[str] = ()
) -> list[str]:
    """Say what is wrong with an environment's regions and zones.

    ``regions`` are Google's names by our own (main, failover), ``zones`` the zones of each of
    them, ``used`` our names of the regions that a role is told to work in.
    """
    problems = [
        f"unknown_region: {ours!r} is used, and gcp_regions has {', '.join(regions) or 'none'}. "
        "Name it there, or use one of these."
        for ours in dict.fromkeys(used)
        if ours not in regions
    ]
    for ours, region in regions.items():
        if not zones.get(ours):
            problems.append(
                f"zones_missing: gcp_zones has none for {ours!r} ({region}). List those to be used."
            )
        problems += [
            f"zone_outside_region: gcp_zones.{ours}: {zone!r} is not in {region}. "
            f"Its zones are called {region}-a, {region}-b and so on."
            for zone in zones.get(ours) or ()
            if not re.fullmatch(rf"{re.escape(region)}-[a-z]", zone)
        ]
    return problems


def member(text: str, project: str) -> str:
    """Return Google's name of who is given rights.

    ``user:…``, ``group:…`` and the like stay as they are; ``NAME`` is a service account of
    ``project``, ``NAME@PROJECT`` one of another project, and so is its whole address.
    """
    if ":" in text:
        return text
    if text.endswith(".gserviceaccount.com"):
        return f"serviceAccount:{text}"
    name, _at, home = text.partition("@")
    return f"serviceAccount:{account_email(name, home or project)}"
