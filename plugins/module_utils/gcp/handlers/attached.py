# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Disks that are attached to an instance, told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.meaning import equal
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule


def by_place(rule: Rule) -> Rule:
    """The rule for lists of disks that were paired before."""
    return replace(rule, keys={**rule.keys, "disks": ""})


def twin_of(
    disk: Mapping[str, Any], having: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The attached disk that a declared one means."""
    for each in having:
        if disk.get("boot") and each.get("boot"):
            return each
        if disk.get("deviceName") and disk["deviceName"] == each.get("deviceName"):
            return each
        if disk.get("source") and equal(disk["source"], each.get("source")):
            return each
    name = (disk.get("initializeParams") or {}).get("diskName")
    return next(
        (each for each in having if name and str(each.get("source", "")).endswith(f"/{name}")), None
    )


def shown_name(disk: Mapping[str, Any], number: int) -> str:
    """What a disk is called in a plan."""
    source = str(disk.get("source") or "").rpartition("/")[2]
    return str(disk.get("deviceName") or source or number)
