# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records of DNS that point to a region: what they are in each, and how long caches remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def _absolute(name: str, domain: str) -> str:
    """Full name of a record; "@" is the zone itself, and what ends with a dot is complete."""
    if name == "@":
        return domain
    return name if name.endswith(".") else f"{name}.{domain}"


def records_of(
    records: Iterable[Record], zones: Mapping[str, Mapping[str, Any]], region: str
) -> list[dict[str, Any]]:
    """Return the records as they are while ``region`` serves.

    Each has zone, name (absolute), type, ttl (seconds), values, switched (whether it depends on
    the region) and key (as gcp_resources calls it). Records of zones that are not there, or
    without values in the region, are left out: ``dns_problems`` tells them.
    """
    found = []
    for record in records:
        zone = zones.get(record.get("zone", ""))
        values = record.get("values") or (record.get("targets") or {}).get(region)
        if zone is None or not values:
            continue
        found.append(
            {
                "zone": record["zone"],
                "name": _absolute(str(record["name"]), str(zone["domain"])),
                "type": record.get("type", "A"),
                "ttl": int(record.get("ttl", 300)),
                "values": list(values),
                "switched": "targets" in record,
            }
        )
    return found


def dns_problems(
    records: Sequence[Record],
    zones: Mapping[str, Mapping[str, Any]],
    regions: Iterable[str],
    active: str,
    longest: int,
) -> list[str]:
    """Say what is wrong with zones and records; ``longest`` is the TTL (s) that switched ones may have."""
    known = list(regions)
    problems = [] if active in known else [_unknown_region("gcp_dns_active_region", active, known)]
    problems += [
        f"bad_name: gcp_dns_zones.{name}: the domain {zone.get('domain')!r} has to end with a dot."
        for name, zone in zones.items()
        if not str(zone.get("domain", "")).endswith(".")
    ]
    seen: set[tuple[str, str, str]] = set()
    for record in records:
        where = f"gcp_dns_records: {record.get('name')} {record.get('type', 'A')}"
        problems += [
            f"{said[0]}: {where}: {said[1]}"
            for said in _record_problems(record, zones, known, longest)
        ]
        if record.get("zone") in zones:
            domain = str(zones[record["zone"]].get("domain", ""))
            key = (
                record["zone"],
                _absolute(str(record.get("name")), domain),
                record.get("type", "A"),
            )
            if key in seen:
                problems.append(
                    f"twice: {where}: it is there already. Put all values into one record."
                )
            seen.add(key)
    return problems


def _unknown_region(where: str, region: str, known: Sequence[str]) -> str:
    return f"unknown_region: {where}: {region!r} is none of {', '.join(known) or 'gcp_regions (empty)'}."


def _record_problems(
    record: Record, zones: Mapping[str, Any], regions: Sequence[str], longest: int
) -> list[tuple[str, str]]:
    """Return reason and sentence of each problem of one record."""
    problems = []
    if record.get("zone") not in zones:
        problems.append(
            ("unknown_reference", f"there is no zone {record.get('zone')!r} in gcp_dns_zones.")
        )
    targets = record.get("targets")
    if bool(targets) == bool(record.get("values")):
        problems.append(
            (
                "bad_record",
                "give either values, or targets by region where it goes with the region.",
            )
        )
    for region in sorted(set(targets or ()) ^ set(regions)) if targets else ():
        if region not in regions:
            problems.append(
                ("unknown_region", f"targets.{region}: it is none of {', '.join(regions)}.")
            )
        else:
            problems.append(
                (
                    "target_missing",
                    f"nothing for {region!r}: it could not be switched there. Add targets.{region}.",
                )
            )
    if targets and int(record.get("ttl", 300)) > longest:
        problems.append(
            (
                "ttl_too_long",
                f"caches would keep the old answer for {record.get('ttl')} s after a switch, gcp_dns_longest_ttl "
                f"is {longest}. Lower the ttl now: it takes as long as the old one until it counts.",
            )
        )
    return problems


def moved(plans: Mapping[str, Sequence[Mapping[str, Any]]], active: str) -> list[str]:
    """Say which records point to another region than ``active``, of the plans of all regions.

    A plan is what gcp_resources returns as ``plan`` for the records of one region.
    """
    away = _pointing_elsewhere(plans.get(active, ()))
    found = []
    for region, plan in plans.items():
        there = {str(each["key"]) for each in plan if _points_there(each)}
        if region != active:
            found += [f"{key} points to {region}" for key in away if key in there]
    return found


def _pointing_elsewhere(plan: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        str(each["key"])
        for each in plan
        if _is_record(each) and each["action"] == "update" and not _points_there(each)
    ]


def _points_there(entry: Mapping[str, Any]) -> bool:
    """Whether a record of a plan is there and has these values already; its TTL may differ."""
    fields = {str(change["field"]).partition("[")[0] for change in entry.get("changes") or ()}
    return (
        _is_record(entry) and entry["action"] in ("update", "unchanged") and "rrdatas" not in fields
    )


def _is_record(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == "dns.resourceRecordSets"


def switch_lines(plan: Iterable[Mapping[str, Any]], region: str, ttl: int) -> list[str]:
    """Tell what a switch changes, a line for each record; ``ttl`` is what servers give now (s)."""
    lines = [f"To {region}. Caches may keep the old answers for {ttl} s."]
    for entry in plan:
        name, kind = str(entry["key"]).split("/")[-2:]
        values = [
            f"{_told(change.get('before'))} -> {_told(change.get('after'))}"
            for change in entry.get("changes") or ()
            if str(change["field"]).startswith("rrdatas")
        ]
        lines.append(f"  {name} {kind}: {', '.join(values) or f'points to {region} already'}")
    return lines


def _told(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "nothing" if value is None else str(value)
