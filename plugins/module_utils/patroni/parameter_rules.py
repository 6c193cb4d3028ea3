# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for PostgreSQL's parameters in Patroni's configuration.

Sources: ``ConfigHandler.CMDLINE_OPTIONS`` and ``Config._process_postgresql_parameters`` of
Patroni 4.1.5: what must be equal on all members is taken from the dynamic configuration only and
replaced by a default where Patroni refuses the value; both happen without an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import (
    Problem,
    words,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.setting_names import (
    MAJORS,
    added_in,
    parameter_names,
    removed_in,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

# Set by Patroni itself from other keys, whatever the configuration says.
_PATRONIS_OWN = {
    "listen_addresses": "set postgresql.listen",
    "port": "set postgresql.listen",
    "cluster_name": "it is the scope",
    "hot_standby": "it is always on",
    "data_directory": "set postgresql.data_dir",
    "config_file": "set postgresql.config_dir",
    "primary_conninfo": "Patroni writes it for the present leader",
    "primary_slot_name": "Patroni writes it for the present leader",
    "promote_trigger_file": "Patroni promotes",
}
# Equal on all members: the dynamic configuration only, with the least value that Patroni takes.
_CLUSTER_WIDE: dict[str, int] = {
    "max_connections": 25,
    "max_wal_senders": 3,
    "max_prepared_transactions": 0,
    "max_locks_per_transaction": 32,
    "max_replication_slots": 4,
    "max_worker_processes": 2,
}
_CLUSTER_WIDE_NAMES = frozenset(_CLUSTER_WIDE) | words(
    "wal_level track_commit_timestamp wal_log_hints wal_keep_size wal_keep_segments"
)


def parameter_problems(
    parameters: Mapping[str, Any], path: str, major: int | None, local: bool
) -> list[Problem]:
    """Return what is wrong with a mapping of parameters.

    :param major: PostgreSQL's major version; None takes what any known one takes.
    :param local: it stands in a member's own part, not in the dynamic configuration.
    :raises ValueError: for a major version that is not known.
    """
    majors = MAJORS if major is None else (major,)
    known = frozenset().union(*(parameter_names(version) for version in majors))
    found = []
    for written, value in parameters.items():
        name = str(written).lower()
        where = f"{path}.{written}"
        if name == "hot_standby" and str(value).lower() in ("on", "true"):
            continue
        if name in _PATRONIS_OWN:
            found.append(_patronis_own(where, name))
        elif "." not in name and name not in known:
            found.append(_unknown(where, name, major, known))
        elif local and name in _CLUSTER_WIDE_NAMES:
            found.append(_only_dynamic(where, name))
        elif not isinstance(value, (str, int, float, bool)):
            found.append(_not_plain(where, value))
        else:
            found += _least(where, name, value)
            found += _wal_level(where, name, value)
    return found


def _patronis_own(where: str, name: str) -> Problem:
    return Problem(
        "parameter_of_patroni",
        where,
        "is set by Patroni",
        "Patroni overrides what stands here",
        f"remove it: {_PATRONIS_OWN[name]}",
    )


def _unknown(where: str, name: str, major: int | None, known: frozenset[str]) -> Problem:
    hint = did_you_mean(name, known)
    later = gone = None
    if major is not None:
        later, gone = added_in(name, major), removed_in(name, major)
    if later:
        hint = f"PostgreSQL {later} brings it. "
    elif gone:
        hint = f"PostgreSQL {gone} removed it. "
    return Problem(
        "unknown_parameter",
        where,
        f"PostgreSQL{'' if major is None else f' {major}'} has no such parameter",
        "Patroni leaves it out with a log line, or PostgreSQL does not start",
        hint + "Remove it or correct its name; an extension's own has a dot in it",
    )


def _only_dynamic(where: str, name: str) -> Problem:
    return Problem(
        "parameter_is_cluster_wide",
        where,
        "stands in one member's part",
        "it has to be equal on all members, Patroni ignores it here",
        f"move it to bootstrap.dcs.postgresql.parameters.{name}",
    )


def _not_plain(where: str, value: object) -> Problem:
    return Problem(
        "parameter_value",
        where,
        f"is {type(value).__name__}",
        "a parameter is a text, a number or a switch",
        "write the value as postgresql.conf has it",
    )


def _least(where: str, name: str, value: object) -> list[Problem]:
    if name not in _CLUSTER_WIDE:
        return []
    text = str(value).strip()
    if text.isdigit() and int(text) >= _CLUSTER_WIDE[name]:
        return []
    return [
        Problem(
            "parameter_value",
            where,
            f"is {value!r}",
            f"Patroni takes whole numbers from {_CLUSTER_WIDE[name]} on and else its own default",
            f"set {_CLUSTER_WIDE[name]} or more",
        )
    ]


def _wal_level(where: str, name: str, value: object) -> list[Problem]:
    if name != "wal_level" or value in ("replica", "logical", "hot_standby"):
        return []
    return [
        Problem(
            "parameter_value",
            where,
            f"is {value!r}",
            "replication needs replica or logical",
            "set replica, or logical for logical decoding",
        )
    ]
