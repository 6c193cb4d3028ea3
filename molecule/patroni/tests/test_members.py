from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import (
    rto_preset,
)
from testinfra.host import Host

testinfra_hosts = ["ansible://pg_shop"]

CONFIG = "/etc/patroni/cluster"
CA = "/etc/groundwork/tls/ca.crt"

# python3 - METHOD URL [BODY]: prints the status and the answer.
CALL = """python3 - %s %s %s <<'END'
import ssl, sys, urllib.error, urllib.request
method, url, body = sys.argv[1:4]
request = urllib.request.Request(url, body.encode() or None, method=method)
try:
    answer = urllib.request.urlopen(
        request, timeout=5, context=ssl.create_default_context(cafile="/etc/groundwork/tls/ca.crt")
    )
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
END"""


def address(host: Host) -> str:
    return str(host.ansible.get_variables()["private_address"])


def ask(host: Host, query: str) -> str:
    return str(host.check_output("runuser -u postgres -- psql -XAtqc %s", query))


def call(host: Host, path: str, method: str = "GET", body: str = "") -> tuple[int, str]:
    said = host.check_output(CALL, method, f"https://{address(host)}:8008{path}", body)
    status, _, text = said.partition(" ")
    return int(status), text


def configuration(host: Host) -> dict[str, Any]:
    """The cluster's dynamic configuration, as Patroni tells it."""
    told: dict[str, Any] = json.loads(call(host, "/config")[1])
    return told


def members(host: Host) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(call(host, "/cluster")[1])["members"]}


def is_primary(host: Host) -> bool:
    return ask(host, "select pg_is_in_recovery()") == "f"


def test_patroni_runs_and_starts_at_boot(host: Host) -> None:
    assert host.service("patroni").is_running
    assert host.service("patroni").is_enabled
    assert host.process.filter(comm="postgres")
    assert {one.user for one in host.process.filter(comm="patroni")} == {"postgres"}


def test_a_leader_and_a_replica_that_confirms_commits(host: Host) -> None:
    roles = sorted(one["role"] for one in members(host).values())
    assert roles == ["leader", "quorum_standby"]
    assert {one["state"] for one in members(host).values()} == {"running", "streaming"}


def test_members_are_named_and_addressed_by_the_inventory(host: Host) -> None:
    assert sorted(members(host)) == ["shop-1", "shop-2"]
    name = host.ansible.get_variables()["inventory_hostname"]
    assert members(host)[name]["host"] == address(host)


def test_commits_wait_for_the_replica(host: Host) -> None:
    told = configuration(host)
    assert told["synchronous_mode"] == "quorum"
    assert told["synchronous_node_count"] == 1
    assert not told.get("synchronous_mode_strict", False)
    if is_primary(host):
        assert re.match(r'ANY 1 \("?shop-\d"?\)$', ask(host, "show synchronous_standby_names"))
        assert ask(host, "select sync_state from pg_stat_replication") == "quorum"


def test_timings_are_those_of_the_preset(host: Host) -> None:
    told, preset = configuration(host), rto_preset("fast").to_dict()
    assert {name: told[name] for name in preset["patroni"]} == preset["patroni"]
    parameters = told["postgresql"]["parameters"]
    for name, value in preset["postgresql_parameters"].items():
        assert parameters[name] == value
        # As it was written; asked for itself, PostgreSQL says 5s for 5000ms.
        query = f"select setting from pg_file_settings where name = '{name}' and applied"
        assert ask(host, query) == str(value)


def test_data_has_checksums_and_can_be_rewound(host: Host) -> None:
    assert ask(host, "show data_checksums") == "on"
    assert ask(host, "show wal_log_hints") == "on"
    assert configuration(host)["postgresql"]["use_pg_rewind"] is True


def test_data_belongs_to_postgres_alone(host: Host) -> None:
    data = host.file(ask(host, "show data_directory"))
    assert data.path == "/var/lib/postgresql/17/shop" or data.path.startswith("/srv/postgresql/")
    assert (data.user, data.mode) == ("postgres", 0o700)
    assert host.check_output("pg_lsclusters --no-header") == ""


