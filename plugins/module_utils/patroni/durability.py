# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a commit waits for: the durability presets and Patroni's settings for each."""

from __future__ import annotations

from typing import Any

DURABILITY_PRESETS = ("sync", "sync_all", "async")

# Bytes a replica may be behind the last known position and still be promoted. In async this is
# what a failover may lose (plus the WAL of the last ttl). In the synchronous modes the comparison
# of positions among the voters prevents loss, and the limit would only exclude good candidates
# while a large uncommitted transaction is under way: one WAL segment.
MAXIMUM_LAG_ASYNC = 1024 * 1024
MAXIMUM_LAG_SYNC = 16 * 1024 * 1024


def durability_problems(preset: str, strict: bool, eligible_replicas: int) -> list[str]:
    """Return why a topology cannot hold a durability preset, a sentence each.

    :param eligible_replicas: members besides the primary that may be synchronous.
    """
    if preset not in DURABILITY_PRESETS:
        return [
            "unknown durability preset {!r}; choose one of {}".format(
                preset, ", ".join(DURABILITY_PRESETS)
            )
        ]
    if preset == "async":
        return (
            ["strict has no meaning with async: there is no synchronous replica to insist on"]
            if strict
            else []
        )
    if eligible_replicas < 1:
        return [f"{preset} needs at least 1 replica that may be synchronous, there is none"]
    if strict and eligible_replicas < 2:
        return [
            f"strict {preset} with 1 synchronous replica stops all writes when either host is lost; it needs 2"
        ]
    return []


def durability_settings(preset: str, eligible_members: int, strict: bool = False) -> dict[str, Any]:
    """Return the settings of Patroni's dynamic configuration for a durability preset.

    ``sync_all`` uses quorum commit as well: with ``synchronous_mode: on`` a promoted leader would
    acknowledge payments before any replica follows it.

    :param eligible_members: members that may be primary or synchronous (no backup member).
    :raises ValueError: for an unknown preset, or strict where writes could not survive one loss.
    """
    replicas = eligible_members - 1
    problems = durability_problems(preset, strict, replicas)
    # A single member (a DR cluster before its promotion) runs without a synchronous replica, and
    # gets one when it joins; only strict would stop it. Preflight refuses it where it matters.
    if problems and (strict or preset not in DURABILITY_PRESETS):
        raise ValueError("; ".join(problems))
    synchronous = preset != "async"
    settings: dict[str, Any] = {
        "synchronous_mode": "quorum" if synchronous else False,
        "synchronous_mode_strict": bool(strict and synchronous),
        "maximum_lag_on_failover": MAXIMUM_LAG_SYNC if synchronous else MAXIMUM_LAG_ASYNC,
        "failsafe_mode": True,
        "check_timeline": True,
    }
    if synchronous:
        settings["synchronous_node_count"] = max(1, replicas) if preset == "sync_all" else 1
    return settings
