# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for what one member's part of the configuration must say, and for its pg_hba lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.config_keys import dig
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.hba_rules import (
    HbaLine,
    parse_line,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem

# What must be there: path, why, way out.
_NEEDED: tuple[tuple[str, str, str], ...] = (
    ("name", "members are told apart by it", "give each member a name of its own"),
    ("scope", "it is the cluster's name in etcd", "set the cluster's scope"),
    ("etcd3.protocol", "passwords and the leader key would travel in clear", "set it to https"),
    ("etcd3.cacert", "without it any server passes for etcd", "name the CA's certificate"),
    ("restapi.listen", "balancers and members ask it", "set address:port"),
    ("restapi.connect_address", "members find each other by it", "set address:port"),
    ("restapi.certfile", "the REST API would speak in clear", "name certificate and key"),
    ("restapi.authentication.username", "anybody could restart or fail over", "set it"),
    ("restapi.authentication.password", "anybody could restart or fail over", "set it"),
    ("postgresql.listen", "clients and replicas connect to it", "set address:port"),
    ("postgresql.connect_address", "replicas connect to it", "set address:port"),
    ("postgresql.data_dir", "it holds the database", "set the data directory"),
    ("postgresql.authentication.superuser.username", "Patroni logs in by it", "set it"),
    ("postgresql.authentication.superuser.password", "Patroni logs in by it", "set it"),
    ("postgresql.authentication.replication.username", "replicas log in by it", "set it"),
    ("postgresql.authentication.replication.password", "replicas log in by it", "set it"),
)
_ADDRESSES = ("restapi.listen", "restapi.connect_address", "postgresql.connect_address")
_ADDRESS = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/]+):([0-9]{1,5})$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


