# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys that Patroni knows, level by level; a mistyped key is otherwise ignored in silence.

Sources: Patroni 4.1.5, its documentation ("YAML Configuration Settings", "Dynamic Configuration
Settings") and what ``config.py``, ``global_config.py`` and ``postgresql/`` read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import (
    Problem,
    words,
)
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

LOCAL = words(
    """
    name scope namespace log ctl restapi bootstrap etcd3 postgresql watchdog tags
    thread_pool_size thread_stack_size
    """
)
OTHER_STORES = words(
    """
    etcd consul zookeeper exhibitor kubernetes raft
    """
)
DYNAMIC = words(
    """
    ttl loop_wait retry_timeout maximum_lag_on_failover maximum_lag_on_syncnode
    max_timelines_history primary_start_timeout primary_stop_timeout synchronous_mode
    synchronous_mode_strict synchronous_node_count failsafe_mode check_timeline
    member_slots_ttl postgresql standby_cluster permanent_replication_slots permanent_slots
    slots ignore_slots pause
    """
)
POSTGRESQL_ANYWHERE = words(
    """
    parameters pg_hba pg_ident pg_ctl_timeout use_pg_rewind use_slots callbacks recovery_conf
    create_replica_methods basebackup custom_conf before_stop pre_promote
    remove_data_directory_on_rewind_failure remove_data_directory_on_diverged_timelines
    """
)
POSTGRESQL_LOCAL = words(
    """
    listen connect_address proxy_address authentication data_dir config_dir config_base_name
    bin_dir bin_name pgpass use_unix_socket use_unix_socket_repl database krbsrvname
    """
)
TAGS = words(
    """
    nofailover failover_priority clonefrom noloadbalance replicatefrom nosync sync_priority
    nostream
    """
)
_AUTHENTICATION = (
    "username password sslmode sslcert sslkey sslpassword sslrootcert sslcrl sslcrldir gssencmode"
    " channel_binding sslnegotiation"
)

# A level that is not listed is free (callbacks, log.loggers, slots, custom tags).
_LEVELS: dict[tuple[str, ...], str] = {
    ("log",): "type level traceback_level format dateformat static_fields max_queue_size dir"
    " file_num file_size mode loggers deduplicate_heartbeat_logs",
    ("ctl",): "insecure cacert certfile keyfile keyfile_password authentication",
    ("restapi",): "listen connect_address authentication certfile keyfile keyfile_password cafile"
    " ciphers verify_client allowlist allowlist_include_members http_extra_headers"
    " https_extra_headers request_queue_size server_tokens thread_pool_size",
    ("restapi", "authentication"): "username password",
    ("ctl", "authentication"): "username password",
    ("etcd3",): "host hosts srv srv_suffix url proxy use_proxies protocol username password cacert"
    " cert key",
    ("watchdog",): "mode device safety_margin",
    ("postgresql", "bin_name"): "pg_ctl initdb pg_controldata pg_basebackup postgres pg_isready"
    " pg_rewind",
    ("postgresql", "authentication"): "superuser replication rewind",
    ("postgresql", "authentication", "superuser"): _AUTHENTICATION,
    ("postgresql", "authentication", "replication"): _AUTHENTICATION,
    ("postgresql", "authentication", "rewind"): _AUTHENTICATION,
    ("bootstrap", "dcs", "standby_cluster"): "host port primary_slot_name create_replica_methods"
    " restore_command archive_cleanup_command recovery_min_apply_delay",
}


def dig(config: Any, *path: str) -> Any:
    """Return the value at a path, None where a level is missing or not a mapping."""
    for key in path:
        if not isinstance(config, Mapping):
            return None
        config = config.get(key)
    return config


def key_problems(config: Mapping[str, Any]) -> list[Problem]:
    """Return the unknown keys of a complete configuration (``patroni.yml``)."""
    found = _top_level(config)
    bootstrap = dig(config, "bootstrap")
    method = dig(bootstrap, "method")
    known = {"dcs", "initdb", "method", "post_bootstrap", "post_init"}
    if isinstance(method, str):
        known.add(method)
    found += _unknown(bootstrap, ("bootstrap",), known)
    found += dynamic_key_problems(dig(bootstrap, "dcs"), ("bootstrap", "dcs"))
    found += _postgresql(dig(config, "postgresql"), ("postgresql",), local=True)
    for path, names in _LEVELS.items():
        if path[:2] != ("bootstrap", "dcs"):
            found += _unknown(dig(config, *path), path, set(names.split()))
    return found


def dynamic_key_problems(dynamic: Any, path: tuple[str, ...]) -> list[Problem]:
    """Return the unknown keys of a dynamic configuration that stands at a path."""
    found = _unknown(dynamic, path, DYNAMIC)
    found += _postgresql(dig(dynamic, "postgresql"), (*path, "postgresql"), local=False)
    names = _LEVELS["bootstrap", "dcs", "standby_cluster"].split()
    return found + _unknown(dig(dynamic, "standby_cluster"), (*path, "standby_cluster"), set(names))


def _top_level(config: Mapping[str, Any]) -> list[Problem]:
    found = []
    for key in config:
        if key in DYNAMIC - LOCAL:
            found.append(
                Problem(
                    "dynamic_key_in_local_part",
                    str(key),
                    "stands at the top level",
                    "Patroni reads it from the dynamic configuration only and ignores it here",
                    f"move it to bootstrap.dcs.{key}",
                )
            )
        elif key in OTHER_STORES:
            found.append(
                Problem(
                    "unsupported_store",
                    str(key),
                    "is another configuration store than etcd3",
                    "leases and the computed bounds are those of etcd's version 3 API",
                    "use etcd3",
                )
            )
    return found + _unknown(config, (), LOCAL | DYNAMIC | OTHER_STORES)


def _postgresql(section: Any, path: tuple[str, ...], local: bool) -> list[Problem]:
    """Check the level ``postgresql``; the names of replica methods are keys of their own."""
    methods = dig(section, "create_replica_methods")
    known = set(POSTGRESQL_ANYWHERE) | (POSTGRESQL_LOCAL if local else set())
    if isinstance(methods, list):
        known |= {str(method) for method in methods}
    found = []
    if not local and isinstance(section, Mapping):
        misplaced = sorted(set(section) & POSTGRESQL_LOCAL)
        known |= set(misplaced)
        found = [
            Problem(
                "local_key_in_dynamic_part",
                ".".join((*path, key)),
                "stands in the dynamic configuration",
                "it belongs to one member, Patroni removes it from what all members share",
                f"move it to postgresql.{key} of the member",
            )
            for key in misplaced
        ]
    return found + _unknown(section, path, known)


def _unknown(level: Any, path: tuple[str, ...], known: frozenset[str] | set[str]) -> list[Problem]:
    if level is None:
        return []
    where = ".".join(path)
    if not isinstance(level, Mapping):
        return [
            Problem(
                "not_a_mapping",
                where,
                f"is {type(level).__name__}, not a mapping",
                "Patroni expects keys and values here",
                "write it as a mapping",
            )
        ]
    return [
        Problem(
            "unknown_key",
            f"{where}.{key}" if where else str(key),
            "unknown key",
            "Patroni ignores it, so what it was meant to set stays at its default",
            did_you_mean(str(key), known) + "Remove it or correct its name",
        )
        for key in level
        if key not in known
    ]
