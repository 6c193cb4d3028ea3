from __future__ import annotations

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://pg_ledger"]
EXPORTERS = [("prometheus-node-exporter", 9100), ("prometheus-postgres-exporter", 9187)]


@pytest.mark.parametrize("unit, port", EXPORTERS)
def test_exporter_runs_without_privileges_on_the_private_address(
    host: Host, unit: str, port: int
) -> None:
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled
    process = host.check_output("systemctl show --property MainPID --value %s", unit)
    assert host.check_output("ps -o user= -p %s", process) == "prometheus"
    address = host.ansible.get_variables()["private_address"]
    assert host.check_output(f"ss -Hltn 'sport = :{port}'").split()[3] == f"{address}:{port}"


@pytest.mark.parametrize("port", [port for _, port in EXPORTERS])
def test_exporter_speaks_tls_with_the_certificate_of_the_host(host: Host, port: int) -> None:
    address = host.ansible.get_variables()["private_address"]
    program = (
        "import ssl, sys, urllib.request as r;"
        "c = ssl.create_default_context(cafile='/etc/groundwork/tls/ca.crt');"
        "print(r.urlopen(f'https://{sys.argv[1]}/metrics', context=c).status)"
    )
    assert host.check_output("python3 -c %s %s", program, f"{address}:{port}") == "200"


def test_no_collector_of_the_recommended_packages(host: Host) -> None:
    assert not host.package("smartmontools").is_installed
