"""What a client on another host is given, and what it is refused."""

from __future__ import annotations

import pytest
from testinfra.backend.base import CommandResult
from testinfra.host import Host

testinfra_hosts = ["ansible://etcd_shop"]

MEMBERS = ("shop-1", "shop-2")
TLS = "sslmode=verify-full sslrootcert=/etc/groundwork/tls/ca.crt"
PASSWORD = "of-this-scenario-alone"


def address(host: Host, member: str) -> str:
    network, _, _ = host.ansible.get_variables()["private_address"].rpartition(".")
    return f"{network}.{10 + int(member[-1])}"


def psql(
    host: Host, target: str, query: str = "select 1", user: str = "shop", more: str = TLS
) -> CommandResult:
    connection = f"host={target} user={user} dbname=shop connect_timeout=5 {more}"
    command = "PGPASSWORD=%s psql -XAtq %s -c %s"
    return host.run(command, PASSWORD, connection, query)


def primary(host: Host) -> str:
    both = ",".join(address(host, member) for member in MEMBERS)
    found = psql(
        host, both, "select host(inet_server_addr())", more=f"{TLS} target_session_attrs=primary"
    )
    assert found.rc == 0, found.stderr
    return str(found.stdout.strip())


def test_payments_are_written_by_who_owns_the_database(host: Host) -> None:
    table = "create table if not exists paid (at timestamptz default now())"
    written = psql(host, primary(host), f"{table}; insert into paid default values returning 1")
    assert (written.rc, written.stdout.strip()) == (0, "1")


@pytest.mark.parametrize("member", MEMBERS)
def test_connection_is_encrypted_and_the_server_proves_who_it_is(host: Host, member: str) -> None:
    query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    assert psql(host, address(host, member), query).stdout.strip() == "t"


@pytest.mark.parametrize("member", MEMBERS)
def test_plain_tcp_is_refused(host: Host, member: str) -> None:
    refused = psql(host, address(host, member), more="sslmode=disable")
    assert refused.rc != 0
    assert "no encryption" in refused.stderr


def test_wrong_password_is_refused(host: Host) -> None:
    refused = psql(host, primary(host), more=f"{TLS} password=wrong")
    assert refused.rc != 0
    assert "password authentication failed" in refused.stderr


@pytest.mark.parametrize("user", ["postgres", "replicator", "rewind"])
def test_users_of_the_cluster_itself_stay_among_its_members(host: Host, user: str) -> None:
    refused = psql(host, primary(host), user=user)
    assert refused.rc != 0
    assert "pg_hba.conf rejects connection" in refused.stderr


def test_a_server_under_another_name_is_not_trusted(host: Host) -> None:
    refused = psql(host, f"elsewhere hostaddr={primary(host)}")
    assert refused.rc != 0
    assert 'does not match host name "elsewhere"' in refused.stderr


def test_a_reader_changes_nothing(host: Host) -> None:
    refused = psql(host, primary(host), "create table mine ()", user="reader")
    assert refused.rc != 0
    assert "permission denied for schema public" in refused.stderr
