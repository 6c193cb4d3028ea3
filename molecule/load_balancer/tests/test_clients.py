"""From a host of the cluster, as any client: through the address that the balancers share."""

from __future__ import annotations

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://order-backup"]


@pytest.mark.parametrize("port, recovers", [(5000, "f"), (5001, "t")])
def test_ports_lead_to_primary_and_replica(host: Host, port: int, recovers: str) -> None:
    address = host.ansible.get_variables()["private_address"].rsplit(".", 1)[0] + ".50"
    answer = host.check_output(
        f"PGPASSWORD=of-this-scenario-alone psql -At -c 'SELECT pg_is_in_recovery()'"
        f" 'host={address} port={port} user=probe dbname=postgres sslmode=verify-ca"
        f" sslrootcert=/etc/groundwork/tls/ca.crt'"
    )
    assert answer == recovers
