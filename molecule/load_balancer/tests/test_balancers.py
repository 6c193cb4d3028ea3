from __future__ import annotations

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://lb_orders"]

# What the admin socket answers, as a person in the group haproxy would ask it.
STATE = """python3 - <<'END'
import socket
asked = socket.socket(socket.AF_UNIX)
asked.connect("/run/haproxy/admin.sock")
asked.sendall(b"show stat\\n")
print(b"".join(iter(lambda: asked.recv(65536), b"")).decode())
END"""

# A client's request for TLS reaches PostgreSQL (it answers S), and the connection outlives a reload.
SESSION = """python3 - <<'END'
import socket, subprocess, time
session = socket.create_connection(("127.0.0.1", 5000), 5)
session.sendall(bytes.fromhex("0000000804d2162f"))
assert session.recv(1) == b"S", "PostgreSQL does not speak TLS"
subprocess.run(["systemctl", "reload", "haproxy"], check=True)
time.sleep(2)
session.settimeout(1)
try:
    assert session.recv(1), "the reload cut the session"
except TimeoutError:
    print("alive")
END"""

GET = (
    "python3 -c \"import urllib.request as r; print(r.urlopen('http://127.0.0.1:7000/{}').status)\""
)


def servers(host: Host, pool: str) -> dict[str, str]:
    rows = [line.split(",") for line in host.check_output(STATE).splitlines() if "," in line]
    column = rows[0].index("status")
    return {
        row[1]: row[column]
        for row in rows
        if row[0] == pool and row[1] not in ("FRONTEND", "BACKEND")
    }


@pytest.mark.parametrize("unit", ["haproxy", "keepalived"])
def test_services_run_and_start_at_boot(host: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_one_primary_and_the_other_member_is_replica(host: Host) -> None:
    primary, replicas = servers(host, "primary"), servers(host, "replicas")
    assert sorted(primary) == ["order-1", "order-2", "order-backup"]
    assert sorted(replicas) == ["order-1", "order-2"], "the backup host serves no reads"
    up = [name for name, state in primary.items() if state.startswith("UP")]
    assert len(up) == 1
    assert [name for name, state in replicas.items() if state.startswith("UP")] == sorted(
        set(replicas) - set(up)
    )


def test_session_survives_a_reload(host: Host) -> None:
    assert host.check_output(SESSION) == "alive"


def test_health_needs_no_password_and_the_rest_does(host: Host) -> None:
    assert host.check_output(GET.format("health")) == "200"
    for path in ("", "metrics"):
        assert "401" in host.run(GET.format(path)).stderr


def test_secrets_and_socket_are_closed_to_others(host: Host) -> None:
    for path in ("/etc/haproxy/haproxy.cfg", "/etc/haproxy/statistics.allow"):
        assert (host.file(path).mode, host.file(path).group) == (0o640, "haproxy")
    assert host.file("/run/haproxy/admin.sock").mode == 0o660


def test_keepalived_asks_whether_the_balancer_works(host: Host) -> None:
    assert host.run("/etc/keepalived/balancer-serves 7000").succeeded
    assert host.run("/etc/keepalived/balancer-serves 7001").failed
