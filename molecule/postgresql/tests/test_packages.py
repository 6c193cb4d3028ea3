from __future__ import annotations

import pytest
from testinfra.host import Host

BIN = "/usr/lib/postgresql/17/bin"


@pytest.mark.parametrize(
    "name", ["postgresql-17", "postgresql-client-17", "postgresql-common", "python3-psycopg"]
)
def test_package_is_installed(host: Host, name: str) -> None:
    assert host.package(name).is_installed


def test_server_is_the_major_that_was_asked_for(host: Host) -> None:
    assert host.check_output(f"{BIN}/postgres --version").startswith("postgres (PostgreSQL) 17.")


def test_no_cluster_exists_and_no_server_runs(host: Host) -> None:
    assert host.check_output("pg_lsclusters --no-header") == ""
    assert host.check_output("find /var/lib/postgresql -name PG_VERSION") == ""
    assert host.process.filter(comm="postgres") == []
    assert not host.socket("tcp://5432").is_listening


def test_no_cluster_is_made_by_a_package_that_comes_later(host: Host) -> None:
    """What postgresql-common's maintainer scripts read, read as they do."""
    settings = host.file("/etc/postgresql-common/createcluster.d/groundwork.conf")
    assert (settings.user, settings.mode) == ("root", 0o644)
    ask = (
        "use PgCommon; my $file = '/etc/postgresql-common/createcluster.conf';"
        "my %said = PgCommon::read_conf_file($file); print $said{create_main_cluster}"
    )
    said = host.check_output("perl -I/usr/share/postgresql-common -e %s", ask)
    assert said == "false"


def test_extensions_are_there_for_who_asked_for_them(host: Host) -> None:
    asked = host.ansible.get_variables()["inventory_hostname"] == "extended"
    assert host.package("postgresql-17-cron").is_installed is asked
    assert host.file("/usr/share/postgresql/17/extension/pg_cron.control").exists is asked


def test_driver_serves_the_modules_that_create_users(host: Host) -> None:
    host.run_test('/usr/bin/python3 -c "import psycopg"')
