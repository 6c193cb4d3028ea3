"""Whether a network's firewall rules let a range in to a port of an instance."""

from __future__ import annotations

import ipaddress
from typing import Any

from tests.lab.gcp.backend import Resource

#: What IAP's tunnels come from.
IAP = ipaddress.IPv4Network("35.235.240.0/20")


def lets_in(rules: list[Resource], instance: Resource, nic: int, port: int) -> bool:
    """Whether a network's firewall lets IAP's range in to a port: lowest priority number first, deny before allow."""
    network = short(instance.body["networkInterfaces"][nic].get("network", ""))
    held = [
        rule.body
        for rule in rules
        if short(rule.body.get("network", "")) == network and _applies(rule.body, instance, port)
    ]
    held.sort(key=lambda body: (body.get("priority", 1000), "denied" not in body))
    return bool(held) and "allowed" in held[0]


def short(link: str) -> str:
    return link.rsplit("/", 1)[-1]


def _applies(rule: dict[str, Any], instance: Resource, port: int) -> bool:
    if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
        return False
    tags = set(instance.body.get("tags", {}).get("items", []))
    accounts = {one.get("email") for one in instance.body.get("serviceAccounts", [])}
    if rule.get("targetTags") and not tags & set(rule["targetTags"]):
        return False
    if rule.get("targetServiceAccounts") and not accounts & set(rule["targetServiceAccounts"]):
        return False
    # Without any source a rule is for everybody.
    given = rule.get("sourceRanges") or ([] if _has_sources(rule) else ["0.0.0.0/0"])
    ranges = [ipaddress.IPv4Network(one) for one in given if ":" not in one]
    if not any(IAP.subnet_of(one) for one in ranges):
        return False
    entries = rule.get("allowed", []) + rule.get("denied", [])
    return any(_covers(entry, port) for entry in entries)


def _has_sources(rule: dict[str, Any]) -> bool:
    return bool(rule.get("sourceTags") or rule.get("sourceServiceAccounts"))


def _covers(entry: dict[str, Any], port: int) -> bool:
    if entry.get("IPProtocol", "").lower() not in ("tcp", "6", "all"):
        return False
    for ports in entry.get("ports", []):
        low, _, high = str(ports).partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return not entry.get("ports")