def member_problems(config: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a member's part of a complete configuration."""
    return [
        *_needed(config),
        *_names(config),
        *_transport(config),
        *_addresses(config),
        *tag_problems(dig(config, "tags") or {}),
        *hba_problems(dig(config, "postgresql", "pg_hba"), "postgresql.pg_hba"),
        *_hba_as_a_whole(config),
        *_watchdog(config),
    ]


def _needed(config: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem("missing", path, "is missing or empty", why, way_out)
        for path, why, way_out in _NEEDED
        if dig(config, *path.split(".")) in (None, "")
    ]


def _names(config: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(
            "bad_name",
            key,
            f"is {config[key]!r}",
            "it becomes a key in etcd, a slot's name and a part of an address",
            "use letters, digits, dots, hyphens and underscores",
        )
        for key in ("name", "scope")
        if config.get(key) and not _NAME.match(str(config[key]))
    ]


def _transport(config: Mapping[str, Any]) -> list[Problem]:
    found = []
    protocol = dig(config, "etcd3", "protocol")
    if protocol not in (None, "", "https"):
        found.append(
            Problem(
                "not_encrypted",
                "etcd3.protocol",
                f"is {protocol!r}",
                "passwords and the leader key would travel in clear",
                "set it to https",
            )
        )
    if not any(dig(config, "etcd3", key) for key in ("host", "hosts", "srv", "url", "proxy")):
        found.append(
            Problem(
                "missing",
                "etcd3.hosts",
                "no member of etcd is named",
                "Patroni does not start without its store",
                "list the members as address:2379",
            )
        )
    if dig(config, "ctl", "insecure") is True:
        found.append(
            Problem(
                "not_verified",
                "ctl.insecure",
                "is true",
                "patronictl would send its password to any server",
                "remove it and name ctl.cacert",
            )
        )
    return found


def _addresses(config: Mapping[str, Any]) -> list[Problem]:
    found = []
    for path in _ADDRESSES:
        value = dig(config, *path.split("."))
        match = _ADDRESS.match(str(value)) if value else None
        if value and not (match and 0 < int(match.group(2)) < 65536):
            found.append(
                Problem(
                    "bad_address",
                    path,
                    f"is {value!r}",
                    "Patroni expects address:port",
                    "write address:port, an IPv6 address in brackets",
                )
            )
    return found


def tag_problems(tags: Mapping[str, Any]) -> list[Problem]:
    """Return the tags that contradict each other or cannot be read; custom tags pass.

    Source: ``Tags._bool_tag`` of Patroni 4.1.5: of two that contradict, the switch wins.
    """
    found = [
        Problem(
            "bad_tag",
            f"tags.{name}",
            f"is {tags[name]!r}, neither true nor false",
            "any text counts as true",
            "write true or false",
        )
        for name in ("nofailover", "clonefrom", "noloadbalance", "nosync", "nostream")
        if name in tags and not isinstance(tags[name], bool)
    ]
    for switch, priority in (("nofailover", "failover_priority"), ("nosync", "sync_priority")):
        if priority not in tags:
            continue
        value = tags[priority]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            why, way = "priorities are whole numbers from 0 on", "write a whole number"
        elif switch in tags and bool(tags[switch]) != (value == 0):
            why, way = f"it contradicts {switch}, which wins", f"remove {priority} or {switch}"
        else:
            continue
        found.append(Problem("conflicting_tags", f"tags.{priority}", f"is {value!r}", why, way))
    return found


def hba_problems(lines: object, path: str) -> list[Problem]:
    """Return the lines of pg_hba that cannot be read or let too much in."""
    if lines is None:
        return []
    if not isinstance(lines, list):
        way = "write a list of texts"
        return [Problem("pg_hba", path, "is not a list", "Patroni expects one line each", way)]
    found = []
    for number, text in enumerate(lines):
        where = f"{path}[{number}]"
        try:
            line = parse_line(str(text))
        except ValueError as error:
            why = "PostgreSQL does not start with it, or keeps the old rules on a reload"
            found.append(
                Problem("pg_hba", where, f"{error}: {text!r}", why, "correct or remove the line")
            )
            continue
        if line:
            found += _open_line(line, where)
    return found


def _open_line(line: HbaLine, where: str) -> list[Problem]:
    if line.local_only or line.method == "reject":
        return []
    if line.method == "trust":
        why = "everyone who reaches the port is let in"
        return [Problem("pg_hba_trust", where, "trusts hosts", why, "use scram-sha-256")]
    if line.kind not in ("hostssl", "hostgssenc"):
        why = "passwords and payments would travel in clear"
        what = f"a {line.kind} line takes connections without TLS"
        return [Problem("pg_hba_not_encrypted", where, what, why, "use hostssl")]
    return []


def _hba_as_a_whole(config: Mapping[str, Any]) -> list[Problem]:
    """Replicas must get in, and hostssl needs ssl on; unreadable lines are told elsewhere."""
    texts = dig(config, "postgresql", "pg_hba") or dig(
        config, "bootstrap", "dcs", "postgresql", "pg_hba"
    )
    if not isinstance(texts, list):
        return []
    lines = []
    for text in texts:
        try:
            lines.append(parse_line(str(text)))
        except ValueError:
            continue
    read = [line for line in lines if line]
    found = []
    if not any("replication" in line.database.split(",") for line in read):
        why = "no replica could follow: the database all does not include replication"
        way = "add a hostssl line for replication"
        found.append(Problem("pg_hba_replication", "pg_hba", "no line for replication", why, way))
    parameters = {
        **(dig(config, "bootstrap", "dcs", "postgresql", "parameters") or {}),
        **(dig(config, "postgresql", "parameters") or {}),
    }
    if any(line.kind == "hostssl" for line in read) and not _is_on(parameters.get("ssl")):
        why = "hostssl lines match no connection while ssl is off"
        way = "set the parameter ssl to on, with certificate and key"
        found.append(Problem("ssl_off", "postgresql.parameters.ssl", "is not on", why, way))
    return found


def _is_on(value: object) -> bool:
    return value is True or str(value).lower() in ("on", "true", "yes", "1")


def _watchdog(config: Mapping[str, Any]) -> list[Problem]:
    mode = dig(config, "watchdog", "mode")
    if mode in (None, False, "off", "automatic", "required"):
        return []
    why = "Patroni would run without a watchdog"
    way = "write off, automatic or required"
    return [Problem("watchdog_mode", "watchdog.mode", f"is {mode!r}", why, way)]