def test_passwords_are_kept_as_scram(host: Host) -> None:
    assert ask(host, "show password_encryption") == "scram-sha-256"
    others = "rolpassword is not null and rolpassword not like 'SCRAM-SHA-256$%'"
    assert ask(host, f"select rolname from pg_authid where {others}") == ""
    users = ask(host, "select rolname from pg_authid where rolpassword is not null order by 1")
    assert users.split() == ["postgres", "reader", "replicator", "rewind", "shop"]


def test_users_and_databases_are_what_was_asked_for(host: Host) -> None:
    assert ask(host, "select pg_get_userbyid(datdba) from pg_database where datname='shop'") == (
        "shop"
    )
    assert ask(host, "select rolsuper from pg_roles where rolname='shop'") == "f"
    assert ask(host, "select pg_has_role('watcher', 'pg_monitor', 'member')") == "t"
    in_shop = "runuser -u postgres -- psql -XAtqd shop -c %s"
    extensions = "select extname from pg_extension where extname = 'pgcrypto'"
    assert host.check_output(in_shop, extensions) == "pgcrypto"
    granted = "select has_schema_privilege('reader', 'public', 'usage')"
    assert host.check_output(in_shop, granted) == "t"


def test_slots_for_the_replica_and_for_good(host: Host) -> None:
    slots = ask(host, "select slot_name from pg_replication_slots order by 1").split()
    other = {"shop-1": "shop_2", "shop-2": "shop_1"}
    name = host.ansible.get_variables()["inventory_hostname"]
    assert "archive" in slots
    if is_primary(host):
        assert other[name] in slots


def test_replication_is_encrypted(host: Host) -> None:
    if is_primary(host):
        query = (
            "select ssl, version >= 'TLSv1.2' from pg_stat_ssl join pg_stat_replication using (pid)"
        )
        assert ask(host, query) == "t|t"


def test_every_line_of_pg_hba_is_read_and_encrypted(host: Host) -> None:
    assert ask(host, "select error from pg_hba_file_rules where error is not null") == ""
    assert set(ask(host, "select distinct type from pg_hba_file_rules").split()) == {
        "local",
        "hostssl",
    }


def test_files_are_for_root_and_the_server_only(host: Host) -> None:
    folder = host.file(CONFIG)
    assert (folder.user, folder.group, folder.mode) == ("root", "postgres", 0o750)
    for name in ("10-patroni.yml", "20-secrets.yml"):
        one = host.file(f"{CONFIG}/{name}")
        assert (one.user, one.group, one.mode) == ("root", "postgres", 0o640)


def secrets(host: Host) -> list[str]:
    """The values in the file of secrets, all but the one name that stands among them."""
    text = host.file(f"{CONFIG}/20-secrets.yml").content_string
    return re.findall(r'password: "(.+)"', text)


def test_no_secret_stands_anywhere_else(host: Host) -> None:
    found = secrets(host)
    assert len(found) == 5
    assert min(map(len, found)) >= 20
    places = {
        "configuration": host.file(f"{CONFIG}/10-patroni.yml").content_string,
        "unit": host.file("/etc/systemd/system/patroni.service").content_string,
        "arguments": host.check_output("ps -eww -o args"),
        "journal": host.check_output("journalctl --no-pager --output cat"),
    }
    for place, text in places.items():
        assert text
        assert not [number for number, secret in enumerate(found) if secret in text], place


@pytest.mark.parametrize("path", ["/", "/cluster", "/patroni", "/metrics"])
def test_questions_are_answered_over_tls(host: Host, path: str) -> None:
    status, _ = call(host, path)
    assert status == 200 or (path == "/" and not is_primary(host))


@pytest.mark.parametrize(
    "path, method, body",
    [
        ("/config", "PATCH", '{"ttl": 30}'),
        ("/restart", "POST", "{}"),
        ("/reload", "POST", "{}"),
        ("/switchover", "POST", '{"leader": "shop-1"}'),
        ("/failover", "POST", '{"candidate": "shop-2"}'),
        ("/reinitialize", "POST", "{}"),
    ],
)
def test_unsafe_calls_need_the_password(host: Host, path: str, method: str, body: str) -> None:
    status, _ = call(host, path, method, body)
    assert status == 401


def test_nothing_is_said_without_tls(host: Host) -> None:
    plain = f"import urllib.request as r; r.urlopen('http://{address(host)}:8008/', timeout=3)"
    assert host.run("python3 -c %s", plain).failed
