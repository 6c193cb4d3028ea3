# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for values of Patroni's dynamic configuration: timings, synchronous replication, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import (
    timing_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem

# Patroni's defaults (Config.__DEFAULT_CONFIG): a value left out takes part in the rule.
_TIMINGS = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
_LEAST = {
    "maximum_lag_on_failover": 0,
    "maximum_lag_on_syncnode": -1,
    "max_timelines_history": 0,
    "primary_start_timeout": 0,
    "primary_stop_timeout": 0,
    "synchronous_node_count": 1,
    "member_slots_ttl": 0,
}
_SWITCHES = ("synchronous_mode_strict", "failsafe_mode", "check_timeline", "pause")


def dynamic_problems(
    dynamic: Mapping[str, Any], path: str, eligible_replicas: int | None
) -> list[Problem]:
    """Return what is wrong with the values of a dynamic configuration.

    :param path: where it stands, for the messages.
    :param eligible_replicas: replicas that may be synchronous; None if unknown.
    """
    return [
        *_timings(dynamic, path),
        *_numbers(dynamic, path),
        *_switches(dynamic, path),
        *_synchronous(dynamic, path, eligible_replicas),
        *_standby(dynamic, path),
    ]


def _timings(dynamic: Mapping[str, Any], path: str) -> list[Problem]:
    values = {}
    found = []
    for name, default in _TIMINGS.items():
        value = dynamic.get(name, default)
        if _is_int(value):
            values[name] = int(value)
        else:
            found.append(_not_a_number(f"{path}.{name}", value))
    if found:
        return found
    return [
        Problem(
            "timing_rule",
            path,
            sentence,
            "Patroni changes such values to others that fit, with no more than a log line",
            "ttl >= 20, loop_wait >= 1, retry_timeout >= 3, loop_wait + 2 * retry_timeout <= ttl;"
            " or use an RTO preset",
        )
        for sentence in timing_problems(**values)
    ]


def _numbers(dynamic: Mapping[str, Any], path: str) -> list[Problem]:
    found = []
    for name, least in _LEAST.items():
        value = dynamic.get(name, least)
        if not _is_int(value):
            found.append(_not_a_number(f"{path}.{name}", value))
        elif int(value) < least:
            found.append(
                Problem(
                    "value_too_small",
                    f"{path}.{name}",
                    f"is {value}",
                    f"the least that makes sense is {least}",
                    f"set {least} or more",
                )
            )
    return found


def _switches(dynamic: Mapping[str, Any], path: str) -> list[Problem]:
    return [
        Problem(
            "not_a_switch",
            f"{path}.{name}",
            f"is {dynamic[name]!r}, neither true nor false",
            "Patroni takes what it cannot read for false",
            "write true or false",
        )
        for name in _SWITCHES
        if name in dynamic and not isinstance(dynamic[name], bool)
    ]


def _synchronous(
    dynamic: Mapping[str, Any], path: str, eligible_replicas: int | None
) -> list[Problem]:
    mode = dynamic.get("synchronous_mode", False)
    where = f"{path}.synchronous_mode"
    if not (isinstance(mode, bool) or (isinstance(mode, str) and mode.lower() == "quorum")):
        return [
            Problem(
                "synchronous_mode",
                where,
                f"is {mode!r}",
                "Patroni takes what it cannot read for false: commits would not wait",
                "write true, false or quorum",
            )
        ]
    strict = dynamic.get("synchronous_mode_strict") is True
    count = dynamic.get("synchronous_node_count", 1)
    if mode is False:
        if not strict:
            return []
        return [
            Problem(
                "strict_without_synchronous",
                f"{path}.synchronous_mode_strict",
                "is true while synchronous_mode is false",
                "nothing is waited for, so nothing is strict",
                "set synchronous_mode to quorum or synchronous_mode_strict to false",
            )
        ]
    if eligible_replicas is None or not _is_int(count) or dynamic.get("standby_cluster"):
        return []
    return _sync_count(f"{path}.synchronous_node_count", int(count), eligible_replicas)


def _sync_count(where: str, count: int, eligible_replicas: int) -> list[Problem]:
    if count <= eligible_replicas:
        return []
    return [
        Problem(
            "sync_count_impossible",
            where,
            f"asks for {count} synchronous replicas, {eligible_replicas} may be synchronous",
            "Patroni lowers the count to what there is, so commits wait for fewer than was asked",
            "add replicas without the tag nosync, or lower the count",
        )
    ]


def _standby(dynamic: Mapping[str, Any], path: str) -> list[Problem]:
    standby = dynamic.get("standby_cluster")
    if not isinstance(standby, Mapping):
        return []
    if not any(standby.get(key) for key in ("host", "port", "restore_command")):
        return [
            Problem(
                "standby_without_source",
                f"{path}.standby_cluster",
                "names neither host, port nor restore_command",
                "Patroni takes such a cluster for a primary one, which is split brain",
                "name the primary cluster's address",
            )
        ]
    return []


def _not_a_number(where: str, value: object) -> Problem:
    return Problem(
        "not_a_number",
        where,
        f"is {value!r}, not a whole number",
        "Patroni falls back to its default or does not start",
        "write a whole number",
    )


def _is_int(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return True
    return isinstance(value, str) and value.strip().lstrip("-").isdigit()
